//! Payload references: a long text is written once and passed on by its id, so that no model retypes it.
//!
//! The grammar is the service's: `<br:payload id="ID">…</br:payload>` marks a text, `<br:share_payload id="ID"/>` stands
//! for it in a later message or in the answer. Collaborators' long answers are marked here; models may mark their own.

use outcrop_ports::{ContentBlock, Message};
use std::sync::Arc;

/// Answers from this many bytes on are worth a reference.
const MARKED_BYTES_MIN: usize = 400;

const OPEN: &str = "<br:payload id=\"";
const CLOSE: &str = "</br:payload>";
const SHARE: &str = "<br:share_payload id=\"";
/// What marks begin with.
const TAG: &str = "<br:";
const TAG_CLOSE: &str = "</br:";

/// Marks a collaborator's answer, if it is long and not marked already. The id comes from `seed`, so a replay makes the
/// same one.
pub(super) fn wrap(seed: &str, text: &str) -> String {
    if text.len() < MARKED_BYTES_MIN || text.contains(OPEN) {
        return text.to_owned();
    }
    format!("{OPEN}{}\">{text}{CLOSE}", id(seed))
}

/// Eight digits of a hash: short enough for a model to copy.
fn id(seed: &str) -> String {
    let hash = seed
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("p{:08x}", hash >> 32)
}

/// Puts texts in place of their references; a reference to nothing stays as it is.
pub(super) fn expand(text: &str, messages: &[Arc<Message>]) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SHARE) {
        let after = &rest[at + SHARE.len()..];
        let reference = after.split_once('"').and_then(|(id, tail)| {
            let tail = tail.trim_start();
            let tail = tail.strip_prefix("/>").or_else(|| tail.strip_prefix("></br:share_payload>"))?;
            Some((find(id, text, messages)?, tail))
        });
        match reference {
            Some((payload, tail)) => {
                expanded.push_str(&rest[..at]);
                expanded.push_str(&payload);
                rest = tail;
            }
            None => {
                let end = at + SHARE.len();
                expanded.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

/// The answer as a user reads it: references are replaced, marks are gone.
pub(super) fn plain(text: &str, messages: &[Arc<Message>]) -> String {
    if !text.contains(TAG) {
        return text.to_owned();
    }
    let expanded = expand(text, messages);
    let mut plain = String::with_capacity(expanded.len());
    let mut rest = expanded.as_str();
    while let Some(at) = rest.find(OPEN) {
        let Some(end) = rest[at..].find('>') else { break };
        plain.push_str(&rest[..at]);
        rest = &rest[at + end + 1..];
    }
    plain.push_str(rest);
    plain.replace(CLOSE, "")
}

/// The text marked with an id: in the same text, else in the newest message that has it.
fn find(id: &str, own: &str, messages: &[Arc<Message>]) -> Option<String> {
    let open = format!("{OPEN}{id}\">");
    let within = |text: &str| {
        let (_, after) = text.split_once(&open)?;
        let (payload, _) = after.split_once(CLOSE)?;
        Some(payload.to_owned())
    };
    let in_block = |block: &ContentBlock| match block {
        ContentBlock::Text(text) => within(text),
        ContentBlock::ToolResult(result) => result.content.iter().find_map(|content| within(&content.words())),
        ContentBlock::ToolUse(tool_use) => tool_use.input.get("content").and_then(|content| within(content.as_str()?)),
        ContentBlock::ReasoningContent(_) | ContentBlock::Document(_) | ContentBlock::Image(_) => None,
    };
    within(own).or_else(|| messages.iter().rev().find_map(|message| message.content.iter().find_map(in_block)))
}

/// Up to where a text can be shown while it is written: a mark, or what may become one, is not shown.
pub(super) fn shown_until(text: &str) -> usize {
    if let Some(at) = [text.find(TAG), text.find(TAG_CLOSE)].into_iter().flatten().min() {
        return at;
    }
    let last = text.rfind('<').unwrap_or(text.len());
    let tail = &text[last..];
    if !tail.is_empty() && (TAG.starts_with(tail) || TAG_CLOSE.starts_with(tail)) { last } else { text.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(text: &str) -> Vec<Arc<Message>> {
        vec![Arc::new(Message::user(text))]
    }

    #[test]
    fn a_long_answer_is_passed_on_by_its_id() {
        let long = "The order was charged twice. ".repeat(20);
        let marked = wrap("t1", &long);
        let id = &marked[OPEN.len()..OPEN.len() + 9];
        let share = format!("See: <br:share_payload id=\"{id}\"/>!");
        assert_eq!(expand(&share, &said(&marked)), format!("See: {long}!"));
        assert_eq!(plain(&share, &said(&marked)), format!("See: {long}!"));
        assert_eq!(plain(&marked, &[]), long);
        assert_eq!(wrap("t1", "short"), "short");
        assert_eq!(wrap("t1", &marked), marked);
    }

    #[test]
    fn a_reference_to_nothing_stays() {
        for text in [
            "<br:share_payload id=\"x\"/>",
            "<br:share_payload id=\"",
            "<br:share_payload id=\"x\" y",
            "<br:payload id=\"",
        ] {
            assert_eq!(expand(text, &said("nothing")), text);
        }
        assert_eq!(plain("a <br:payload id=\"x", &[]), "a <br:payload id=\"x");
    }

    #[test]
    fn what_may_be_a_mark_is_not_shown() {
        for (text, shown) in [
            ("a b", "a b"),
            ("a <br", "a "),
            ("a <b", "a "),
            ("a </", "a "),
            ("a <br:payload", "a "),
            ("a <i> b", "a <i> b"),
        ] {
            assert_eq!(&text[..shown_until(text)], shown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_without_harm(text in "(<br:|</br:|share_|payload id=\"|\"/>|\">|[a-z<>\"]){0,12}") {
            let _ = plain(&text, &said(&text));
        }

        #[test]
        fn text_without_marks_is_itself(text in "[^<]{0,60}") {
            prop_assert_eq!(plain(&text, &[]), text.clone());
            prop_assert_eq!(expand(&text, &[]), text);
        }
    }
}
