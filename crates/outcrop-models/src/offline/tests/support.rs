//! The shop whose tools want the customer, too: consent, thresholds, conditions, amounts.

use super::*;

/// A shop whose tools want the customer, too, as an instruction with rules has it.
fn support() -> Vec<ToolSpec> {
    let customer = "customer_id string* : The customer ID, e.g. CUST-12345.";
    let order = "order_id string* : The customer-facing order ID, e.g. A-482.";
    vec![
        spec(
            "T__get_customer_info",
            "Retrieve a customer's account details - name, email and account status.",
            &[customer, "include_order_history boolean : If true, also return the customer's orders."],
        ),
        spec(
            "T__get_order_status",
            "Look up the shipping status of a customer order - where it is and when it arrives.",
            &[customer, order],
        ),
        spec(
            "T__cancel_order",
            "Cancel an order if it has not yet shipped.",
            &[customer, order, "reason string : Why the customer cancels, in their words."],
        ),
        spec(
            "T__initiate_return",
            "Start the return of a delivered order and send the customer a prepaid label.",
            &[customer, order, "reason string : Why the customer returns it, in their words."],
        ),
        spec(
            "T__request_refund",
            "Pay money back for an order, up to $500. Ask the customer for consent first.",
            &[
                customer,
                order,
                "amount number* : How much to pay back, in dollars, e.g. 64.00.",
                "customer_consent boolean* : True only after the customer has agreed to this refund.",
            ],
        ),
        spec(
            "T__escalate_to_human",
            "Hand the case to a human agent of the support team.",
            &[customer, "reason string* : What the person needs to know."],
        ),
        spec(
            "C__open_calendar",
            "Open the customer's calendar at a date.",
            &["date string* : The date, as the customer said it, e.g. next Monday."],
        ),
    ]
}

const SUPPORT: &str = "You are a helpful customer support agent. Your goal is to resolve customer issues quickly.\nRules:\n- Always verify the customer ID before helping (ask for it if not provided).\n- Cancel only orders that have not shipped.\n- For simple returns, process immediately.\n- For refunds > $500, always escalate to a human agent.\n- Never refund without customer consent.\n- If you can't help, escalate.\nTone: professional, empathetic, solution-oriented.";
const SIGNED_IN: &str = "What is known in this session:\ncustomer_id: CUST-1";

/// One or more turns of the support shop, the customer signed in; steps without the customer's id.
fn talk(said: &[&str], expected: &[(&[&str], &str)]) {
    let world = |tool: &str, input: &Value| match tool {
        "get_customer_info" => json!({"customer_id": "CUST-1", "account_status": "active"}).to_string(),
        "get_order_status" => {
            let shipped = input["order_id"] == "A-479";
            let status = if shipped { "shipped" } else { "processing" };
            json!({"order_id": input["order_id"], "status": status, "carrier": "Northline", "total": 129.9, "eta": "2026-12-02"})
                .to_string()
        }
        "cancel_order" if input["order_id"] == "A-479" => "!it has shipped and cannot be cancelled".to_owned(),
        _ => json!({"status": "done"}).to_string(),
    };
    for (turn, (steps, answer)) in play(&support(), &[SUPPORT, SIGNED_IN], said, &world).iter().zip(expected) {
        let short: Vec<String> = turn
            .steps
            .iter()
            .map(|step| step.replace(r#""customer_id":"CUST-1","#, "").replace(r#","customer_consent":true"#, ""))
            .collect();
        assert_eq!(short, *steps, "{said:?}\n{}", turn.answer);
        for part in answer.split('|') {
            assert!(turn.answer.contains(part), "{said:?}\nwanted {part:?} in {:?}", turn.answer);
        }
    }
}

#[test]
fn a_yes_is_a_yes_to_what_was_asked() {
    let ask = "Refund 64 dollars for order A-483";
    let pay = r#"request_refund {"order_id":"A-483","amount":64}"#;
    talk(&[ask, "yes"], &[(&[], "amount 64"), (&[pay], "done")]);
    talk(&[ask, "yes, refund the 64 dollars"], &[(&[], "amount 64"), (&[pay], "done")]);
    talk(
        &[ask, "yes, but 30 dollars", "yes"],
        &[
            (&[], "amount 64"),
            (&[], "amount 30|yes or no"),
            (&[r#"request_refund {"order_id":"A-483","amount":30}"#], "done"),
        ],
    );
    talk(
        &[ask, "yes, but for A-479", "ok"],
        &[
            (&[], "A-483"),
            (&[], "order ID A-479, amount 64|yes or no"),
            (&[r#"request_refund {"order_id":"A-479","amount":64}"#], "done"),
        ],
    );
    talk(
        &[ask, "Yes, 600 dollars"],
        &[
            (&[], "64"),
            (&[r#"escalate_to_human {"reason":"Refund 64 dollars for order A-483; Yes, 600 dollars"}"#], "done"),
        ],
    );
    talk(&[ask, "I'd say yes if you also cancel A-482"], &[(&[], "64"), (&[], "A-483, amount 64|yes or no")]);
    talk(&[ask, "yes, but only half of it"], &[(&[], "64"), (&[], "yes or no")]);
}

#[test]
fn conditions_are_judged_part_by_part() {
    let look = r#"get_order_status {"order_id":"A-482"}"#;
    let cancel = r#"cancel_order {"order_id":"A-482"}"#;
    talk(
        &["cancel A-482 if it has not shipped and it costs more than 200 dollars"],
        &[(&[look], "I did not cancel A-482")],
    );
    talk(&["cancel A-482 if it has not shipped and it costs more than 100 dollars"], &[(&[look, cancel], "done")]);
    talk(&["Cancel A-482, and if that doesn't work, return it"], &[(&[cancel], "I did not return it")]);
    talk(
        &["Cancel A-479, and if that doesn't work, return it"],
        &[(
            &[r#"cancel_order {"order_id":"A-479"}"#, r#"initiate_return {"order_id":"A-479"}"#],
            "cannot be cancelled|done",
        )],
    );
    talk(
        &["Cancel A-479 or else return it"],
        &[(&[r#"cancel_order {"order_id":"A-479"}"#, r#"initiate_return {"order_id":"A-479"}"#], "done")],
    );
    talk(&["cancel A-482 unless it has shipped"], &[(&[look, cancel], "done")]);
    talk(
        &["cancel A-479 unless it has shipped"],
        &[(&[r#"get_order_status {"order_id":"A-479"}"#], "I did not cancel A-479, because the status is shipped")],
    );
}

#[test]
fn amounts_are_heard() {
    for (reply, amount) in
        [("300.00", "300"), ("74", "74"), ("300 please", "300"), ("it is 300", "300"), ("five hundred", "500")]
    {
        talk(
            &["Refund order A-483", reply, "yes"],
            &[
                (&[], "What is the amount (for example 64.00)?"),
                (&[], &format!("amount {amount})")),
                (&[&format!(r#"request_refund {{"order_id":"A-483","amount":{amount}}}"#)], "done"),
            ],
        );
    }
    talk(
        &["Refund order A-483", "749"],
        &[(&[], "amount"), (&[r#"escalate_to_human {"reason":"Refund order A-483; 749"}"#], "done")],
    );
    talk(&["Refund 64 for order A-483"], &[(&[], "amount 64")]);
    talk(&["Refund five hundred dollars for order A-483"], &[(&[], "amount 500")]);
    let words = "Refund six hundred dollars for order A-483";
    talk(&[words], &[(&[&format!(r#"escalate_to_human {{"reason":"{words}"}}"#)], "done")]);
    let words = "Refund 1.000 dollars for order A-483";
    talk(&[words], &[(&[&format!(r#"escalate_to_human {{"reason":"{words}"}}"#)], "done")]);
}

#[test]
fn an_id_is_reason_to_look() {
    let look = r#"get_order_status {"order_id":"A-482"}"#;
    for words in [
        "Is A-482 shipped yet?",
        "Has A-482 shipped yet?",
        "Was A-482 cancelled?",
        "Do not cancel A-482, just tell me where it is",
    ] {
        talk(&[words], &[(&[look], "processing")]);
    }
    talk(&["Where's my parcel?", "A-482"], &[(&[], "order ID"), (&[look], "processing")]);
    talk(
        &["Where is A-483?", "and A-482?", "And who carries it?"],
        &[(&[r#"get_order_status {"order_id":"A-483"}"#], "A-483"), (&[look], "A-482"), (&[], "Northline")],
    );
    talk(&["Where is A-482?", "Who carries it?"], &[(&[look], "A-482"), (&[], "Northline")]);
    talk(&["hello", "Where is A-482?", "yes"], &[(&[], "help you?"), (&[look], "A-482"), (&[], "anything else?")]);
    talk(&["hello", "My boots arrived broken"], &[(&[], "help you?"), (&[], "Shall I escalate to human instead")]);
    talk(&["Is my account active?"], &[(&[r#"get_customer_info {"customer_id":"CUST-1"}"#], "active")]);
}

#[test]
fn what_nothing_fits_is_offered_to_a_person() {
    talk(
        &["My neighbour's dog barks", "yes"],
        &[
            (&[], "Shall I escalate to human instead, yes or no?"),
            (&[r#"escalate_to_human {"reason":"My neighbour's dog barks"}"#], "done"),
        ],
    );
    talk(&["Who wrote Hamlet?", "no"], &[(&[], "yes or no?"), (&[], "leave it")]);
    check_with(
        &support(),
        &[SUPPORT],
        &["I want to talk to a human", "CUST-12345"],
        &shop(""),
        &[
            (&[], "customer ID"),
            (&[r#"escalate_to_human {"customer_id":"CUST-12345","reason":"I want to talk to a human"}"#], "T-1001"),
        ],
    );
}

#[test]
fn what_is_not_said_is_asked() {
    let tables = [
        spec(
            "get_booking_details",
            "Retrieve details of a restaurant booking",
            &["booking_id string* : The ID of the booking to retrieve"],
        ),
        spec(
            "create_booking",
            "Create a new restaurant booking",
            &[
                "date string* : The date of the booking",
                "name string* : Name to idenfity your reservation",
                "hour string* : The hour of the booking",
                "num_guests integer* : The number of guests for the booking",
            ],
        ),
        spec(
            "delete_booking",
            "Delete an existing restaurant booking",
            &["booking_id string* : The ID of the booking to delete"],
        ),
    ];
    let done = r#"{"status":"done"}"#;
    check(
        &tables,
        "Book a table for two on Friday at 7pm under Smith",
        done,
        &[r#"create_booking {"date":"Friday","name":"Smith","hour":"7pm","num_guests":2}"#],
        "done",
    );
    check(&tables, "Book a table for two on Friday at 7pm", done, &[], "What is the name");
    check(&tables, "Get details for the last booking created", done, &[], "What is the booking ID");
    check(&tables, "Delete booking 8c1f2d3e", done, &[r#"delete_booking {"booking_id":"8c1f2d3e"}"#], "done");
    check(
        &tables,
        "Get the details of booking 3fa85f64",
        done,
        &[r#"get_booking_details {"booking_id":"3fa85f64"}"#],
        "done",
    );
    check_with(
        &tables,
        &["You help."],
        &["Create a booking", "2026-05-06", "Maria", "8pm", "3"],
        &|_, _| done.to_owned(),
        &[
            (&[], "the date|the name|the hour|the num"),
            (&[], "the name"),
            (&[], "the hour"),
            (&[], "number guests"),
            (&[r#"create_booking {"date":"2026-05-06","name":"Maria","hour":"8pm","num_guests":3}"#], "done"),
        ],
    );
    let leave = [
        spec(
            "get_available_vacations_days",
            "get the number of vacations available for a certain employee",
            &["employee_id integer* : the id of the employee to get the available vacations"],
        ),
        spec(
            "reserve_vacation_time",
            "reserve vacation time for a specific employee - you need all parameters to reserve vacation time",
            &[
                "employee_id integer* : the id of the employee for which time off will be reserved",
                "start_date string* : the start date for the vacation time",
                "end_date string* : the end date for the vacation time",
            ],
        ),
    ];
    check(&leave, "reserve 3 days for employee 10 starting 2026-12-01", done, &[], "What is the end date");
    let days = r#"{"available_vacations_days":9}"#;
    check(
        &leave,
        "How many vacation days does employee 1 have? Reserve from 2026-12-01 to 2026-12-03 if there are more than 5 days left",
        days,
        &[
            r#"get_available_vacations_days {"employee_id":1}"#,
            r#"reserve_vacation_time {"employee_id":1,"start_date":"2026-12-01","end_date":"2026-12-03"}"#,
        ],
        "9",
    );
}
