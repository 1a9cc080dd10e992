//! Random operations against a map in memory.

use crate::{at, block_on, open};
use outcrop_store::{Kind, PutError, Resource, StoreError};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Op {
    Insert(u8, Option<u8>, i64),
    Update(u8, Option<u8>, i64),
    Put(u8, Option<u8>, i64),
    Delete(u8),
    /// All of them, then fails: nothing may remain.
    Failing(Vec<u8>),
    Reopen,
}

/// Id to name, time of update and document.
type Model = BTreeMap<String, (Option<String>, i64, u32)>;

fn op() -> impl Strategy<Value = Op> {
    let fields = || (0_u8..6, prop::option::of(0_u8..4), 0_i64..5);
    prop_oneof![
        4 => fields().prop_map(|(id, name, at)| Op::Insert(id, name, at)),
        4 => fields().prop_map(|(id, name, at)| Op::Update(id, name, at)),
        4 => fields().prop_map(|(id, name, at)| Op::Put(id, name, at)),
        3 => (0_u8..6).prop_map(Op::Delete),
        1 => prop::collection::vec(0_u8..6, 0..4).prop_map(Op::Failing),
        1 => Just(Op::Reopen),
    ]
}

/// What the store should answer, with the model changed accordingly.
fn expect(model: &mut Model, op: &Op, doc: u32) -> &'static str {
    let (id, name, at) = match op {
        Op::Insert(id, name, at) | Op::Update(id, name, at) | Op::Put(id, name, at) => (id, name, *at),
        Op::Delete(id) => return if model.remove(&id.to_string()).is_some() { "done" } else { "absent" },
        Op::Failing(_) => return "failed",
        Op::Reopen => return "done",
    };
    let (id, name) = (id.to_string(), name.map(|name| name.to_string()));
    let there = model.contains_key(&id);
    let taken = name.is_some() && model.iter().any(|(other, (held, ..))| *other != id && *held == name);
    match op {
        Op::Insert(..) if there => return "id taken",
        Op::Update(..) if !there => return "absent",
        _ if taken => return "name taken",
        _ => {}
    }
    model.insert(id, (name, at, doc));
    "done"
}

fn told(result: Result<bool, PutError>) -> &'static str {
    match result {
        Ok(true) => "done",
        Ok(false) => "absent",
        Err(PutError::IdTaken) => "id taken",
        Err(PutError::NameTaken) => "name taken",
        Err(PutError::Store(StoreError::Closed)) => "failed",
        Err(PutError::Store(error)) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn resources_are_what_a_map_says(ops in prop::collection::vec(op(), 1..40)) {
        let place = crate::place();
        block_on(async {
            let mut store = open(&place);
            let mut model = Model::new();
            for (op, doc) in ops.into_iter().zip(0_u32..) {
                let expected = expect(&mut model, &op, doc);
                if matches!(op, Op::Reopen) {
                    store.close().await;
                    store = open(&place);
                    continue;
                }
                let work = move |tx: &mut outcrop_store::Tx<'_>| {
                    let name = |name: &Option<u8>| name.map(|name| name.to_string());
                    match &op {
                        Op::Insert(id, n, updated) => {
                            tx.insert(&resource(&id.to_string(), name(n).as_deref(), *updated), &doc).map(|()| true)
                        }
                        Op::Update(id, n, updated) => {
                            tx.update(&resource(&id.to_string(), name(n).as_deref(), *updated), &doc)
                        }
                        Op::Put(id, n, updated) => {
                            tx.put(&resource(&id.to_string(), name(n).as_deref(), *updated), &doc).map(|()| true)
                        }
                        Op::Delete(id) => Ok(tx.delete(Kind::Agent, "", &id.to_string())?),
                        Op::Failing(ids) => {
                            for id in ids {
                                tx.put(&resource(&id.to_string(), None, 9), &doc)?;
                            }
                            Err(StoreError::Closed.into())
                        }
                        Op::Reopen => Ok(true),
                    }
                };
                prop_assert_eq!(told(store.write(work).await), expected);
                let by_time: Vec<u32> = {
                    let mut rows: Vec<_> = model.iter().collect();
                    rows.sort_by(|(a, (_, at_a, _)), (b, (_, at_b, _))| at_b.cmp(at_a).then(a.cmp(b)));
                    rows.into_iter().map(|(_, (.., doc))| *doc).collect()
                };
                prop_assert_eq!(store.read(|tx| tx.list_all::<u32>(Kind::Agent, "")).await.unwrap(), by_time);
                for n in 0_u8..4 {
                    let n = n.to_string();
                    let held = model.values().find(|(name, ..)| name.as_ref() == Some(&n)).map(|(.., doc)| *doc);
                    let found = store.read(move |tx| tx.find_by_name::<u32>(Kind::Agent, "", &n)).await;
                    prop_assert_eq!(found.unwrap(), held);
                }
            }
            Ok(())
        })?;
    }
}

fn resource<'a>(id: &'a str, name: Option<&'a str>, updated: i64) -> Resource<'a> {
    Resource { kind: Kind::Agent, parent: "", id, name, created_at: at(0), updated_at: at(updated) }
}
