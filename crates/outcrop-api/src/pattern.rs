//! Regular expressions of the models, which are written for Java.

use std::sync::OnceLock;

/// Steps a pattern with look-around may take back before the text counts as not matching.
const BACKTRACKS_MAX: usize = 100_000;

/// A pattern that a whole text has to match. Compiled when first needed.
pub struct Pattern {
    source: &'static str,
    compiled: OnceLock<Compiled>,
}

enum Compiled {
    /// Runs in linear time.
    Plain(regex::Regex),
    /// Has look-around.
    Fancy(fancy_regex::Regex),
    /// Cannot be compiled. A test sees to it that no pattern of the tables is such.
    Broken(String),
}

impl Pattern {
    pub(crate) const fn new(source: &'static str) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    /// The pattern as AWS prints it in messages.
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// Whether the whole of a text matches.
    pub fn matches(&self, text: &str) -> bool {
        match self.compiled.get_or_init(|| compile(self.source)) {
            Compiled::Plain(regex) => regex.is_match(text),
            // Out of steps: a text that needs so many is not one of AWS's names.
            Compiled::Fancy(regex) => regex.is_match(text).unwrap_or(false),
            Compiled::Broken(_) => true,
        }
    }

    /// Why it cannot be compiled; `None` when it can.
    pub fn problem(&self) -> Option<&str> {
        match self.compiled.get_or_init(|| compile(self.source)) {
            Compiled::Broken(problem) => Some(problem),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

fn compile(source: &str) -> Compiled {
    let whole = format!(r"\A(?:{})\z", ascii_classes(source));
    if let Ok(regex) = regex::Regex::new(&whole) {
        return Compiled::Plain(regex);
    }
    match fancy_regex::RegexBuilder::new(&whole).backtrack_limit(BACKTRACKS_MAX).build() {
        Ok(regex) => Compiled::Fancy(regex),
        Err(error) => Compiled::Broken(error.to_string()),
    }
}

/// Java's `\d`, `\w` and `\s` know ASCII only. Saying so also keeps the compiled forms small.
fn ascii_classes(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut letters = source.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str(r"[ \t\n\x0B\f\r]"),
            Some('S') => out.push_str(r"[^ \t\n\x0B\f\r]"),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Shape, operations};
    use std::collections::BTreeSet;

    #[test]
    fn every_pattern_compiles() {
        fn visit(shape: &'static Shape, seen: &mut BTreeSet<*const Shape>, problems: &mut Vec<String>) {
            if !seen.insert(std::ptr::from_ref(shape)) {
                return;
            }
            match shape.kind {
                Kind::Structure { members, .. } => {
                    members.iter().for_each(|member| visit(member.shape, seen, problems));
                }
                Kind::List { member, .. } => visit(member, seen, problems),
                Kind::Map { key, value, .. } => {
                    visit(key, seen, problems);
                    visit(value, seen, problems);
                }
                Kind::String { pattern: Some(pattern), .. } => {
                    problems.extend(pattern.problem().map(|problem| format!("{}: {problem}", shape.name)));
                }
                _ => {}
            }
        }
        let (mut seen, mut problems) = (BTreeSet::new(), Vec::new());
        for operation in operations() {
            for root in operation.input.into_iter().chain(operation.output) {
                visit(root, &mut seen, &mut problems);
            }
        }
        assert!(seen.len() > 1_000);
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn the_whole_text_matches_by_javas_rules() {
        let check = |pattern: &'static str, yes: &[&str], no: &[&str]| {
            let pattern = Pattern::new(pattern);
            yes.iter().for_each(|text| assert!(pattern.matches(text), "{pattern:?} {text}"));
            no.iter().for_each(|text| assert!(!pattern.matches(text), "{pattern:?} {text}"));
        };
        check("[0-9a-zA-Z]{10}", &["ABCDEFGHIJ"], &["ABCDEFGHIJK", "ABCDEFGHI", "ABCDEFGHI\n"]);
        check("DRAFT", &["DRAFT"], &["DRAFT\n", "xDRAFT"]);
        check(r"\d{2}", &["12"], &["١٢"]);
        check(r"[\w-:]+", &["a-b:c"], &["a b"]);
        check(r"(?!\bTSTALIASID\b)[0-9a-zA-Z]+", &["ABCDEFGHIJ", "TSTALIASIDX"], &["TSTALIASID"]);
        check(r"(\bTSTALIASID\b|[0-9a-zA-Z]+)", &["TSTALIASID", "ABC"], &["A-B"]);
        check(r"$|^a", &["", "a"], &["b", "aa"]);
        check(r"[0-9A-Za-z\.\-_]*(?<!\.)", &["bucket.name", ""], &["bucket."]);
    }
}
