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
    /// What stands before `<answer>` and outside of thinking: a remark, when there is an answer apart from it.
    pub remark: String,
}

/// Takes a whole text apart. A tag left open reaches to the end.
pub fn split(text: &str) -> Parts {
    let mut reader = Reader::default();
    reader.push(text);
    reader.flush();
    let remark = if reader.place == Place::Before { "" } else { reader.before.trim() };
    Parts {
        thinking: reader.thinking.trim().to_owned(),
        answer: reader.answer().trim().to_owned(),
        remark: remark.to_owned(),
    }
}

/// What is inside of the first `<name>`, trimmed; a tag left open reaches to the end.
pub(crate) fn tagged<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let open = format!("<{name}>");
    let inside = &text[text.find(&open)? + open.len()..];
    let end = inside.find(&format!("</{name}>")).unwrap_or(inside.len());
    Some(inside[..end].trim())
}

/// Finds out, piece by piece, what of a text can already be shown as the final answer.
///
/// With tools on offer, only the inside of `<answer>` is surely final: any other text may turn out to be a remark
/// before a tool call. What it gives is then always a prefix of [`split`]'s answer for the whole text.
#[derive(Debug)]
pub struct AnswerStream {
    reader: Reader,
    shown: usize,
    tools_on_offer: bool,
}

impl AnswerStream {
    /// A stream for one model call.
    pub fn new(tools_on_offer: bool) -> Self {
        Self { reader: Reader::default(), shown: 0, tools_on_offer }
    }

    /// Adds a piece; gives what can be shown beyond what was shown before.
    pub fn push(&mut self, piece: &str) -> String {
        self.reader.push(piece);
        if self.tools_on_offer && self.reader.place == Place::Before {
            return String::new();
        }
        // White space at the end is kept back: the answer is trimmed, and more may follow.
        let ready = self.reader.answer().trim();
        let ready = ready[..super::payload::shown_until(ready)].trim_end();
        // An answer in parts is put together first.
        let in_parts = ready.starts_with(super::citations::OPEN);
        if in_parts || (!ready.is_empty() && super::citations::OPEN.starts_with(ready)) {
            return String::new();
        }
        let Some(more) = ready.get(self.shown..) else { return String::new() };
        self.shown += more.len();
        more.to_owned()
    }
}

/// Reads a text once, from left to right, however it is cut.
#[derive(Debug, Default)]
struct Reader {
    /// The end of what came that may be the beginning of a tag.
    held: String,
    /// The tag that ends the thinking we are in.
    thinking_until: Option<&'static str>,
    place: Place,
    thinking: String,
    before: String,
    inside: String,
}

/// Where we are with respect to the answer's tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Inside,
    After,
}

impl Reader {
    fn push(&mut self, piece: &str) {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(piece);
        let mut rest = text.as_str();
        while let Some(at) = rest.find('<') {
            self.take(&rest[..at]);
            let tail = &rest[at..];
            if let Some(tag) = self.tags().into_iter().flatten().find(|tag| tail.starts_with(tag)) {
                self.pass(tag);
                rest = &tail[tag.len()..];
            } else if self.tags().into_iter().flatten().any(|tag| tag.starts_with(tail)) {
                tail.clone_into(&mut self.held);
                return;
            } else {
                self.take("<");
                rest = &tail[1..];
            }
        }
        self.take(rest);
    }

    /// Nothing more comes: what was held back is text.
    fn flush(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.take(&held);
    }

    /// Tags that mean something here.
    fn tags(&self) -> [Option<&'static str>; 3] {
        let [(thinking, _), (think, _)] = THINKING_TAGS;
        match (self.thinking_until, self.place) {
            (Some(close), _) => [Some(close), None, None],
            (None, Place::Before) => [Some(thinking), Some(think), Some(ANSWER_OPEN)],
            (None, Place::Inside) => [Some(thinking), Some(think), Some(ANSWER_CLOSE)],
            (None, Place::After) => [Some(thinking), Some(think), None],
        }
    }

    fn pass(&mut self, tag: &'static str) {
        match tag {
            ANSWER_OPEN => self.place = Place::Inside,
            ANSWER_CLOSE => self.place = Place::After,
            tag => match THINKING_TAGS.iter().find(|(open, _)| *open == tag) {
                Some((_, close)) => {
                    self.thinking_until = Some(close);
                    self.thinking.truncate(self.thinking.trim_end().len());
                    if !self.thinking.is_empty() {
                        self.thinking.push('\n');
                    }
                }
                None => self.thinking_until = None,
            },
        }
    }

    fn take(&mut self, text: &str) {
        match (self.thinking_until, self.place) {
            (Some(_), _) => {
                // Each thought begins on its own line, without the white space around it.
                let starts_line = self.thinking.is_empty() || self.thinking.ends_with('\n');
                self.thinking.push_str(if starts_line { text.trim_start() } else { text });
            }
            (None, Place::Before) => self.before.push_str(text),
            (None, Place::Inside) => self.inside.push_str(text),
            (None, Place::After) => {}
        }
    }

    fn answer(&self) -> &str {
        if self.place == Place::Before { &self.before } else { &self.inside }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, thinking: &str, answer: &str) {
        let found = split(text);
        assert_eq!((found.thinking.as_str(), found.answer.as_str()), (thinking, answer), "{text:?}");
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

    #[test]
    fn tells_a_remark_from_an_answer() {
        assert_eq!(split("I cannot look it up. <answer>It is 55.</answer>").remark, "I cannot look it up.");
        assert_eq!(split("I cannot look it up.").remark, "");
        assert_eq!(split("<thinking>a</thinking> <answer>b</answer>").remark, "");
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
        assert_eq!(stream("<answer><answer_part><text>It</text></answer_part></answer>", 2, true), "");
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
