//! Whole conversations over several domains, and what must hold for any.

mod properties;
mod support;

use super::*;
use outcrop_ports::{InferenceConfig, ToolChoice, ToolResult, ToolResultContent, ToolResultStatus, ToolSpec};
use std::sync::Arc;

/// A tool: name, description, parameters as `name type* : description` lines (`*` for required).
pub(super) fn spec(name: &str, description: &str, parameters: &[&str]) -> ToolSpec {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for line in parameters {
        let (head, description) = line.split_once(" : ").unwrap_or((line, ""));
        let (name, kind) = head.trim().split_once(' ').unwrap();
        if kind.ends_with('*') {
            required.push(name.to_owned());
        }
        properties.insert(name.to_owned(), json!({"type": kind.trim_end_matches('*'), "description": description}));
    }
    let input_schema = json!({"type": "object", "properties": properties, "required": required});
    ToolSpec { name: name.into(), description: description.into(), input_schema }
}

fn orders() -> Vec<ToolSpec> {
    let order = "order_id string* : The customer-facing order ID, e.g. A-482.";
    let customer = "customer_id string* : The customer ID (e.g., 'CUST-12345').";
    vec![
        spec(
            "OrderTools__get_customer_info",
            "Retrieve customer account information, including name, email and account status.",
            &[customer, "includeOrderHistory boolean : If true, also return the customer's order history."],
        ),
        spec("OrderTools__get_order_status", "Look up the shipping status of a customer order.", &[order]),
        spec(
            "OrderTools__cancel_order",
            "Cancel an order that has not yet shipped.",
            &[order, "reason string : Why it is cancelled."],
        ),
        spec(
            "OrderTools__initiate_return",
            "Start the return of a delivered order.",
            &[order, "reason string : Why it is returned."],
        ),
        spec(
            "OrderTools__request_refund",
            "Pay money back for an order.",
            &[customer, order, "amount number* : How much, in dollars."],
        ),
        spec(
            "OrderTools__escalate_to_human",
            "Hand the case to a human agent.",
            &["reason string* : What the person needs to know."],
        ),
        spec("ClientSide__open_calendar", "Open the user's local calendar to a specific date.", &["date string*"]),
    ]
}

fn weather() -> Vec<ToolSpec> {
    vec![
        spec(
            "GET__weather__getForecast",
            "Weather forecast for a city.",
            &["city string* : The city, e.g. 'Lisbon'.", "days integer : Number of days, default 1."],
        ),
        spec("GET__weather__getAirQuality", "Air quality index of a city.", &["city string* : The city."]),
    ]
}

fn bookings() -> Vec<ToolSpec> {
    vec![
        spec(
            "search_flights",
            "Search flights between two airports on a date.",
            &[
                "origin string* : City of departure.",
                "destination string* : City of arrival.",
                "date string* : Date in YYYY-MM-DD format.",
            ],
        ),
        spec(
            "book_table",
            "Book a table at a restaurant.",
            &[
                "restaurant string* : Name of the restaurant.",
                "people integer* : Number of people.",
                "time string* : Time of day.",
            ],
        ),
        spec("cancel_booking", "Cancel a booking.", &["booking_id string* : The booking ID, e.g. BK7781."]),
        spec("get_booking", "Show a booking with its state.", &["booking_id string* : The booking ID, e.g. BK7781."]),
    ]
}

fn bank() -> Vec<ToolSpec> {
    vec![
        spec("get_balance", "Balance of an account.", &["account_number string* : Account number, e.g. ACC-100."]),
        spec(
            "transfer_money",
            "Transfer money from an account to a person.",
            &[
                "account_number string* : Account number, e.g. ACC-100.",
                "recipient string* : Who gets the money.",
                "amount number* : Amount in euros.",
            ],
        ),
        spec("ask_manager_approval", "Ask a manager to approve a transfer.", &["amount number* : Amount in euros."]),
        spec("user__askuser", "Ask the user.", &["question string*"]),
    ]
}

fn request(tools: &[ToolSpec], system: &[&str], messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        model_id: "offline".into(),
        system: system.iter().map(|text| (*text).to_owned()).collect(),
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: tools.to_vec().into(),
        tool_choice: ToolChoice::Auto,
        inference: InferenceConfig::default(),
        additional_fields: None,
        caching: outcrop_ports::Caching::Automatic,
    }
}

/// What one turn came to: each step as `tool {arguments}`, side by side ones joined by ` + `, and the last text.
pub(super) struct Played {
    pub(super) steps: Vec<String>,
    pub(super) answer: String,
}

/// Plays a conversation: the user's words in order; `world` answers tool calls, `!` at the front of an answer is an error.
pub(super) fn play(
    tools: &[ToolSpec],
    system: &[&str],
    said: &[&str],
    world: &dyn Fn(&str, &Value) -> String,
) -> Vec<Played> {
    let mut messages = Vec::new();
    let mut turns = Vec::new();
    for words in said {
        messages.push(Message::user(*words));
        let mut steps = Vec::new();
        let answer = loop {
            assert!(steps.len() < 30, "the turn does not end: {steps:?}");
            let reply = OfflinePlanner.reply(&request(tools, system, messages.clone()));
            messages.push(reply.message.clone());
            let uses: Vec<ToolUse> = reply.message.tool_uses().cloned().collect();
            if uses.is_empty() {
                break reply.message.text();
            }
            assert!(!reply.message.text().is_empty(), "a rationale comes before tool uses");
            if let Some(asked) = uses.iter().find(|tool_use| tool_use.name == "user__askuser") {
                let question = asked.input["question"].as_str().unwrap().to_owned();
                messages.pop();
                messages.push(Message::assistant(question.as_str()));
                break question;
            }
            let short = |name: &str| name.rsplit("__").next().unwrap().to_owned();
            steps.push(
                uses.iter()
                    .map(|tool_use| format!("{} {}", short(&tool_use.name), tool_use.input))
                    .collect::<Vec<_>>()
                    .join(" + "),
            );
            let results = uses.iter().map(|tool_use| {
                let text = world(&short(&tool_use.name), &tool_use.input);
                let (status, text) = match text.strip_prefix('!') {
                    Some(text) => (ToolResultStatus::Error, text.to_owned()),
                    None => (ToolResultStatus::Success, text),
                };
                ContentBlock::ToolResult(ToolResult {
                    tool_use_id: tool_use.tool_use_id.clone(),
                    content: vec![ToolResultContent::Text(text)],
                    status,
                })
            });
            messages.push(Message { role: Role::User, content: results.collect() });
        };
        turns.push(Played { steps, answer });
    }
    turns
}

pub(super) fn check_with(
    tools: &[ToolSpec],
    system: &[&str],
    said: &[&str],
    world: &dyn Fn(&str, &Value) -> String,
    expected: &[(&[&str], &str)],
) {
    let turns = play(tools, system, said, world);
    for ((turn, words), (steps, answer)) in turns.iter().zip(said).zip(expected) {
        assert_eq!(turn.steps, *steps, "{words}\n{}", turn.answer);
        for part in answer.split('|') {
            assert!(turn.answer.contains(part), "{words}\nwanted {part:?} in {:?}", turn.answer);
        }
    }
    assert_eq!(turns.len(), expected.len());
}

/// One turn; every tool answers `result`.
fn check(tools: &[ToolSpec], words: &str, result: &str, steps: &[&str], answer: &str) {
    check_with(tools, &["You help."], &[words], &|_, _| result.to_owned(), &[(steps, answer)]);
}

fn shop(status: &'static str) -> impl Fn(&str, &Value) -> String {
    move |tool, input| match tool {
        "get_order_status" => {
            json!({"order_id": input["order_id"], "status": status, "eta": "2026-12-02", "total": 129.9}).to_string()
        }
        "cancel_order" => json!({"order_id": input["order_id"], "status": "cancelled"}).to_string(),
        "escalate_to_human" => json!({"ticket": "T-1001", "status": "handed to the support team"}).to_string(),
        "request_refund" => json!({"order_id": input["order_id"], "refunded": input["amount"]}).to_string(),
        _ => json!({"status": "done"}).to_string(),
    }
}

#[test]
fn a_condition_waits_for_what_decides_it() {
    let words = "Where is order A-482, and can you cancel it if it hasn't shipped?";
    let look = r#"get_order_status {"order_id":"A-482"}"#;
    let cancel = r#"cancel_order {"order_id":"A-482"}"#;
    check_with(
        &orders(),
        &["You help."],
        &[words],
        &shop("processing"),
        &[(&[look, cancel], "Order A-482 was processing|2026-12-02|Order A-482 is cancelled")],
    );
    check_with(
        &orders(),
        &["You help."],
        &[words],
        &shop("shipped"),
        &[(&[look], "Order A-482 is shipped|2026-12-02|I did not cancel it, because the status is shipped")],
    );
    check_with(&orders(), &["You help."], &[words], &shop("delivered"), &[(&[look], "I did not cancel it")]);
    check_with(
        &orders(),
        &["You help."],
        &[words],
        &|_, _| "!no such order".into(),
        &[(&[look], "did not work: no such order|I did not cancel it")],
    );
    check_with(
        &orders(),
        &["You help."],
        &["Cancel order A-482 unless it was delivered."],
        &shop("processing"),
        &[(&[look, cancel], "A-482 is cancelled")],
    );
    check_with(
        &orders(),
        &["You help."],
        &["If A-482 has not shipped yet, please cancel it."],
        &shop("shipped"),
        &[(&[look], "I did not cancel it")],
    );
}

#[test]
fn orders_are_looked_up_changed_and_asked_for() {
    check(
        &orders(),
        "Open my calendar for next Monday.",
        "opened",
        &[r#"open_calendar {"date":"next Monday"}"#],
        "opened",
    );
    check(
        &orders(),
        "What's the status of account CUST-12345? Include recent orders.",
        r#"{"customer_id":"CUST-12345","account_status":"active"}"#,
        &[r#"get_customer_info {"customer_id":"CUST-12345","includeOrderHistory":true}"#],
        "active",
    );
    check_with(
        &orders(),
        &["You help."],
        &["I want to return my order", "ORD-12345"],
        &shop(""),
        &[
            (&[], "What is the order ID (for example A-482)?"),
            (&[r#"initiate_return {"order_id":"ORD-12345"}"#], "done"),
        ],
    );
    check_with(
        &orders(),
        &["You help."],
        &["Where is order A-7?", "Cancel it please."],
        &shop("processing"),
        &[
            (&[r#"get_order_status {"order_id":"A-7"}"#], "processing"),
            (&[r#"cancel_order {"order_id":"A-7"}"#], "cancelled"),
        ],
    );
    check(
        &orders(),
        "Was my order A-9 cancelled?",
        r#"{"order_id":"A-9","status":"cancelled"}"#,
        &[r#"get_order_status {"order_id":"A-9"}"#],
        "Order A-9 is cancelled",
    );
    check(&orders(), "Please don't cancel order A-9.", "{}", &[], "");
    check(
        &orders(),
        "Cancel A-1 and A-2.",
        r#"{"status":"cancelled"}"#,
        &[r#"cancel_order {"order_id":"A-1"} + cancel_order {"order_id":"A-2"}"#],
        "cancelled",
    );
    check(
        &orders(),
        "I want to talk to a human, my parcel is broken",
        r#"{"ticket":"T-1"}"#,
        &[r#"escalate_to_human {"reason":"I want to talk to a human, my parcel is broken"}"#],
        "T-1",
    );
}

#[test]
fn rules_of_the_instruction_are_kept() {
    let rules = "You are a support agent.\n- For refunds > $500, always escalate to a human agent\n- Never refund without customer consent\n";
    let signed_in = "What is known in this session:\ncustomer_id: CUST-77";
    check_with(
        &orders(),
        &[rules, signed_in],
        &["Refund order A-100, 620 dollars"],
        &shop(""),
        &[(&[r#"escalate_to_human {"reason":"Refund order A-100, 620 dollars"}"#], "T-1001")],
    );
    let refund = r#"request_refund {"customer_id":"CUST-77","order_id":"A-100","amount":62}"#;
    check_with(
        &orders(),
        &[rules, signed_in],
        &["Refund order A-100, 62 dollars", "Yes, please."],
        &shop(""),
        &[
            (&[], "Shall I request refund (customer ID CUST-77, order ID A-100, amount 62), yes or no?"),
            (&[refund], "62"),
        ],
    );
    check_with(
        &orders(),
        &[rules, signed_in],
        &["Refund order A-100, 62 dollars", "No."],
        &shop(""),
        &[(&[], "yes or no?"), (&[], "leave it")],
    );
    check_with(
        &orders(),
        &[rules],
        &["Refund order A-100, 62 dollars", "CUST-77", "yes"],
        &shop(""),
        &[(&[], "What is the customer ID (for example CUST-12345)?"), (&[], "yes or no?"), (&[refund], "62")],
    );
}

#[test]
fn what_is_to_be_looked_up_first_is() {
    let rules = "You are a support agent.\n- Always verify the customer ID before helping (ask for it if not provided).\n- Look an order up before you change anything about it.\n- If you can't help, escalate.";
    let customer = "customer_id string* : The customer ID, e.g. CUST-12345.";
    let order = "order_id string* : The customer-facing order ID, e.g. A-482.";
    let tools = [
        spec("T__get_customer_info", "Retrieve a customer's account details.", &[customer]),
        spec(
            "T__get_order_status",
            "Look up the shipping status of a customer order - where it is and when it arrives.",
            &[customer, order],
        ),
        spec("T__cancel_order", "Cancel an order if it has not yet shipped.", &[customer, order]),
        spec(
            "T__initiate_return",
            "Start the return of a delivered order.",
            &[customer, order, "reason string : Why."],
        ),
        spec(
            "T__request_refund",
            "Pay money back for an order. Ask the customer for consent first.",
            &[
                customer,
                order,
                "amount number* : How much to pay back, e.g. 64.00.",
                "customer_consent boolean* : True only after the customer has agreed.",
            ],
        ),
    ];
    let session = "What is known in this session:\ncustomer_id: CUST-12345";
    let look = r#"get_order_status {"customer_id":"CUST-12345","order_id":"A-482"}"#;
    check_with(
        &tools,
        &[rules, session],
        &["Where is order A-482, and can you cancel it if it hasn't shipped?"],
        &shop("processing"),
        &[(
            &[look, r#"cancel_order {"customer_id":"CUST-12345","order_id":"A-482"}"#],
            "Order A-482 was processing|2026-12-02|Order A-482 is cancelled",
        )],
    );
    check_with(
        &tools,
        &[rules, session],
        &["I want to return my order", "A-482"],
        &shop("delivered"),
        &[
            (&[], "What is the order ID"),
            (&[look, r#"initiate_return {"customer_id":"CUST-12345","order_id":"A-482"}"#], "done"),
        ],
    );
    check_with(
        &tools,
        &[rules],
        &["Where is order A-482?", "CUST-12345"],
        &shop("shipped"),
        &[(&[], "What is the customer ID"), (&[look], "shipped")],
    );
    check_with(
        &tools,
        &[rules, session],
        &["Please refund 20 dollars for order A-482.", "yes"],
        &shop("delivered"),
        &[
            (&[look], "yes or no?"),
            (
                &[
                    r#"request_refund {"customer_id":"CUST-12345","order_id":"A-482","amount":20,"customer_consent":true}"#,
                ],
                "20",
            ),
        ],
    );
}

#[test]
fn weather_is_asked_for_one_place_or_several() {
    check(
        &weather(),
        "What's the weather in Oslo and Rome?",
        r#"{"weather":"sunny"}"#,
        &[r#"getForecast {"city":"Oslo"} + getForecast {"city":"Rome"}"#],
        "sunny",
    );
    check(
        &weather(),
        "Will it rain in Paris, France for the next 3 days?",
        r#"{"forecast":"light rain"}"#,
        &[r#"getForecast {"city":"Paris, France","days":3}"#],
        "light rain",
    );
    check(
        &weather(),
        "How is the air quality in Delhi, and what's the weather there?",
        r#"{"index":180}"#,
        &[r#"getAirQuality {"city":"Delhi"} + getForecast {"city":"Delhi"}"#],
        "180",
    );
    check_with(
        &weather(),
        &["You help."],
        &["What's the weather like?", "Lisbon"],
        &|_, _| "Sunny, 24 degrees".into(),
        &[(&[], "What is the city (for example Lisbon)?"), (&[r#"getForecast {"city":"Lisbon"}"#], "Sunny")],
    );
    check_with(
        &weather(),
        &["You help."],
        &["What's the weather in Oslo?", "And in Rome?"],
        &|_, input| format!("Sunny in {}", input["city"]),
        &[(&[r#"getForecast {"city":"Oslo"}"#], "Oslo"), (&[r#"getForecast {"city":"Rome"}"#], "Rome")],
    );
    check(&weather(), "Who wrote Hamlet?", "", &[], "no tool|Weather forecast for a city");
}

#[test]
fn bookings_take_dates_times_and_people() {
    let known = "Session:\ncurrent_date: 2026-11-20";
    check_with(
        &bookings(),
        &["You help.", known],
        &["Find flights from Vienna to Lisbon next Monday"],
        &|_, _| r#"[{"flight":"OS1","price":120}]"#.into(),
        &[(
            &[r#"search_flights {"origin":"Vienna","destination":"Lisbon","date":"2026-11-23"}"#],
            "There is 1 result|OS1",
        )],
    );
    check(
        &bookings(),
        "Please book a table at Chez Panisse for four people at 7 pm",
        r#"{"message":"Booked"}"#,
        &[r#"book_table {"restaurant":"Chez Panisse","people":4,"time":"7 pm"}"#],
        "Booked",
    );
    check(
        &bookings(),
        "Cancel booking BK7781 if it is still pending",
        r#"{"booking_id":"BK7781","state":"confirmed"}"#,
        &[r#"get_booking {"booking_id":"BK7781"}"#],
        "I did not cancel booking BK7781, because the state is confirmed",
    );
    check_with(
        &bookings(),
        &["You help."],
        &["Can I cancel booking BK7781?", "yes"],
        &|_, _| r#"{"status":"cancelled"}"#.into(),
        &[
            (&[], "Shall I cancel booking (booking ID BK7781), yes or no?"),
            (&[r#"cancel_booking {"booking_id":"BK7781"}"#], "cancelled"),
        ],
    );
    check(
        &bookings(),
        "How do I cancel a booking?",
        "",
        &[],
        "I can cancel booking for you: just tell me to. I need the booking ID",
    );
}

#[test]
fn money_moves_only_when_told_to() {
    let world = |tool: &str, _: &Value| {
        if tool == "get_balance" { r#"{"balance":80.5,"currency":"EUR"}"#.to_owned() } else { "done".to_owned() }
    };
    let look = r#"get_balance {"account_number":"ACC-100"}"#;
    check_with(
        &bank(),
        &["You help."],
        &["Transfer 50 euros from account ACC-100 to Maria Lopez only if the balance is over 100."],
        &world,
        &[(&[look], "I did not transfer|the balance is 80.5")],
    );
    check_with(
        &bank(),
        &["You help."],
        &["Transfer 50 euros from account ACC-100 to Maria Lopez if the balance is at least 60."],
        &world,
        &[(&[look, r#"transfer_money {"account_number":"ACC-100","recipient":"Maria Lopez","amount":50}"#], "done")],
    );
    check_with(
        &bank(),
        &["For transfers above 1000, ask a manager for approval."],
        &["Transfer 5000 euros from ACC-100 to Maria Lopez"],
        &world,
        &[(&[r#"ask_manager_approval {"amount":5000}"#], "done")],
    );
    check_with(
        &bank(),
        &["You help."],
        &["What is my balance?", "ACC-100"],
        &world,
        &[(&[], "account number"), (&[look], "80.5")],
    );
}

#[test]
fn nothing_is_changed_by_words_that_do_not_ask_for_it() {
    let mut tools = orders();
    tools.extend(bookings());
    tools.extend(bank().into_iter().filter(|tool| tool.name != "user__askuser"));
    for words in [
        "Was order A-482 cancelled?",
        "Why did you cancel order A-482?",
        "How do I cancel order A-482?",
        "I never said you should refund order A-482, 20 dollars.",
        "Do not cancel order A-482.",
        "I don't want to return order A-482.",
        "My return of order A-482 has arrived.",
        "What happens if I cancel order A-482?",
        "Is there a refund for order A-482, 20 dollars?",
        "The booking BK7781 was cancelled by someone.",
        "Did the transfer of 50 euros from ACC-100 to Maria Lopez work?",
        "Who can cancel order A-482?",
        "Tell me whether order A-482 was cancelled.",
        "Thanks for cancelling order A-482.",
        "Can I cancel order A-482?",
        "I'd say yes if you also cancel order A-482.",
        "You could cancel order A-482 if I asked.",
        "Show me the refund of order A-482, 20 dollars.",
        "Get details of the booking BK7781 that I reserved.",
        "If you cancel order A-482 I will be sad.",
        "I will only pay if you cancel order A-482.",
        "Cancel order A-482 if my sister agrees.",
        "Cancel order A-482 unless it was a gift.",
        "Would I be charged if I returned order A-482?",
        "Before you cancel order A-482, tell me where it is.",
        "Wait, don't refund order A-482, 20 dollars, just show it.",
        "Has anyone asked to cancel order A-482 and return it?",
        "I was told to cancel order A-482.",
        "Tell me if I can return order A-482.",
        "Check whether you can cancel order A-482.",
    ] {
        for turn in play(&tools, &["You help.", "customer_id: CUST-1"], &[words], &|_, _| r#"{"status":"open"}"#.into())
        {
            let reads =
                |step: &String| step.split(" + ").all(|call| call.starts_with("get_") || call.starts_with("search_"));
            assert!(turn.steps.iter().all(reads), "{words}: {:?}", turn.steps);
        }
    }
}

#[test]
fn small_talk_and_no_tools() {
    check(&orders(), "Hello!", "", &[], "How can I help");
    check(&orders(), "Thanks a lot", "", &[], "welcome");
    check(&[], "Where is my order?", "", &[], "No tools");
}

#[test]
fn python_results_are_read() {
    check_with(
        &orders(),
        &["You help."],
        &["Where is order A-482, and can you cancel it if it hasn't shipped?"],
        &|tool, _| match tool {
            "get_order_status" => {
                "{'order_id': 'A-482', 'status': 'processing', 'shipped': False, 'eta': None}".to_owned()
            }
            _ => "{'cancelled': True, 'order_id': 'A-482'}".to_owned(),
        },
        &[(
            &[r#"get_order_status {"order_id":"A-482"}"#, r#"cancel_order {"order_id":"A-482"}"#],
            "Order A-482 was processing",
        )],
    );
}
