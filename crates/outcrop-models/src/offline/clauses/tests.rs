use super::*;
use proptest::prelude::*;

fn check(text: &str, expected: &[(&str, Mode, Option<&str>)]) {
    let found = clauses(text);
    let found: Vec<(&str, Mode, Option<String>)> = found
        .iter()
        .map(|clause| {
            let condition = clause
                .condition
                .as_ref()
                .map(|condition| format!("{}{}", if condition.inverted { "!" } else { "" }, condition.text));
            (clause.core.as_str(), clause.mode, condition)
        })
        .collect();
    let expected: Vec<(&str, Mode, Option<String>)> =
        expected.iter().map(|(text, mode, condition)| (*text, *mode, condition.map(str::to_owned))).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn takes_requests_apart() {
    check(
        "Where is order A-482, and can you cancel it if it hasn't shipped?",
        &[
            ("Where is order A-482", Mode::Question, None),
            ("can you cancel it?", Mode::Request, Some("it hasn't shipped")),
        ],
    );
    check("Open my calendar for next Monday.", &[("Open my calendar for next Monday", Mode::Request, None)]);
    check("I want to return my order", &[("I want to return my order", Mode::Request, None)]);
    check(
        "If the balance is over 100, transfer 50 to Ana.",
        &[("transfer 50 to Ana", Mode::Request, Some("the balance is over 100"))],
    );
    check(
        "Cancel it unless it was delivered; otherwise return it.",
        &[
            ("Cancel it", Mode::Request, Some("!it was delivered")),
            ("return it", Mode::Request, Some("it was delivered")),
        ],
    );
    check(
        "Can I cancel order 5? Was it sent?",
        &[("Can I cancel order 5?", Mode::Permission, None), ("Was it sent?", Mode::Question, None)],
    );
    check(
        "Has A-1 arrived? If so, return it, otherwise cancel it.",
        &[
            ("Has A-1 arrived?", Mode::Question, None),
            ("return it", Mode::Request, Some("Has A-1 arrived")),
            ("cancel it", Mode::Request, Some("!Has A-1 arrived")),
        ],
    );
    check(
        "Cancel A-482, and if that doesn't work, return it",
        &[("Cancel A-482", Mode::Request, None), ("return it", Mode::Request, Some("that doesn't work"))],
    );
    check(
        "Cancel A-482, otherwise return it",
        &[("Cancel A-482", Mode::Request, None), ("return it", Mode::Request, Some("that does not work"))],
    );
    check(
        "Cancel A-1, and if that fails, return it and tell me where it is",
        &[
            ("Cancel A-1", Mode::Request, None),
            ("return it", Mode::Request, Some("that fails")),
            ("tell me where it is", Mode::Request, None),
        ],
    );
    check(
        "Cancel A-482 or else return it",
        &[("Cancel A-482", Mode::Request, None), ("return it", Mode::Request, Some("that does not work"))],
    );
    check(
        "Cancel A-482 if it has not shipped and is over 200 dollars",
        &[("Cancel A-482", Mode::Request, Some("it has not shipped and is over 200 dollars"))],
    );
    check(
        "Cancel A-482 if it has not shipped and order total is over 200",
        &[("Cancel A-482", Mode::Request, Some("it has not shipped and order total is over 200"))],
    );
    check("I'd say yes if you also cancel A-482", &[("I'd say yes", Mode::Statement, Some("you also cancel A-482"))]);
    check("Don't cancel it.", &[("Don't cancel it", Mode::Refusal, None)]);
    check(
        "Find a hotel in Rome and book a room for 2 nights",
        &[("Find a hotel in Rome", Mode::Request, None), ("book a room for 2 nights", Mode::Request, None)],
    );
    check("The weather in Oslo and Rome", &[("The weather in Oslo and Rome", Mode::Statement, None)]);
    check("My order was cancelled.", &[("My order was cancelled", Mode::Statement, None)]);
}

#[test]
fn long_texts_end() {
    for text in [", and if x, cancel it", " otherwise a", " or else cancel it and go", " if a and is b"] {
        let _ = clauses(&text.repeat(400));
    }
}

#[test]
fn the_deed_is_what_remains() {
    assert_eq!(deed("and can you please cancel it?"), "cancel it");
    assert_eq!(deed("I'd like to book a table."), "book a table");
}

proptest! {
    #[test]
    fn any_text_is_taken(text in r"(?:[ a-zA-Z0-9.,;?!'\n-]|if |and |é|unless |otherwise |, and if |, cancel it| or else | also ){0,60}") {
        for clause in clauses(&text) {
            let _ = deed(&clause.core);
        }
    }
}
