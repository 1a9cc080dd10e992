//! Reading a model's text: thinking apart from the answer, whole or while it is still being written.
//!
//! Grammar, as the service's own prompts have it: `<thinking>…</thinking>` (some models write `<think>`) is for the
//! trace; if there is an `<answer>`, only what is inside is for the user; else everything outside of thinking is.

const THINKING_TAGS: [(&str, &str); 2] = [("<thinking>", "</thinking>"), ("<think>", "</think>")];
const ANSWER_OPEN: &str = "<answer>";
const ANSWER_CLOSE: &str = "</answer>";

/// A model's text taken apart, both parts trimmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// For the trace.
    pub thinking: String,
    /// For the user.
    pub answer: String,
}

/// Takes a whole text apart. A tag left open reaches to the end.
pub fn split(text: &str) -> Parts {
    let mut thinking = String::new();
    let mut rest = String::with_capacity(text.len());
    let mut remaining = text;
    loop {
        let first = THINKING_TAGS.iter().filter_map(|(open, close)| remaining.find(open).map(|at| (at, *open, *close))).min();
        let Some((at, open, close)) = first else { break };
        rest.push_str(&remaining[..at]);
        let inside = &remaining[at + open.len()..];
        let (thought, after) = inside.split_once(close).unwrap_or((inside, ""));
        if !thinking.is_empty() {
            thinking.push('\n');
        }
        thinking.push_str(thought.trim());
        remaining = after;
    }
    rest.push_str(remaining);
    let answer = match rest.split_once(ANSWER_OPEN) {
        Some((_, inside)) => inside.split_once(ANSWER_CLOSE).map_or(inside, |(answer, _)| answer).trim().to_owned(),
        None => rest.trim().to_owned(),
    };
    Parts { thinking, answer }
}

/// Finds out, piece by piece, what of a text can already be shown as the final answer.
///
/// With tools on offer, only the inside of `<answer>` is surely final: any other text may turn out to be a remark
/// before a tool call. What it gives is always a prefix of [`split`]'s answer for the whole text.
#[derive(Debug)]
pub struct AnswerStream {
    text: String,
    shown: usize,
    tools_on_offer: bool,
}

impl AnswerStream {
    /// A stream for one model call.
    pub fn new(tools_on_offer: bool) -> Self {
        Self { text: String::new(), shown: 0, tools_on_offer }
    }

    /// Adds a piece; gives what can be shown beyond what was shown before.
    pub fn push(&mut self, piece: &str) -> String {
        self.text.push_str(piece);
        let has_answer = self.text.contains(ANSWER_OPEN);
        if self.tools_on_offer && !has_answer {
            return String::new();
        }
        // Without an answer tag so far, one may still come and change what is final; thinking models write it at once.
        if !has_answer && (self.text.trim_start().starts_with('<') || self.text.trim_start().is_empty()) {
            return String::new();
        }
        let settled = &self.text[..self.text.len() - partial_tag(&self.text)];
        let answer = split(settled).answer;
        // An answer tag that comes late makes another text final than was shown: then nothing more is shown here and
        // the end of the turn mends it.
        let Some(more) = answer.get(self.shown..) else { return String::new() };
        let more = more.trim_end();
        self.shown += more.len();
        more.to_owned()
    }
}

/// Length of what may be the beginning of a tag at the end of the text.
fn partial_tag(text: &str) -> usize {
    let Some(at) = text.rfind('<') else { return 0 };
    let tail = &text[at..];
    let tags = THINKING_TAGS.iter().flat_map(|(open, close)| [*open, *close]).chain([ANSWER_OPEN, ANSWER_CLOSE]);
    let is_partial = tags.into_iter().any(|tag| tag.len() > tail.len() && tag.starts_with(tail));
    if is_partial { tail.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, thinking: &str, answer: &str) {
        assert_eq!(split(text), Parts { thinking: thinking.into(), answer: answer.into() }, "{text:?}");
    }

    #[test]
    fn takes_texts_apart() {
        check("It is here.", "", "It is here.");
        check("<thinking>\nLook it up. </thinking>\nIt is here.", "Look it up.", "It is here.");
        check("<thinking>a</thinking><answer> b </answer> c", "a", "b");
        check("<think>a</think>b<think>c</think>d", "a\nc", "bd");
        check("before <answer>open", "", "open");
        check("<thinking>never closed", "never closed", "");
        check("", "", "");
    }

    fn stream(text: &str, cut: usize, tools: bool) -> String {
        let mut stream = AnswerStream::new(tools);
        let characters: Vec<char> = text.chars().collect();
        characters.chunks(cut).map(|piece| stream.push(&piece.iter().collect::<String>())).collect()
    }

    #[test]
    fn streams_what_is_surely_final() {
        assert_eq!(stream("I will look. <answer>It is 3 < 4.</answer>", 3, true), "It is 3 < 4.");
        assert_eq!(stream("I will look.", 3, true), "");
        assert_eq!(stream("It is here.", 3, false), "It is here.");
        assert_eq!(stream("<thinking>x</thinking><answer>It is here.</answer>", 1, false), "It is here.");
    }

    proptest! {
        #[test]
        fn what_is_streamed_is_a_prefix_of_the_answer(
            pieces in prop::collection::vec(prop_oneof![
                Just("<thinking>"), Just("</thinking>"), Just("<answer>"), Just("</answer>"), Just("<"), Just(" "), Just("word"), Just("é\n"),
            ], 0..12),
            cut in 1usize..9,
        ) {
            let text: String = pieces.concat();
            let streamed = stream(&text, cut, true);
            prop_assert!(split(&text).answer.starts_with(&streamed), "{text:?}: {streamed:?}");
        }
    }
}
