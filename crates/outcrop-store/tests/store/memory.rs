//! What agents remember: order, pages, expiry, forgetting.

use crate::{at, fresh};
use outcrop_store::{MemorySummary, ReadTx, Remembered, RowCursor, StoreError, Tx};

const DAY: i64 = 24 * 60 * 60;
const ANNA: (&str, &str, &str) = ("AGENT", "ALIAS", "anna");

fn summary(session: &str, began: i64, expires: i64) -> MemorySummary {
    MemorySummary {
        session_id: session.to_owned(),
        started_at: at(began),
        expires_at: at(expires),
        summary: format!("what was said in {session}"),
    }
}

fn sessions(tx: &ReadTx<'_>, of: (&str, &str, &str), now: i64) -> Result<Vec<String>, StoreError> {
    let (found, next) = tx.list_memory(of, at(now), None, 100)?;
    assert_eq!(next, None);
    Ok(found.into_iter().map(|one| one.session_id).collect())
}

#[tokio::test]
async fn summaries_are_listed_newest_first_until_they_expire() {
    let (_folder, store) = fresh();
    let work = |tx: &mut Tx<'_>| {
        for (session, began) in [("a", 1), ("c", 3), ("b", 2), ("b2", 2)] {
            tx.put_memory(ANNA, &summary(session, began, began + DAY), at(began))?;
        }
        tx.put_memory(("AGENT", "OTHER", "anna"), &summary("x", 1, DAY), at(1))?;
        tx.put_memory(("AGENT", "ALIAS", "bert"), &summary("y", 1, DAY), at(1))?;
        assert_eq!(sessions(tx, ANNA, 5)?, ["c", "b2", "b", "a"]);
        assert_eq!(sessions(tx, ANNA, DAY + 2)?, ["c"], "what has expired is not shown");
        assert_eq!(sessions(tx, ("AGENT", "ALIAS", "nobody"), 5)?, Vec::<String>::new());

        // A session summed up again is remembered once, in its new words.
        let again = MemorySummary { summary: "anew".to_owned(), ..summary("a", 4, 4 + DAY) };
        tx.put_memory(ANNA, &again, at(4))?;
        let (first, next) = tx.list_memory(ANNA, at(5), None, 1)?;
        assert_eq!(first, [again]);
        let next = next.map(|next| RowCursor::parse("memory", "anna", &next.to_token("memory", "anna")).unwrap());
        // A page goes on where it stopped, whatever comes in before it.
        tx.put_memory(ANNA, &summary("d", 9, 9 + DAY), at(5))?;
        let (rest, next) = tx.list_memory(ANNA, at(5), next, 10)?;
        assert_eq!(rest.iter().map(|one| one.session_id.as_str()).collect::<Vec<_>>(), ["c", "b2", "b"]);
        assert_eq!(next, None);

        // What has expired goes when something comes.
        tx.put_memory(ANNA, &summary("e", 3 * DAY, 4 * DAY), at(3 * DAY))?;
        assert_eq!(sessions(tx, ANNA, 0)?, ["e"]);
        Ok::<_, StoreError>(())
    };
    store.write(work).await.unwrap();
}

#[tokio::test]
async fn forgetting_reaches_as_far_as_it_is_told() {
    let (_folder, store) = fresh();
    let work = |tx: &mut Tx<'_>| {
        for alias in ["ONE", "TWO"] {
            for memory in ["anna", "bert"] {
                for session in ["a", "b"] {
                    tx.put_memory(("AGENT", alias, memory), &summary(session, 1, DAY), at(1))?;
                }
            }
        }
        for n in 0..2_100 {
            tx.put_memory(("MANY", "ONE", "anna"), &summary(&n.to_string(), n, DAY), at(1))?;
        }
        tx.put_memory(("OTHER", "ONE", "anna"), &summary("a", 1, DAY), at(1))
    };
    store.write(work).await.unwrap();
    let which = |alias: Option<&str>, memory: Option<&str>, session: Option<&str>| Remembered {
        agent_id: "AGENT".to_owned(),
        alias_id: alias.map(str::to_owned),
        memory_id: memory.map(str::to_owned),
        session_id: session.map(str::to_owned),
    };
    assert_eq!(store.delete_memory(which(Some("ONE"), Some("anna"), Some("a"))).await, Ok(1));
    assert_eq!(store.delete_memory(which(Some("ONE"), None, Some("b"))).await, Ok(2));
    assert_eq!(store.delete_memory(which(Some("TWO"), Some("bert"), None)).await, Ok(2));
    assert_eq!(store.delete_memory(which(Some("NONE"), None, None)).await, Ok(0));
    assert_eq!(store.delete_memory(which(None, None, None)).await, Ok(3));
    let many = Remembered { agent_id: "MANY".to_owned(), ..Remembered::default() };
    assert_eq!(store.delete_memory(many).await, Ok(2_100));
    let left = store.read(|tx| sessions(tx, ("OTHER", "ONE", "anna"), 2)).await;
    assert_eq!(left, Ok(vec!["a".to_owned()]));
}

#[test]
fn no_day_counts_as_one() {
    let days = |days| MemorySummary::expiry(at(0), days);
    assert_eq!((days(0), days(1), days(30)), (at(DAY), at(DAY), at(30 * DAY)));
}
