//! The user's files: what they say of what is asked, word for word.

use super::words::{Word, cut, words};
use outcrop_ports::{ContentBlock, File, Message};
use std::sync::Arc;

/// Most of one file that is looked through, in bytes.
const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Most lines quoted.
const LINES_MAX: usize = 3;
/// Most of a line that is quoted, in bytes.
const LINE_BYTES_MAX: usize = 300;

/// The lines of the newest text file that have most of the words asked for; its beginning when the file itself is asked for.
pub(super) fn quote(messages: &[Arc<Message>], asked: &[Word]) -> Option<String> {
    let files = messages.iter().rev().flat_map(|message| &message.content).filter_map(ContentBlock::file);
    let texts: Vec<(&File, &str)> =
        files.filter_map(|file| Some((file, cut(file.text()?, FILE_BYTES_MAX)))).take(8).collect();
    texts.first()?;
    let stems: Vec<&str> = asked.iter().filter(|word| word.is_content()).map(|word| word.stem.as_str()).collect();
    let best = texts
        .iter()
        .filter_map(|(file, text)| Some((best_lines(text, &stems)?, file)))
        .max_by_key(|((score, _), _)| *score);
    if let Some(((_, lines), file)) = best {
        return Some(format!("{} says: {}", file.name, lines.join(" / ")));
    }
    let asks_for_file = stems.iter().any(|stem| {
        ["file", "document", "attach", "content", "say", "read"].iter().any(|one| super::words::stem(one) == *stem)
    });
    let (file, text) = texts.first().filter(|_| asks_for_file)?;
    let beginning = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES_MAX);
    let beginning: Vec<&str> = beginning.map(|line| cut(line, LINE_BYTES_MAX)).collect();
    Some(format!("{} begins: {}", file.name, beginning.join(" / ")))
}

/// The lines with most of the words, and how many of them; `None` when no line has one.
fn best_lines<'a>(text: &'a str, stems: &[&str]) -> Option<(usize, Vec<&'a str>)> {
    let mut best: (usize, Vec<&str>) = (0, Vec::new());
    for line in text.lines() {
        let line = cut(line.trim(), LINE_BYTES_MAX);
        let has = words(line);
        let score = stems.iter().filter(|stem| has.iter().any(|word| word.stem == **stem)).count();
        if score > best.0 {
            best = (score, vec![line]);
        } else if score > 0 && score == best.0 && best.1.len() < LINES_MAX {
            best.1.push(line);
        }
    }
    (best.0 > 0).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: &str, expected: Option<&str>) {
        let text = "Returns policy\nGoods may be returned within 30 days.\nShipping is free above 50 EUR.\n";
        let file = File {
            name: "policy.txt".into(),
            media_type: "text/plain".into(),
            hash: String::new(),
            bytes: 0,
            is_text: true,
            data: Some(text.as_bytes().into()),
        };
        let content = vec![ContentBlock::Document(file), ContentBlock::Text(question.into())];
        let message = Arc::new(Message { role: outcrop_ports::Role::User, content });
        assert_eq!(quote(&[message], &words(question)).as_deref(), expected);
    }

    #[test]
    fn quotes_what_is_asked_for() {
        check(
            "How many days for goods to be returned?",
            Some("policy.txt says: Goods may be returned within 30 days."),
        );
        check("Is shipping free?", Some("policy.txt says: Shipping is free above 50 EUR."));
        check(
            "What does the file say?",
            Some(
                "policy.txt begins: Returns policy / Goods may be returned within 30 days. / Shipping is free above 50 EUR.",
            ),
        );
        check("Book a flight", None);
    }
}
