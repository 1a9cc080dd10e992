//! What must hold for any words, schemas and results.

use super::*;
use proptest::prelude::*;

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "cancel",
            "order",
            "if",
            "unless",
            "and",
            "A-482",
            "it",
            "not",
            "?",
            ".",
            ",",
            "500",
            "$",
            "weather",
            "in",
            "Oslo",
            "refund",
            "yes",
            "no",
            "'",
            "\"",
            "[1,",
            "]",
            "book",
            "next",
            "Monday",
            "transfer",
            "over",
            "otherwise",
            "Q3",
            "2025",
            "quarter",
            "at least",
            "invoices",
            "charge"
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(word(), 0..25).prop_map(|words| words.join(" "))
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        prop::sample::select(vec![
            "string",
            "integer",
            "number",
            "boolean",
            "array",
            "object",
            "order_id",
            "e.g. A-1",
            "Default is 5"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(
                (
                    prop::sample::select(vec![
                        "type",
                        "properties",
                        "required",
                        "enum",
                        "items",
                        "order_id",
                        "amount",
                        "status",
                        "description",
                        "default"
                    ]),
                    inner
                ),
                0..5
            )
            .prop_map(|members| Value::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

/// Anything, or what tools that go on with each other bring.
fn result() -> impl Strategy<Value = Value> {
    let things = (0..4_usize, prop::sample::select(vec!["invoice_id", "charge_id", "start_date", "end_date"]));
    let listed = things.prop_map(|(count, key)| {
        let items: Vec<Value> = (0..count).map(|n| json!({key: format!("X-{n}"), "amount": n * 400})).collect();
        json!({"invoices": items})
    });
    prop_oneof![schema(), listed]
}

/// Tools that go on with each other's results, and agents to ask.
fn chained(schema: &Value) -> Vec<ToolSpec> {
    let recipient = json!({"type": "string", "oneOf": [{"const": "Orders", "description": "Orders."}, schema]});
    let input_schema = json!({"type": "object", "properties": {"recipient": recipient, "content": {"type": "string"}}});
    vec![
        spec("find_charge", "The charge of an order.", &["order_id string* : The order ID, e.g. A-482."]),
        spec("refund_charge", "Refund a charge.", &["charge_id string*", "amount number*"]),
        spec("get_quarter", "Start date and end date of a quarter.", &["quarter integer*", "year integer*"]),
        spec("list_invoices", "Invoices of a time.", &["start_date string* : A date.", "end_date string* : A date."]),
        spec("filter_invoices", "Keep large ones.", &["invoice_ids array*", "min_amount number*"]),
        spec("get_invoice", "One invoice.", &["invoice_id string*"]),
        ToolSpec { name: "sendMessage".into(), description: "Ask an agent.".into(), input_schema },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_conversation_ends(said in prop::collection::vec(text(), 1..4), schema in schema(), result in result(), system in text(), failing in any::<bool>()) {
        let mut tools = orders();
        tools.extend(weather());
        tools.extend(chained(&schema));
        tools.push(ToolSpec { name: "odd__tool".into(), description: system.clone(), input_schema: schema });
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        let turns = play(&tools, &[&system], &said, &|_, _| if failing { format!("!{result}") } else { result.to_string() });
        for turn in turns {
            let mut calls: Vec<&str> = turn.steps.iter().flat_map(|step| step.split(" + ")).filter(|call| call.contains(" {")).collect();
            let count = calls.len();
            calls.sort_unstable();
            calls.dedup();
            prop_assert_eq!(calls.len(), count, "the same call twice in a turn");
        }
    }
}
