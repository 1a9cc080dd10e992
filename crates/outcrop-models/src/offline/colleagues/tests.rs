use super::super::tests::{check_with, spec};
use super::*;
use serde_json::Value;

fn desk(more: &[ToolSpec], agents: &[(&str, &str)]) -> Vec<ToolSpec> {
    let recipients: Vec<Value> =
        agents.iter().map(|(name, about)| json!({"const": name, "description": about})).collect();
    let send = ToolSpec {
        name: "AgentCommunication__sendMessage".into(),
        description: "Send a message to another agent and get its answer.".into(),
        input_schema: json!({"type": "object", "required": ["recipient", "content"], "properties": {
            "recipient": {"type": "string", "oneOf": recipients},
            "content": {"type": "string", "description": "What the agent is to do"},
        }}),
    };
    std::iter::once(send).chain(more.iter().cloned()).collect()
}

fn shop() -> Vec<ToolSpec> {
    desk(
        &[],
        &[
            ("Orders", "Orders and where their parcels are."),
            ("Billing", "What was charged for an order, payments, invoices and refunds."),
            ("Support", "Passwords, broken devices and how things work."),
        ],
    )
}

fn send(recipient: &str, content: &str) -> String {
    format!("sendMessage {}", json!({"recipient": recipient, "content": content}))
}

fn says(answers: &'static [(&'static str, &'static str)]) -> impl Fn(&str, &Value) -> String {
    move |_, input| {
        let found = answers.iter().find(|(name, _)| input["recipient"] == *name);
        found.map_or_else(
            || "I have no tool that can do this. No tools are set up for me.".to_owned(),
            |(_, text)| (*text).to_owned(),
        )
    }
}

/// One turn or more: whom each asks, and parts of the answer.
fn check(
    tools: &[ToolSpec],
    said: &[&str],
    answers: &'static [(&'static str, &'static str)],
    expected: &[(&[String], &str)],
) {
    let steps: Vec<Vec<&str>> = expected.iter().map(|(steps, _)| steps.iter().map(String::as_str).collect()).collect();
    let expected: Vec<(&[&str], &str)> =
        steps.iter().zip(expected).map(|(steps, (_, answer))| (steps.as_slice(), *answer)).collect();
    check_with(tools, &["You lead."], said, &says(answers), &expected);
}

#[test]
fn whoever_the_words_concern_is_asked_side_by_side() {
    let words = "I was charged twice for order ORD-9. Can you refund me?";
    check(
        &shop(),
        &[words],
        &[("Orders", "Order ORD-9 is delivered."), ("Billing", "Charge C-2 is refunded.")],
        &[(
            &[format!("{} + {}", send("Orders", words), send("Billing", words))],
            "Order ORD-9 is delivered.|Charge C-2 is refunded.",
        )],
    );
    let words = "Where is my parcel ORD-9?";
    check(&shop(), &[words], &[("Orders", "It is in Leeds.")], &[(&[send("Orders", words)], "It is in Leeds.")]);
    let words = "My device is broken";
    check(&shop(), &[words], &[("Support", "Restart it.")], &[(&[send("Support", words)], "Restart it.")]);
}

#[test]
fn other_trades_are_led_the_same_way() {
    let clinic = desk(
        &[],
        &[
            ("Appointments", "Appointments with doctors: book, move and cancel them."),
            ("Laboratory", "Blood tests and other results."),
            ("Pharmacy", "Prescriptions and medicines in stock."),
        ],
    );
    let words = "Are my blood results there, and is a prescription ready for me?";
    check(
        &clinic,
        &[words],
        &[("Laboratory", "The results are there."), ("Pharmacy", "It is ready.")],
        &[(
            &[format!("{} + {}", send("Laboratory", words), send("Pharmacy", words))],
            "The results are there.|It is ready.",
        )],
    );
}

#[test]
fn a_question_of_theirs_is_passed_on_and_its_answer_goes_back() {
    let first = "Please refund my last payment";
    check(
        &shop(),
        &[first, "It was ORD-9"],
        &[("Billing", "What is the order ID?")],
        &[(&[send("Billing", first)], "What is the order ID?"), (&[send("Billing", "It was ORD-9")], "order ID")],
    );
}

#[test]
fn who_has_nothing_to_say_is_left_out() {
    let words = "I was charged twice for order ORD-9";
    check(
        &shop(),
        &[words],
        &[("Billing", "Once, 20 euros.")],
        &[(&[format!("{} + {}", send("Orders", words), send("Billing", words))], "Once, 20 euros.")],
    );
    let turns = super::super::tests::play(&shop(), &["You lead."], &[words], &says(&[("Billing", "Once, 20 euros.")]));
    assert_eq!(turns[0].answer, "Once, 20 euros.");
}

#[test]
fn what_goes_on_goes_to_the_same_agent_with_the_thing_it_is_about() {
    let first = "Where is my parcel ORD-9?";
    check(
        &shop(),
        &[first, "And when does it arrive?"],
        &[("Orders", "It is in Leeds.")],
        &[
            (&[send("Orders", first)], "Leeds"),
            (&[send("Orders", "And when does it arrive? This is about ORD-9.")], "Leeds"),
        ],
    );
}

#[test]
fn nobody_is_asked_what_nobody_is_for() {
    check(&shop(), &["Write me a poem about spring"], &[], &[(&[], "I have no tool that can do this.|Passwords")]);
    check(&shop(), &["Hello"], &[], &[(&[], "Hello!")]);
}

#[test]
fn own_tools_work_beside_them() {
    let own = [spec("Clock__get_opening_hours", "Opening hours of the shop.", &[])];
    let tools = desk(&own, &[("Orders", "Orders and where their parcels are.")]);
    let words = "What are the opening hours, and where is parcel ORD-9?";
    check_with(
        &tools,
        &["You lead."],
        &[words],
        &|tool, _| if tool == "sendMessage" { "It is in Leeds.".to_owned() } else { "9 to 17 h".to_owned() },
        &[(&[&format!("{} + get_opening_hours {{}}", send("Orders", words))], "It is in Leeds.|9 to 17 h")],
    );
}

#[test]
fn marks_of_long_texts_are_taken_off() {
    assert_eq!(plain("<br:payload id=\"p01\">A report.</br:payload>"), "A report.");
    assert_eq!(plain("a < b <br:payload id=\"x"), "a < b <br:payload id=\"x");
}
