//! User names and passwords: only what stands beside them tells them from other words.

use super::Entity;
use super::lexicon::{COMMON, GIVEN, PASS, USER};
use crate::config::PiiType;
use crate::text::{Kind, Token, char_at, floor_boundary, lower_into};

const VALUE_BYTES_MAX: usize = 128;

/// How firmly a value was announced.
#[derive(Clone, Copy, PartialEq)]
enum Lead {
    /// `password: X`, `password=X`, `password "X"`.
    Sign,
    /// `password is X`.
    Verb,
    /// `user X`.
    Beside,
}

pub(super) fn find(text: &str, tokens: &[Token], found: &mut Vec<Entity>) {
    for (index, token) in tokens.iter().enumerate() {
        let kind = match token.flags & (PASS | USER) {
            0 => continue,
            flags if flags & PASS != 0 => PiiType::Password,
            _ => PiiType::Username,
        };
        if let Some((range, lead)) = value_after(text, token.end)
            && is_plausible(&text[range.clone()], kind, lead, tokens, index)
        {
            let score = if lead == Lead::Beside { 0.8 } else { 0.95 };
            found.push(Entity::new(kind, range, score));
        }
    }
}

/// The value that follows a word such as "password".
fn value_after(text: &str, from: usize) -> Option<(std::ops::Range<usize>, Lead)> {
    let mut at = from;
    let mut lead = Lead::Beside;
    if let Some(rest) = text[at..].strip_prefix('"').or_else(|| text[at..].strip_prefix('\'')) {
        // JSON: "password": "X"
        at = text.len() - rest.len();
    }
    for _ in 0..4 {
        let rest = &text[at..];
        let trimmed = rest.trim_start_matches([' ', '\t']);
        let spaces = rest.len() - trimmed.len();
        if let Some(after) =
            trimmed.strip_prefix(":=").or_else(|| trimmed.strip_prefix("=>")).or_else(|| trimmed.strip_prefix("->"))
        {
            at = text.len() - after.len();
            lead = Lead::Sign;
            continue;
        }
        if let Some(after) = trimmed.strip_prefix([':', '=']) {
            at = text.len() - after.len();
            lead = Lead::Sign;
            continue;
        }
        if spaces == 0 && at == from {
            return None;
        }
        let word_end = trimmed.find(|char: char| !char.is_alphabetic()).unwrap_or(trimmed.len());
        match trimmed[..word_end].to_ascii_lowercase().as_str() {
            "is" | "was" | "be" | "ist" | "lautet" if trimmed[word_end..].starts_with([' ', ':']) => {
                at += spaces + word_end;
                lead = Lead::Verb;
            }
            "as" | "to" | "set" | "will" | "should" | "has" | "currently" | "now" | "still" | "just" | "for"
            | "name" | "number" | "id"
                if trimmed[word_end..].starts_with([' ', ':']) && lead != Lead::Sign =>
            {
                at += spaces + word_end;
            }
            _ => break,
        }
    }
    let rest = &text[at..];
    let mut start = at + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    if start == from {
        return None;
    }
    let quote = text[start..].chars().next().filter(|char| matches!(char, '"' | '\'' | '`' | '“' | '‘' | '<'));
    let mut end = start;
    if let Some(quote) = quote {
        start += quote.len_utf8();
        let close = match quote {
            '“' => '”',
            '‘' => '’',
            '<' => '>',
            same => same,
        };
        end = start + text[start..floor_boundary(text, start + VALUE_BYTES_MAX)].find(close)?;
        return (end > start).then_some((start..end, Lead::Sign));
    }
    while end < text.len() && end - start < VALUE_BYTES_MAX {
        let (char, width) = char_at(text, end);
        if char.is_whitespace() || matches!(char, '"' | '<' | '>') {
            break;
        }
        end += width;
    }
    while end > start {
        let last = text[..end].chars().next_back().unwrap_or('.');
        let closing = matches!(last, '.' | ',' | ';' | ':' | ')' | ']' | '}' | '\'' | '’')
            || (matches!(last, '!' | '?') && !has_password_form(&text[start..end - last.len_utf8()]));
        if !closing {
            break;
        }
        end -= last.len_utf8();
    }
    (end > start).then_some((start..end, lead))
}

fn has_password_form(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit()) || value.bytes().any(|byte| byte.is_ascii_punctuation())
}

fn is_plausible(value: &str, kind: PiiType, lead: Lead, tokens: &[Token], index: usize) -> bool {
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let has_sign = value.bytes().any(|byte| byte.is_ascii_punctuation() && byte != b'\'' && byte != b'-');
    let capital_inside = value.chars().skip(1).any(char::is_uppercase) && value.chars().any(char::is_lowercase);
    let length = value.chars().count();
    // "User: Penny Cavalcanti" names a person.
    let is_person = kind == PiiType::Username
        && !has_digit
        && !has_sign
        && tokens.get(index + 1).is_some_and(|token| token.flags & GIVEN != 0 && token.len() == value.len());
    if is_person {
        return false;
    }
    if length < 3 || value.starts_with("{") || value.starts_with("***") || value.starts_with("http") {
        return false;
    }
    let mut word = String::new();
    lower_into(value, &mut word);
    // A word of the lexicon right there is a sentence going on: "the password is required".
    let next_is_common = tokens
        .get(index + 1..(index + 6).min(tokens.len()))
        .unwrap_or_default()
        .iter()
        .any(|token| token.flags & COMMON != 0 && token.kind == Kind::Word && token.len() == value.len());
    let is_sentence = next_is_common
        || word.ends_with("ed") && !has_digit
        || matches!(
            word.as_str(),
            "the"
                | "not"
                | "too"
                | "incorrect"
                | "wrong"
                | "invalid"
                | "weak"
                | "stored"
                | "what"
                | "that"
                | "must"
                | "none"
                | "null"
                | "never"
                | "always"
                | "there"
                | "here"
                | "case-sensitive"
                | "protection"
                | "manager"
                | "policy"
        );
    match (kind, lead) {
        (PiiType::Password, Lead::Sign) => !is_sentence || has_digit || has_sign,
        (PiiType::Password, Lead::Verb) => has_digit || has_sign || capital_inside || !is_sentence && length >= 5,
        (PiiType::Password, Lead::Beside) => {
            has_digit
                && (has_sign || capital_inside || length >= 6)
                && !value.starts_with(|char: char| char.is_ascii_digit())
        }
        (_, Lead::Sign) => !is_sentence || has_digit || has_sign,
        (_, Lead::Verb) => has_digit || has_sign || !is_sentence,
        (_, Lead::Beside) => {
            (has_digit || value.contains(['_', '.']))
                && value.starts_with(|char: char| char.is_ascii_alphabetic() || char == '@')
                && !value.contains(['/', '(', '='])
        }
    }
}
