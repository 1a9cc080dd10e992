//! Tool calls written out in text: the grammar of models that had no tools of their own, which templates in circulation
//! still teach.
//!
//! ```text
//! <function_calls>
//! <invoke>
//! <tool_name>group::name</tool_name>
//! <parameters>
//! <order_id>A-1</order_id>
//! </parameters>
//! </invoke>
//! </function_calls>
//! ```

use super::text::tagged;
use outcrop_ports::{ToolResult, ToolUse};
use serde_json::{Map, Value};

const OPEN: &str = "<function_calls>";
const INVOKE: &str = "<invoke>";
const INVOKE_CLOSE: &str = "</invoke>";

/// A text with calls taken out.
#[derive(Debug, PartialEq)]
pub(super) struct Calls {
    /// What stands before the first call.
    pub(super) before: String,
    /// Names and arguments, in order. All values are texts: the grammar has no types.
    pub(super) calls: Vec<(String, Value)>,
}

/// Finds calls in a text; `None` when there is none. What a stop sequence has cut off is understood all the same.
pub(super) fn read(text: &str) -> Option<Calls> {
    let at = text.find(OPEN)?;
    let mut rest = &text[at + OPEN.len()..];
    let mut calls = Vec::new();
    while let Some(start) = rest.find(INVOKE) {
        let body = &rest[start + INVOKE.len()..];
        let end = body.find(INVOKE_CLOSE).unwrap_or(body.len());
        let call = &body[..end];
        if let Some(name) = tagged(call, "tool_name") {
            calls.push((name.to_owned(), arguments(call)));
        }
        rest = body.get(end + INVOKE_CLOSE.len()..).unwrap_or_default();
    }
    (!calls.is_empty()).then(|| Calls { before: text[..at].to_owned(), calls })
}

fn arguments(call: &str) -> Value {
    let mut members = Map::new();
    let mut rest = tagged(call, "parameters").unwrap_or_default();
    // One tag for each argument; its value may hold anything but its own closing tag.
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else { break };
        let name = &rest[start + 1..start + length];
        let after = &rest[start + length + 1..];
        let is_name = !name.is_empty() && name.chars().all(|one| one.is_alphanumeric() || "_-.".contains(one));
        if !is_name {
            rest = after;
            continue;
        }
        let close = format!("</{name}>");
        let end = after.find(&close).unwrap_or(after.len());
        members.insert(name.to_owned(), Value::from(after[..end].trim()));
        rest = after.get(end + close.len()..).unwrap_or_default();
    }
    Value::Object(members)
}

/// A call in this grammar.
pub(super) fn write(tool_use: &ToolUse) -> String {
    let mut text = format!("<function_calls>\n<invoke>\n<tool_name>{}</tool_name>\n<parameters>\n", tool_use.name);
    for (name, value) in tool_use.input.as_object().into_iter().flatten() {
        text.push_str(&format!("<{name}>{}</{name}>\n", crate::prepare::value_text(value)));
    }
    text.push_str("</parameters>\n</invoke>\n</function_calls>");
    text
}

/// A result in this grammar.
pub(super) fn write_result(tool_name: &str, result: &ToolResult) -> String {
    let text = super::reply::result_text(result);
    let inner = match result.status {
        outcrop_ports::ToolResultStatus::Success => {
            format!("<result>\n<tool_name>{tool_name}</tool_name>\n<stdout>\n{text}\n</stdout>\n</result>")
        }
        outcrop_ports::ToolResultStatus::Error => format!("<error>\n{text}\n</error>"),
    };
    format!("<function_results>\n{inner}\n</function_results>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn check(text: &str, before: &str, calls: &[(&str, Value)]) {
        let found = read(text).expect(text);
        assert_eq!(found.before.trim(), before);
        let expected: Vec<(String, Value)> =
            calls.iter().map(|(name, input)| ((*name).to_owned(), input.clone())).collect();
        assert_eq!(found.calls, expected, "{text}");
    }

    #[test]
    fn reads_calls_whole_and_cut_off() {
        let one = "I look.\n<function_calls>\n<invoke>\n<tool_name>orders::status</tool_name>\n<parameters>\n<id> A-1 </id>\n<note>a < b</note>\n</parameters>\n";
        let expected = [("orders::status", json!({"id": "A-1", "note": "a < b"}))];
        check(one, "I look.", &expected);
        check(&format!("{one}</invoke>"), "I look.", &expected);
        check(&format!("{one}</invoke></function_calls>"), "I look.", &expected);
        let two = format!("{one}</invoke><invoke><tool_name>now</tool_name></invoke>");
        check(&two, "I look.", &[expected[0].clone(), ("now", json!({}))]);
        assert_eq!(read("<function_calls> none"), None);
        assert_eq!(read("no call <invoke><tool_name>x</tool_name>"), None);
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_reads_what_is_written(
            noise in "[<>/a-z_ é]{0,30}", name in "[a-z_]{1,9}", value in "[^<]{0,9}",
        ) {
            let _ = read(&format!("<function_calls><invoke>{noise}"));
            let tool_use = ToolUse { tool_use_id: "t".into(), name: name.clone(), input: json!({"p": value.trim()}) };
            let found = read(&write(&tool_use)).expect("is written");
            prop_assert_eq!(&found.calls, &[(name, json!({"p": value.trim()}))]);
        }
    }
}
