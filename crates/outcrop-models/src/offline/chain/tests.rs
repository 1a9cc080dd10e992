use super::super::tests::{check_with, spec};
use outcrop_ports::ToolSpec;
use serde_json::{Value, json};

fn ledger() -> Vec<ToolSpec> {
    vec![
        spec(
            "L__get_quarter_dates",
            "The start date and the end date of a quarter.",
            &["quarter integer* : Which quarter, 1 to 4.", "year integer* : Which year."],
        ),
        spec(
            "L__list_invoices",
            "List the invoices of a stretch of time.",
            &[
                "start_date string* : First day, YYYY-MM-DD.",
                "end_date string* : Last day, YYYY-MM-DD.",
                "customer string : Only those of this customer.",
            ],
        ),
        spec(
            "L__filter_invoices_by_amount",
            "Keep the invoices above an amount.",
            &["invoice_ids array* : Which invoices.", "min_amount number* : The amount."],
        ),
    ]
}

fn books(tool: &str, input: &Value) -> String {
    match tool {
        "get_quarter_dates" => {
            let first = input["quarter"].as_u64().unwrap() * 3 - 2;
            json!({"start_date": format!("{}-{first:02}-01", input["year"]), "end_date": format!("{}-{:02}-30", input["year"], first + 2)}).to_string()
        }
        "list_invoices" => json!({"invoices": [
            {"invoice_id": "I-1", "amount": 4_000}, {"invoice_id": "I-2", "amount": 12_500}, {"invoice_id": "I-3", "amount": 15_800},
        ]})
        .to_string(),
        _ => json!({"invoices": [{"invoice_id": "I-2", "amount": 12_500}, {"invoice_id": "I-3", "amount": 15_800}]}).to_string(),
    }
}

#[test]
fn results_lead_from_tool_to_tool() {
    let filter = r#"filter_invoices_by_amount {"invoice_ids":["I-1","I-2","I-3"],"min_amount":10000}"#;
    check_with(
        &ledger(),
        &["You keep the books."],
        &["Find all invoices from Q1 2026 for Acme Corp that exceed $10K"],
        &books,
        &[(
            &[
                r#"get_quarter_dates {"quarter":1,"year":2026}"#,
                r#"list_invoices {"start_date":"2026-01-01","end_date":"2026-03-30","customer":"Acme Corp"}"#,
                filter,
            ],
            "2 invoices|I-2|15800",
        )],
    );
    check_with(
        &ledger(),
        &["You keep the books."],
        &["Which invoices of the third quarter of 2025 are above 10,000 €?", "And those of Q4 2025 above 20,000 €?"],
        &books,
        &[
            (
                &[
                    r#"get_quarter_dates {"quarter":3,"year":2025}"#,
                    r#"list_invoices {"start_date":"2025-07-01","end_date":"2025-09-30"}"#,
                    filter,
                ],
                "2 invoices",
            ),
            // What an earlier question brought does not stand in for what this one asks.
            (
                &[
                    r#"get_quarter_dates {"quarter":4,"year":2025}"#,
                    r#"list_invoices {"start_date":"2025-10-01","end_date":"2025-12-30"}"#,
                    r#"filter_invoices_by_amount {"invoice_ids":["I-1","I-2","I-3"],"min_amount":20000}"#,
                ],
                "invoices",
            ),
        ],
    );
}

#[test]
fn without_a_tool_for_it_the_planner_filters_itself() {
    let tools = [spec(
        "L__list_invoices",
        "List the invoices of a quarter.",
        &["quarter string* : The quarter, e.g. 2025-Q3."],
    )];
    check_with(
        &tools,
        &["You keep the books."],
        &["Invoices of Q3 2025 above 5,000 €?", "Invoices of Q3 2025 above 50,000 €?"],
        &books,
        &[
            (&[r#"list_invoices {"quarter":"2025-Q3"}"#], "2 invoices|I-2|I-3"),
            (&[r#"list_invoices {"quarter":"2025-Q3"}"#], "None of the 3 invoices is above 50,000 €."),
        ],
    );
}

#[test]
fn things_of_a_list_are_looked_at_one_by_one() {
    let tools = [
        spec("list_sensors", "List the sensors of a room.", &["room string* : The room, e.g. 'cellar'."]),
        spec("get_reading", "Latest reading of a sensor.", &["sensor_id string* : The sensor's ID."]),
    ];
    check_with(
        &tools,
        &["You watch the house."],
        &["Show me the latest readings in the cellar"],
        &|tool, input| match tool {
            "list_sensors" => json!([{"sensor_id": "s1"}, {"sensor_id": "s2"}]).to_string(),
            _ => json!({"sensor_id": input["sensor_id"], "celsius": 12}).to_string(),
        },
        &[(
            &[
                r#"list_sensors {"room":"cellar"}"#,
                r#"get_reading {"sensor_id":"s1"} + get_reading {"sensor_id":"s2"}"#,
            ],
            "sensor s1|sensor s2",
        )],
    );
}

#[test]
fn a_deed_gets_what_a_look_finds() {
    let tools = [
        spec(
            "B__find_duplicate_charge",
            "Find a charge that was made twice for an order.",
            &["order_id string* : The order ID, e.g. ORD-1."],
        ),
        spec("B__refund_charge", "Refund a charge.", &["charge_id string* : The charge ID, e.g. CH-1."]),
    ];
    let found = |count: usize| {
        move |tool: &str, _: &Value| match tool {
            "find_duplicate_charge" => {
                let charges: Vec<Value> =
                    (1..=count).map(|n| json!({"charge_id": format!("CH-{n}"), "amount": 20 * n})).collect();
                json!({"order_id": "ORD-7", "charges": charges}).to_string()
            }
            _ => json!({"status": "refunded"}).to_string(),
        }
    };
    let words = "I was charged twice for order ORD-7. Can you refund me?";
    let look = r#"find_duplicate_charge {"order_id":"ORD-7"}"#;
    check_with(
        &tools,
        &["You help."],
        &[words],
        &found(1),
        &[(&[look, r#"refund_charge {"charge_id":"CH-1"}"#], "refunded")],
    );
    // Of several none is chosen by itself; nothing found is nothing done.
    check_with(&tools, &["You help."], &[words], &found(2), &[(&[look], "CH-1|CH-2|What is the charge ID")]);
    check_with(&tools, &["You help."], &[words], &found(0), &[(&[look], "no charges|I did not refund you")]);
}

#[test]
fn an_id_is_found_by_a_name() {
    let tools = [
        spec("find_employee", "Find an employee by name.", &["name string* : The full name."]),
        spec(
            "get_vacation_days",
            "Vacation days that an employee has left.",
            &["employee_id string* : The employee's ID."],
        ),
    ];
    let staff = |tool: &str, input: &Value| match tool {
        "find_employee" if input["name"] == "Jane Miller" => {
            json!({"employee_id": "E-7", "name": "Jane Miller"}).to_string()
        }
        "find_employee" => json!({"matches": []}).to_string(),
        _ => json!({"employee_id": input["employee_id"], "days": 9}).to_string(),
    };
    check_with(
        &tools,
        &["You help."],
        &["How many vacation days does Jane Miller have?", "How many vacation days does John Doe have?"],
        &staff,
        &[
            (&[r#"find_employee {"name":"Jane Miller"}"#, r#"get_vacation_days {"employee_id":"E-7"}"#], "9"),
            // The one of before is not taken for the one who was not found.
            (&[r#"find_employee {"name":"John Doe"}"#], "no matches"),
        ],
    );
}

#[test]
fn periods_and_limits_go_where_a_tool_takes_them() {
    let tools = [spec(
        "search_trips",
        "Search the trips of a fleet.",
        &[
            "from_date string* : First day, YYYY-MM-DD.",
            "to_date string* : Last day, YYYY-MM-DD.",
            "min_distance number : Only trips of more kilometers.",
            "max_distance number : Only trips of fewer kilometers.",
        ],
    )];
    let check = |words: &str, step: &str| {
        check_with(&tools, &["You help."], &[words], &|_, _| "[]".to_owned(), &[(&[step], "")]);
    };
    check(
        "Search trips in March 2026 over 120 kilometers",
        r#"search_trips {"from_date":"2026-03-01","to_date":"2026-03-31","min_distance":120}"#,
    );
    check(
        "Show me the trips of the second quarter of 2025 that are at most 40 kilometers",
        r#"search_trips {"from_date":"2025-04-01","to_date":"2025-06-30","max_distance":40}"#,
    );
    check(
        "Which trips of 2024 are longer than 50 and shorter than 60 kilometers?",
        r#"search_trips {"from_date":"2024-01-01","to_date":"2024-12-31","min_distance":50,"max_distance":60}"#,
    );
}
