//! Cutting text into words, and folding words to what they mean to say.

pub(crate) mod fold;
pub(crate) mod hash;
pub(crate) mod stem;

/// What a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters, with apostrophes inside.
    Word,
    /// ASCII digits only.
    Digits,
    /// Letters and digits without a break.
    Mixed,
}

/// How a word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// No capital at the start.
    Lower,
    /// A capital at the start, small letters after it.
    Title,
    /// Capitals only, two letters or more.
    Upper,
}

/// A run of letters and digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: Kind,
    pub(crate) case: Case,
    /// What the lexicon says; filled by those who have one.
    pub(crate) flags: u64,
}

impl Token {
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }
}

/// Cuts a text into tokens, in order.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::with_capacity(text.len() / 6 + 4);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let (char, width) = char_at(text, at);
        if !is_part(char) {
            at += width;
            continue;
        }
        let token = token_at(text, at);
        at = token.end;
        found.push(token);
    }
    found
}

fn token_at(text: &str, start: usize) -> Token {
    let bytes = text.as_bytes();
    let (mut digits, mut others) = (false, false);
    let (mut lowers, mut uppers, mut letters) = (0_u32, 0_u32, 0_u32);
    let mut first_upper = false;
    let mut at = start;
    while at < bytes.len() {
        let (char, width) = char_at(text, at);
        if char.is_ascii_digit() {
            digits = true;
        } else if is_part(char) {
            others = true;
            letters += 1;
            let upper = if char.is_ascii() { char.is_ascii_uppercase() } else { char.is_uppercase() };
            if upper {
                uppers += 1;
                first_upper |= at == start;
            } else {
                lowers += 1;
            }
        } else if (char == '\'' || char == '’') && others && !digits {
            let next = at + width;
            if next >= bytes.len() || !char_at(text, next).0.is_alphabetic() {
                break;
            }
        } else {
            break;
        }
        at += width;
    }
    let kind = match (digits, others) {
        (true, true) => Kind::Mixed,
        (true, false) => Kind::Digits,
        _ => Kind::Word,
    };
    let case = if lowers == 0 && uppers > 1 {
        Case::Upper
    } else if first_upper && (lowers > 0 || letters == 1) {
        Case::Title
    } else {
        Case::Lower
    };
    Token { start, end: at, kind, case, flags: 0 }
}

fn is_part(char: char) -> bool {
    if char.is_ascii() { char.is_ascii_alphanumeric() } else { char.is_alphanumeric() || is_mark(char) }
}

/// Combining marks, which belong to the letter before them.
pub(crate) fn is_mark(char: char) -> bool {
    matches!(char as u32, 0x300..=0x36F | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F)
}

/// The character at a boundary and its length in bytes.
pub(crate) fn char_at(text: &str, at: usize) -> (char, usize) {
    let byte = text.as_bytes()[at];
    if byte < 0x80 {
        return (byte as char, 1);
    }
    let char = text[at..].chars().next().unwrap_or('\u{FFFD}');
    (char, char.len_utf8())
}

/// The nearest boundary at or before a position.
pub(crate) fn floor_boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A word in small letters, in a buffer that is used again.
pub(crate) fn lower_into(word: &str, into: &mut String) {
    into.clear();
    for char in word.chars() {
        if char.is_ascii() {
            into.push(char.to_ascii_lowercase());
        } else if char == '’' {
            into.push('\'');
        } else {
            into.extend(char.to_lowercase());
        }
    }
}

/// Bytes of a window; longer texts are read in several, so that memory stays bounded whatever comes.
pub(crate) const WINDOW_BYTES: usize = 64 * 1024;

/// Cuts a text into windows that end at a space where there is one.
pub(crate) fn windows(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= text.len() {
            return None;
        }
        let limit = floor_boundary(text, start + WINDOW_BYTES);
        let floor = floor_boundary(text, limit - WINDOW_BYTES.min(limit - start) / 16);
        let end = if limit == text.len() {
            limit
        } else {
            text[floor..limit].rfind(char::is_whitespace).map_or(limit, |at| floor + at)
        };
        let window = start..end.max(start + 1);
        start = window.end;
        Some(window)
    })
}
