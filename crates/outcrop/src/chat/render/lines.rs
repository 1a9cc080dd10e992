//! Labels, colours, wrapping, and what must not reach a terminal.

use super::Style;
use anstyle::AnsiColor;
use std::fmt::Write;

/// Columns before the text of a step.
const INDENT: usize = 12;
/// Narrowest column of text that is still wrapped.
const TEXT_WIDTH_MIN: usize = 20;
/// Most characters of one step.
const STEP_CHARS_MAX: usize = 2_000;
/// Most lines of one step as it came.
const STEP_LINES_MAX: usize = 24;

/// What kind of step a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Asks,
    Code,
    Failed,
    File,
    Guard,
    Model,
    Result,
    Retry,
    Search,
    Source,
    Step,
    Thinks,
    Tool,
    Total,
    User,
}

impl Label {
    fn text(self) -> &'static str {
        match self {
            Self::Asks => "asks you",
            Self::Code => "code",
            Self::Failed => "failed",
            Self::File => "file",
            Self::Guard => "guardrail",
            Self::Model => "model",
            Self::Result => "result",
            Self::Retry => "retry",
            Self::Search => "search",
            Self::Source => "source",
            Self::Step => "step",
            Self::Thinks => "thinks",
            Self::Tool => "tool",
            Self::Total => "total",
            Self::User => "user",
        }
    }

    /// No white, black or yellow: one of them vanishes on some ground.
    fn style(self) -> anstyle::Style {
        match self {
            Self::Tool | Self::Search | Self::Code => AnsiColor::Cyan.on_default().bold(),
            Self::Result | Self::File | Self::Source => AnsiColor::Green.on_default(),
            Self::Failed | Self::Guard | Self::Retry => AnsiColor::Red.on_default(),
            Self::Asks | Self::User => AnsiColor::Magenta.on_default().bold(),
            Self::Model | Self::Total | Self::Thinks | Self::Step => anstyle::Style::new().dimmed(),
        }
    }

    /// Steps that are there to be glanced at are dim altogether.
    fn is_quiet(self) -> bool {
        matches!(self, Self::Model | Self::Total | Self::Thinks | Self::Step)
    }
}

/// `label` and the text beside it, wrapped to the width; ends with a line break.
pub(super) fn step(style: Style, label: Label, text: &str) -> String {
    whole(style, label, &limit(text))
}

/// The same, however long.
pub(super) fn whole(style: Style, label: Label, text: &str) -> String {
    let paint = if style.color { label.style() } else { anstyle::Style::new() };
    let quiet = if label.is_quiet() { paint } else { anstyle::Style::new() };
    let text_width = style.width.saturating_sub(INDENT);
    let wrap_at = if style.width == 0 { usize::MAX } else { text_width.max(TEXT_WIDTH_MIN) };
    let mut out = String::new();
    let shown = clean(text);
    let shown = if shown.trim().is_empty() { "(nothing)" } else { shown.trim() };
    for (at, line) in shown.lines().flat_map(|line| wrap(line, wrap_at)).enumerate() {
        if line.is_empty() {
            out.push('\n');
            continue;
        }
        let (name, paint) = if at == 0 { (label.text(), paint) } else { ("", anstyle::Style::new()) };
        let pad = " ".repeat(INDENT.saturating_sub(2 + name.len()));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {paint}{name}{paint:#}{pad}{quiet}{line}{quiet:#}");
    }
    out
}

/// Takes out what would command a terminal: answers and results are other people's text.
pub(crate) fn clean(text: &str) -> String {
    let is_kept = |c: &char| matches!(c, '\n' | '\t') || !(c.is_control() || is_direction(*c));
    text.chars().filter(is_kept).collect()
}

/// Marks that turn the direction of text and can make a line read otherwise than it is.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text on one line, cut to so many characters.
pub(super) fn shorten(text: &str, chars: usize) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = words.char_indices().nth(chars) {
        words.truncate(at);
        words.push('…');
    }
    words
}

fn limit(text: &str) -> String {
    let text = text.trim();
    let by_chars = text.char_indices().nth(STEP_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    let by_lines = text.match_indices('\n').nth(STEP_LINES_MAX - 1).map_or(text.len(), |(at, _)| at);
    let end = by_chars.min(by_lines);
    match text[end..].chars().count() {
        0 if text.is_empty() => "(nothing)".to_owned(),
        0 => text.to_owned(),
        more => format!("{}\n… ({more} more characters)", &text[..end]),
    }
}

/// Cuts a line at blanks so that no piece is wider; words that are too long are cut themselves. Counts characters.
fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = line.trim_end();
    while let Some((over, _)) = rest.char_indices().nth(width) {
        let cut = rest[..over].rfind(' ').filter(|at| !rest[..*at].trim().is_empty()).unwrap_or(over);
        pieces.push(rest[..cut].trim_end().to_owned());
        rest = rest[cut..].trim_start();
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest.to_owned());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(style: Style, label: Label, text: &str, expected: &str) {
        assert_eq!(step(style, label, text), expected);
    }

    #[test]
    fn steps_are_labelled_wrapped_and_limited() {
        let plain = Style { color: false, width: 0 };
        check(plain, Label::Tool, "Orders.get(id=\"1\")", "  tool      Orders.get(id=\"1\")\n");
        check(plain, Label::Result, "one\ntwo", "  result    one\n            two\n");
        check(plain, Label::Result, " ", "  result    (nothing)\n");
        let narrow = Style { color: false, width: 32 };
        check(
            narrow,
            Label::Thinks,
            "first the order, then the customer",
            "  thinks    first the order,\n            then the customer\n",
        );
        check(narrow, Label::Result, &"x".repeat(25), &format!("  result    {}\n            xxxxx\n", "x".repeat(20)));
        let long = step(plain, Label::Result, &"y\n".repeat(100));
        assert_eq!(long.lines().count(), STEP_LINES_MAX + 1);
        assert!(long.ends_with("            … (152 more characters)\n"), "{long}");
    }

    #[test]
    fn colours_end_where_they_began_and_escapes_do_not_pass() {
        let colour = Style { color: true, width: 0 };
        check(colour, Label::Result, "ok\u{1b}[31m\u{202e}!", "  \u{1b}[32mresult\u{1b}[0m    ok[31m!\n");
        check(colour, Label::Model, "m", "  \u{1b}[2mmodel\u{1b}[0m     \u{1b}[2mm\u{1b}[0m\n");
    }
}
