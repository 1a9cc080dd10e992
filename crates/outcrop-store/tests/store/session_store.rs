//! The session store: sessions, invocations, steps, and lists of them while others write.

use crate::{at, block_on, fresh};
use outcrop_store::{
    Invocation, InvocationStep, RowCursor, SessionAttributes, Store, StoreError, StoredSession, Tx, Within,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn session(id: &str, seconds: i64) -> StoredSession {
    StoredSession {
        number: 0,
        id: id.to_owned(),
        created_at: at(seconds),
        updated_at: at(seconds),
        ended: false,
        invocations: 0,
        steps: 0,
    }
}

fn attributes(user: &str) -> SessionAttributes {
    SessionAttributes { metadata: BTreeMap::from([("user".to_owned(), user.to_owned())]), encryption_key_arn: None }
}

fn invocation(id: &str, seconds: i64) -> Invocation {
    Invocation { number: 0, id: id.to_owned(), created_at: at(seconds), description: None }
}

fn step(id: &str, seconds: i64) -> InvocationStep {
    InvocationStep { invocation_id: "i".to_owned(), id: id.to_owned(), at: at(seconds) }
}

/// The session with this id, made if need be, with an invocation `i`; and the invocation's number.
fn made(tx: &mut Tx<'_>, id: &str) -> Result<(StoredSession, i64), StoreError> {
    if tx.stored_session(id)?.is_none() {
        tx.insert_stored_session(&session(id, 0), &attributes(id))?;
        let session = tx.stored_session(id)?.unwrap();
        assert!(tx.insert_invocation(&session, &invocation("i", 0))?);
    }
    let session = tx.stored_session(id)?.unwrap();
    let invocation = tx.invocation(session.number, "i")?.unwrap();
    Ok((session, invocation.number))
}

async fn put(store: &Store, id: &str, step: InvocationStep) {
    let id = id.to_owned();
    let work = move |tx: &mut Tx<'_>| {
        let (session, invocation) = made(tx, &id)?;
        let payload = format!("payload of {}", step.id);
        tx.put_invocation_step(&session, invocation, &step, &payload, at(1_000)).map(drop)
    };
    store.write(work).await.unwrap();
}

#[tokio::test]
async fn sessions_hold_what_is_put_and_count_it() {
    let (_folder, store) = fresh();
    let work = |tx: &mut Tx<'_>| {
        let (mut one, number) = made(tx, "one")?;
        let (other, other_number) = made(tx, "other")?;
        assert!(!tx.insert_invocation(&one, &invocation("i", 5))?, "the id is taken in this session");
        assert!(tx.insert_invocation(&one, &Invocation { description: Some("second".into()), ..invocation("j", 5) })?);
        assert_ne!(number, other_number, "the same id in another session is another invocation");

        assert!(tx.put_invocation_step(&one, number, &step("s", 7), &"first", at(8))?);
        assert!(!tx.put_invocation_step(&one, number, &step("s", 9), &"again", at(9))?);
        assert_eq!(tx.invocation_step::<String>(number, "s")?, Some((step("s", 9), "again".into())));
        assert_eq!(tx.invocation_step::<String>(other_number, "s")?, None);
        let counted = tx.stored_session("one")?.unwrap();
        assert_eq!((counted.invocations, counted.steps, counted.updated_at), (2, 1, at(9)));

        one = StoredSession { ended: true, updated_at: at(10), ..counted };
        assert!(tx.update_stored_session(&one)?);
        assert_eq!(tx.session_attributes(one.number)?, Some(attributes("one")));
        tx.set_session_attributes(one.number, &attributes("anna"))?;
        assert_eq!(tx.session_attributes(one.number)?, Some(attributes("anna")));
        assert_eq!(tx.session_attributes(other.number)?, Some(attributes("other")));
        assert_eq!(tx.stored_session("one")?, Some(one));
        let (listed, next) = tx.list_stored_sessions(None, 10)?;
        assert_eq!(listed.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), ["other", "one"]);
        assert_eq!(next, None);
        let described = tx.list_invocations(listed[1].number, None, 10)?.0;
        assert_eq!(described.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["j", "i"]);
        assert_eq!(described[0].description.as_deref(), Some("second"));
        assert!(matches!(
            tx.insert_stored_session(&session(&other.id, 1), &attributes("x")),
            Err(StoreError::Conflict(_))
        ));
        Ok::<_, StoreError>(())
    };
    store.write(work).await.unwrap();
}

#[tokio::test]
async fn a_deleted_session_is_gone_at_once_and_its_rows_soon() {
    let (_folder, store) = fresh();
    let fill = |id: &'static str, steps: i64| {
        let work = move |tx: &mut Tx<'_>| {
            let (session, number) = made(tx, id)?;
            for n in 0..steps {
                tx.put_invocation_step(&session, number, &step(&format!("s{n}"), n), &n, at(n))?;
            }
            Ok::<_, StoreError>(session.number)
        };
        store.write(work)
    };
    let number = fill("big", 1_300).await.unwrap();
    let kept = fill("kept", 3).await.unwrap();
    assert_eq!(store.purge_stored_sessions().await, Ok(0));
    let deleted = store
        .write(move |tx| Ok::<_, StoreError>((tx.delete_stored_session(number)?, tx.delete_stored_session(number)?)));
    assert_eq!(deleted.await, Ok((true, false)));
    let seen = store.read(|tx| {
        let listed = tx.list_stored_sessions(None, 10)?.0;
        Ok::<_, StoreError>((tx.stored_session("big")?, listed.into_iter().map(|one| one.id).collect::<Vec<_>>()))
    });
    assert_eq!(seen.await, Ok((None, vec!["kept".to_owned()])));
    assert_eq!(store.purge_stored_sessions().await, Ok(1_302), "its steps, its invocation, itself");
    let left = store.read(move |tx| {
        let of =
            |session| Ok::<_, StoreError>(tx.list_invocation_steps(Within::Session(session), None, 1_000)?.0.len());
        Ok::<_, StoreError>((of(number)?, of(kept)?))
    });
    assert_eq!(left.await, Ok((0, 3)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Pages of steps in which others put steps meanwhile show every untouched step once, in order.
    #[test]
    fn pages_of_steps_neither_skip_nor_repeat(
        times in prop::collection::vec(0_i64..6, 0..25),
        limit in 1_usize..7,
        by_invocation: bool,
        changes in prop::collection::vec(prop::collection::vec((0_usize..40, 0_i64..8), 0..3), 0..8),
    ) {
        block_on(async {
            let (_folder, store) = fresh();
            store.write(|tx| made(tx, "one").map(drop)).await.unwrap();
            for (n, seconds) in times.iter().enumerate() {
                put(&store, "one", step(&format!("s{n}"), *seconds)).await;
                put(&store, "other", step(&format!("s{n}"), *seconds)).await;
            }
            // Latest first; of one instant the last put first.
            let mut expected: Vec<(i64, usize)> = times.iter().enumerate().map(|(n, seconds)| (*seconds, n)).collect();
            expected.sort_unstable_by(|a, b| b.cmp(a));
            let mut changes = changes.into_iter();
            let (mut seen, mut token) = (Vec::new(), None::<String>);
            loop {
                let after = token.take().map(|token| RowCursor::parse("steps", "one", &token).unwrap());
                let work = move |tx: &outcrop_store::ReadTx<'_>| {
                    let session = tx.stored_session("one")?.unwrap();
                    let invocation = tx.invocation(session.number, "i")?.unwrap();
                    let within = match by_invocation {
                        true => Within::Invocation(invocation.number),
                        false => Within::Session(session.number),
                    };
                    tx.list_invocation_steps(within, after, limit)
                };
                let (page, next) = store.read::<_, StoreError, _>(work).await.unwrap();
                prop_assert!(page.len() <= limit);
                seen.extend(page.into_iter().map(|step| step.id));
                let Some(next) = next else { break };
                token = Some(next.to_token("steps", "one"));
                for (n, seconds) in changes.next().into_iter().flatten() {
                    let id = format!("s{n}");
                    expected.retain(|(_, other)| *other != n);
                    put(&store, "one", step(&id, seconds)).await;
                }
            }
            let untouched: Vec<String> = expected.iter().map(|(_, n)| format!("s{n}")).collect();
            let seen: Vec<String> = seen.into_iter().filter(|id| untouched.contains(id)).collect();
            prop_assert_eq!(seen, untouched);
            Ok(())
        })?;
    }
}
