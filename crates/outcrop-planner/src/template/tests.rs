//! Templates as users have them.

use super::*;
use proptest::prelude::*;

fn check_refusal(phase: Phase, source: &str, line: usize, column: usize, message: &str) {
    let error = Template::compile(phase, source).expect_err(source);
    assert_eq!((error.line, error.column), (line, column), "{source}: {error}");
    assert!(error.message.contains(message), "{source}: {error}");
}

#[test]
fn says_where_a_template_is_wrong() {
    let phase = Phase::Orchestration;
    check_refusal(phase, "You help.\nAnd $quesiton$ too", 2, 5, "$quesiton$ is not a known placeholder");
    check_refusal(phase, "$search_results$", 1, 1, "is not a placeholder of ORCHESTRATION");
    check_refusal(phase, "{\"system\": \"a\nb\",\n \"messages\": [}", 3, 15, "not valid JSON");
    check_refusal(phase, "{\"system\": \"a\"}", 1, 15, "missing field `messages`");
    check_refusal(phase, "{\"messages\": []}", 1, 1, "`messages` is empty");
    check_refusal(phase, "{\"messages\": [{\"role\": \"bot\", \"content\": \"x\"}]}", 1, 28, "unknown variant `bot`");
    check_refusal(phase, "{\"messages\": [{\"role\": \"user\", \"content\": 4}]}", 1, 44, "expected a text");
}

#[test]
fn dollars_that_are_no_placeholders_are_text() {
    for source in [
        "costs $5$ or $x$",
        "$PARAMETER_NAME>$PARAMETER_VALUE</$PARAMETER_NAME>",
        "a $ b $ c",
        "$$",
        "$no such$",
        "<text>$answer$</text><source>$source$</source>",
    ] {
        let template = Template::compile(Phase::Orchestration, source).expect(source);
        assert_eq!(template.system[0].fill(|_| "?".into()), source);
    }
}

#[test]
fn messages_are_read_in_every_form_in_use() {
    for content in [
        "\"$question$\"",
        "[{\"text\": \"$question$\"}]",
        "[{\"type\":\"text\", \"text\":\"$question$\"}]",
        "[\"$question$\"]",
    ] {
        let source = format!(
            "{{\"anthropic_version\": \"bedrock-2023-05-31\", \"system\": \"Be\n\tkind.\", \"messages\": [{{\"role\": \"user\", \"content\": {content}}}]}}"
        );
        let template = Template::compile(Phase::Orchestration, &source).expect(&source);
        let Template { system, messages, .. } = &template;
        assert_eq!(system[0].fill(|_| "".into()), "Be\n\tkind.");
        assert_eq!(messages[0].content[0].only(), Some(Placeholder::Question));
    }
}

#[test]
fn every_placeholder_is_described() {
    let page = include_str!("../../../../docs/prompts.md");
    for place in Placeholder::ALL {
        assert!(page.contains(&format!("`${}$`", place.name())), "docs/prompts.md has no ${}$", place.name());
    }
}

#[test]
fn every_placeholder_has_its_own_name() {
    for place in Placeholder::ALL {
        assert_eq!(Placeholder::parse(place.name()), Some(*place));
        assert_eq!(next_place(&format!("${}$", place.name())), Some((0, place.name())));
    }
}

proptest! {
    #[test]
    fn compiling_never_panics_and_filling_is_one_pass(
        pieces in prop::collection::vec(prop_oneof![
            Just("$question$"), Just("$tools$"), Just("$"), Just("{"), Just("\""), Just("\\"), Just("\n"), Just("word"), Just("é"), Just("$nope$"),
        ], 0..12),
        value in "[$a-z\"\\\\\n{}_]{0,20}",
    ) {
        let source: String = pieces.concat();
        let _ = Template::compile(Phase::Orchestration, &source);
        let filled = Text::parse(&source).fill(|_| value.as_str().into());
        // Filled in one pass: each place gives the value once, whatever the value contains.
        let places = Text::parse(&source).places().count();
        let literals: usize = source.len() - Text::parse(&source).places().map(|place| place.name().len() + 2).sum::<usize>();
        prop_assert_eq!(filled.len(), literals + places * value.len());
    }

    #[test]
    fn what_json_strings_hold_comes_out_again(text in "[ -~\n\t]{0,40}") {
        prop_assume!(next_place(&text).is_none());
        let quoted = serde_json::to_string(&text).expect("is a text");
        let source = format!("{{\"messages\": [{{\"role\": \"user\", \"content\": {quoted}}}]}}");
        // As strict JSON has it, and with the control characters as they are.
        for source in [source.clone(), source.replace("\\n", "\n")] {
            let Ok(Template { messages, .. }) = Template::compile(Phase::Orchestration, &source) else {
                // `\\n` within the text is a backslash and an n; with a real line break it is another text.
                prop_assert!(text.contains('\\'));
                continue;
            };
            if !text.contains('\\') {
                prop_assert_eq!(messages[0].content[0].fill(|_| "".into()), text.as_str());
            }
        }
    }
}
