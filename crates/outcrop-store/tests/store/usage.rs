//! What calls of models took.

use crate::fresh;
use outcrop_store::{ModelUsage, StoreError, UsageBy, UsageFilter, UsageOf};

fn of(day: i64, agent: &str, session: &str, model: &str) -> UsageOf {
    let (agent, session, model) = (agent.to_owned(), session.to_owned(), model.to_owned());
    UsageOf { day, agent, session, answered_by: format!("openai/{model}"), model }
}

fn took(calls: u64, cost: u64) -> ModelUsage {
    ModelUsage { calls, input_tokens: calls * 10, output_tokens: calls, cost, ..ModelUsage::default() }
}

#[tokio::test]
async fn sums_grow_and_are_told_by_any_key() {
    let (_folder, store) = fresh();
    let written = store.write(|tx| {
        for (of, usage) in [
            (of(20_000, "A", "s1", "small"), took(2, 5)),
            (of(20_000, "A", "s1", "small"), took(1, 5)),
            (of(20_000, "A", "s2", "large"), took(1, 100)),
            (of(20_001, "B", "s1", "small"), took(1, 3)),
            (of(20_001, "", "", "small"), ModelUsage { unpriced_calls: 1, failed_calls: 1, ..took(2, 0) }),
        ] {
            tx.add_model_usage(&of, &usage)?;
        }
        Ok::<_, StoreError>(())
    });
    written.await.unwrap();
    let all = UsageFilter::default;
    for (by, filter, expected) in [
        (UsageBy::Model, all(), vec![("large", 1, 100), ("small", 6, 13)]),
        (UsageBy::AnsweredBy, all(), vec![("openai/large", 1, 100), ("openai/small", 6, 13)]),
        (UsageBy::Agent, all(), vec![("A", 4, 110), ("B", 1, 3), ("", 2, 0)]),
        (UsageBy::Session, UsageFilter { agent: Some("A".into()), ..all() }, vec![("s2", 1, 100), ("s1", 3, 10)]),
        (UsageBy::Day, all(), vec![("20000", 4, 110), ("20001", 3, 3)]),
        (UsageBy::Day, UsageFilter { from: Some(20_001), ..all() }, vec![("20001", 3, 3)]),
        (UsageBy::Model, UsageFilter { to: Some(20_000), session: Some("s1".into()), ..all() }, vec![("small", 3, 10)]),
        (UsageBy::Agent, UsageFilter { agent: Some(String::new()), ..all() }, vec![("", 2, 0)]),
        (UsageBy::Agent, UsageFilter { model: Some("none".into()), ..all() }, vec![]),
    ] {
        let told = store.read(move |tx| tx.model_usage(by, &filter)).await.unwrap();
        let told: Vec<_> = told.iter().map(|(key, sum)| (key.as_str(), sum.calls, sum.cost)).collect();
        assert_eq!(told, expected, "{by:?}");
    }
    let gateway = UsageFilter { agent: Some(String::new()), ..all() };
    let told = store.read(move |tx| tx.model_usage(UsageBy::Agent, &gateway)).await.unwrap();
    let expected = ModelUsage { unpriced_calls: 1, failed_calls: 1, ..took(2, 0) };
    assert_eq!(told, [(String::new(), expected)]);
}
