use super::*;
use serde_json::{Value, json};

const PLAIN: Style = Style { color: false, width: 100 };

fn recorded(turn: &str) -> Vec<StreamEvent> {
    let file: Value = serde_json::from_str(include_str!("recorded.json")).unwrap();
    let events = file["turns"][turn].as_array().unwrap();
    events.iter().map(|event| StreamEvent::new(event["name"].as_str().unwrap(), event["payload"].clone())).collect()
}

fn render(style: Style, events: &[StreamEvent]) -> String {
    let mut renderer = Renderer::new(style);
    let mut out: String = events.iter().map(|event| renderer.event(event)).collect();
    out.push_str(&renderer.finish());
    out
}

fn check(turn: &str, expected: &str) {
    assert_eq!(render(PLAIN, &recorded(turn)), expected, "{turn}");
}

#[test]
fn a_failed_stream_says_so_and_keeps_what_was_said() {
    let mut failed = StreamEvent::new("throttlingException", json!({"message": "slow down"}));
    failed.is_exception = true;
    let chunk = StreamEvent::new("chunk", json!({"bytes": "SGVs"}));
    assert_eq!(render(PLAIN, &[chunk, failed]), "\nHel\n\n  failed    throttlingException: slow down\n");
}

#[test]
fn colours_add_nothing_but_colour() {
    for turn in ["tools", "guardrail", "code", "knowledge", "streamed", "collaborators", "preprocessing"] {
        let events = recorded(turn);
        let coloured = render(Style { color: true, ..PLAIN }, &events);
        assert!(coloured.contains('\u{1b}'));
        assert_eq!(strip(&coloured), render(PLAIN, &events), "{turn}");
    }
}

/// Takes out colour escapes: from ESC to `m`.
fn strip(text: &str) -> String {
    let mut pieces = text.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |out, piece| out + piece.split_once('m').map_or("", |(_, rest)| rest))
}

proptest::proptest! {
    #[test]
    fn any_json_is_survived(text in "[ -~é\n]{0,20}", key in "(orchestration|failure|guardrail|preProcessing)Trace") {
        let values = [json!(null), json!([1, {"a": text}]), json!({"observation": {"finalResponse": text}}), json!(text)];
        for value in values {
            let events = [
                StreamEvent::new("trace", json!({"trace": {key.clone(): value.clone()}})),
                StreamEvent::new("chunk", value.clone()),
                StreamEvent::new("files", json!({"files": value.clone()})),
                StreamEvent::new("returnControl", json!({"invocationInputs": [value]})),
            ];
            render(PLAIN, &events);
        }
    }
}
