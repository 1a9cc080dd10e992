//! Resources: columns, names, pages.

use crate::{at, block_on, fresh};
use outcrop_store::{Cursor, Kind, PutError, Resource, Store, StoreError, Tx};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn agent<'a>(id: &'a str, name: Option<&'a str>, updated: i64) -> Resource<'a> {
    Resource { kind: Kind::Agent, parent: "", id, name, created_at: at(0), updated_at: at(updated) }
}

#[tokio::test]
async fn ids_and_names_are_told_apart() {
    let (_folder, store) = fresh();
    let work = |tx: &mut Tx<'_>| -> Result<(), PutError> {
        tx.insert(&agent("1", Some("a"), 1), &"one")?;
        assert_eq!(tx.insert(&agent("1", Some("b"), 1), &""), Err(PutError::IdTaken));
        assert_eq!(tx.insert(&agent("2", Some("a"), 1), &""), Err(PutError::NameTaken));
        tx.insert(&agent("2", None, 2), &"two")?;
        tx.insert(&agent("3", None, 2), &"three")?;
        assert_eq!(tx.update(&agent("2", Some("a"), 3), &""), Err(PutError::NameTaken));
        assert_eq!(tx.update(&agent("9", Some("z"), 3), &""), Ok(false));
        assert_eq!(tx.update(&agent("1", Some("b"), 3), &"one again"), Ok(true));
        assert_eq!(tx.put(&agent("2", Some("b"), 3), &""), Err(PutError::NameTaken));
        tx.put(&agent("2", Some("a"), 4), &"two again")?;
        tx.put(&agent("4", None, 5), &"four")?;
        // The same id and name under another parent or kind is another resource.
        tx.insert(&Resource { parent: "p", ..agent("1", Some("a"), 1) }, &"child")?;
        tx.insert(&Resource { kind: Kind::Stack, ..agent("1", Some("a"), 1) }, &"stack")?;
        Ok(())
    };
    store.write(work).await.unwrap();
    store
        .read(|tx| {
            let find = |name: &str| tx.find_by_name::<String>(Kind::Agent, "", name);
            assert_eq!(find("a")?.as_deref(), Some("two again"));
            assert_eq!(find("b")?.as_deref(), Some("one again"));
            assert_eq!(find("c")?, None);
            assert_eq!(tx.get::<String>(Kind::Agent, "p", "1")?.as_deref(), Some("child"));
            assert_eq!(tx.get::<String>(Kind::Agent, "q", "1")?, None);
            assert!(tx.exists(Kind::Stack, "", "1")? && !tx.exists(Kind::Stack, "", "2")?);
            assert_eq!(
                tx.list_all::<String>(Kind::Agent, "")?,
                ["four", "two again", "one again", "three"],
                "last updated first"
            );
            assert_eq!(tx.count(Kind::Agent, "")?, 4);
            assert!(matches!(tx.get::<u64>(Kind::Agent, "", "1"), Err(StoreError::Corrupt(_))));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let gone = store.write(|tx| {
        assert!(tx.delete(Kind::Agent, "p", "1")?);
        assert!(!tx.delete(Kind::Agent, "p", "1")?);
        tx.delete_children(Kind::Agent, "")
    });
    assert_eq!(gone.await, Ok(4));
    assert_eq!(store.read(|tx| tx.count(Kind::Stack, "")).await, Ok(1));
}

/// What happens between two pages.
#[derive(Clone, Debug)]
enum Meanwhile {
    Touch(u8),
    Delete(u8),
    Add(u8),
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    prop_oneof![
        any::<u8>().prop_map(Meanwhile::Touch),
        any::<u8>().prop_map(Meanwhile::Delete),
        any::<u8>().prop_map(Meanwhile::Add)
    ]
}

async fn write(store: &Store, id: String, updated: i64) {
    store.write(move |tx| tx.put(&agent(&id, None, updated), &id)).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Pages in which others write meanwhile show every untouched item exactly once.
    #[test]
    fn pages_neither_skip_nor_repeat(
        items in prop::collection::btree_map(0_u8..40, 0_i64..6, 0..30),
        limit in 1_usize..7,
        changes in prop::collection::vec(prop::collection::vec(meanwhile(), 0..3), 0..8),
    ) {
        block_on(async {
            let (_folder, store) = fresh();
            for (id, updated) in &items {
                write(&store, format!("{id:03}"), *updated).await;
            }
            let mut untouched: BTreeSet<String> = items.keys().map(|id| format!("{id:03}")).collect();
            let mut seen = Vec::<String>::new();
            let mut after = None;
            let mut changes = changes.into_iter();
            loop {
                let from = after.take();
                let (page, next) =
                    store.read(move |tx| tx.list_page::<String>(Kind::Agent, "", from.as_ref(), limit)).await.unwrap();
                prop_assert!(page.len() <= limit);
                seen.extend(page);
                let Some(next) = next else { break };
                after = Cursor::parse(Kind::Agent, "", &next.to_token(Kind::Agent, ""));
                for (change, now) in changes.next().into_iter().flatten().zip(100..) {
                    let (Meanwhile::Touch(n) | Meanwhile::Delete(n) | Meanwhile::Add(n)) = change;
                    let id = format!("{:03}", n % 40);
                    untouched.remove(&id);
                    match change {
                        Meanwhile::Delete(_) => {
                            store.write(move |tx| tx.delete(Kind::Agent, "", &id)).await.unwrap();
                        }
                        Meanwhile::Touch(_) => write(&store, id, now).await,
                        Meanwhile::Add(n) => write(&store, format!("new-{n}"), i64::from(n % 8)).await,
                    }
                }
            }
            let mut times = BTreeMap::new();
            seen.iter().for_each(|id| *times.entry(id.clone()).or_insert(0) += 1);
            for id in untouched {
                prop_assert_eq!(times.get(&id), Some(&1), "{} in {:?}", id, &seen);
            }
            Ok(())
        })?;
    }
}
