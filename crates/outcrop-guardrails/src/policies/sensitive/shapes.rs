//! Values that show what they are by their shape alone: e-mail and web addresses, IP and MAC addresses, keys.

use super::Entity;
use super::lexicon::{AWS, VERSION};
use crate::config::PiiType;
use crate::text::{Kind, Token, char_at};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest address taken as one value, in bytes.
const LENGTH_MAX: usize = 2_048;

pub(super) fn find(text: &str, tokens: &[Token], found: &mut Vec<Entity>) {
    emails(text, found);
    urls(text, found);
    secrets(text, tokens, found);
    for index in 0..tokens.len() {
        addresses(text, tokens, index, found);
        access_key(text, &tokens[index], found);
    }
}

fn is_local(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '.' | '_' | '%' | '+' | '-')
}

fn emails(text: &str, found: &mut Vec<Entity>) {
    let mut floor = 0;
    for (at, _) in text.match_indices('@') {
        if at < floor {
            continue;
        }
        let window = crate::text::floor_boundary(text, at.saturating_sub(128).max(floor));
        let mut start = at;
        for (position, char) in text[window..at].char_indices().rev() {
            if !is_local(char) {
                break;
            }
            start = window + position;
        }
        while start < at && !char_at(text, start).0.is_alphanumeric() {
            start += char_at(text, start).1;
        }
        let mut end = at + 1;
        for char in text[at + 1..].chars().take(255) {
            if !(char.is_alphanumeric() || char == '.' || char == '-') {
                break;
            }
            end += char.len_utf8();
        }
        while end > at + 1 && matches!(text.as_bytes()[end - 1], b'.' | b'-') {
            end -= 1;
        }
        let domain = &text[at + 1..end];
        let top = domain.rsplit('.').next().unwrap_or_default();
        if start < at
            && domain.contains('.')
            && !domain.contains("..")
            && top.chars().count() >= 2
            && top.chars().all(char::is_alphabetic)
        {
            found.push(Entity::new(PiiType::Email, start..end, 0.99));
            floor = end;
        }
    }
}

const TOP_DOMAINS: &str = " com org net io co edu gov mil int info biz app dev ai me uk de fr es it nl be ch at se no dk fi pl cz hu ie pt gr ru ua \
us ca au nz jp cn in br mx ar za tr eu tv xyz online site shop store blog cloud tech ";

fn urls(text: &str, found: &mut Vec<Entity>) {
    let bytes = text.as_bytes();
    let mut floor = 0;
    let take = |start: usize, found: &mut Vec<Entity>| {
        let mut end = start;
        for char in text[start..].chars() {
            if char.is_whitespace()
                || matches!(char, '<' | '>' | '"' | '`' | '|' | '{' | '}' | '“' | '”')
                || end - start > LENGTH_MAX
            {
                break;
            }
            end += char.len_utf8();
        }
        while end > start {
            let last = text[..end].chars().next_back().unwrap_or('.');
            let opened = last == ')' && text[start..end].contains('(');
            if !matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '\'' | '’' | '*') || opened {
                break;
            }
            end -= last.len_utf8();
        }
        if end > start + 6 && text[start..end].contains('.') || text[start..end].contains("://localhost") {
            found.push(Entity::new(PiiType::Url, start..end, 0.99));
        }
        end
    };
    for (at, _) in text.match_indices("://") {
        if at < floor {
            continue;
        }
        let mut start = at;
        while start > 0
            && at - start < 12
            && (bytes[start - 1].is_ascii_alphanumeric() || matches!(bytes[start - 1], b'+' | b'-' | b'.'))
        {
            start -= 1;
        }
        if start < at && start >= floor {
            floor = take(start, found).max(at + 3);
        }
    }
    floor = 0;
    for (at, _) in text.match_indices('.') {
        if at < floor {
            continue;
        }
        let head = at.saturating_sub(3);
        let is_www = at >= 3
            && bytes[head..at].eq_ignore_ascii_case(b"www")
            && (head == 0 || !bytes[head - 1].is_ascii_alphanumeric());
        if is_www && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) {
            floor = take(head, found).max(at + 1);
            continue;
        }
        if let Some((start, end)) = bare_domain(bytes, at, floor) {
            floor = take(start, found).max(end);
        }
    }
}

/// `shop.example.com/cart`: small letters, a known top domain, and nothing that makes it part of something else.
fn bare_domain(bytes: &[u8], dot: usize, floor: usize) -> Option<(usize, usize)> {
    let part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let mut start = dot;
    while start > floor && dot - start < 63 && part(bytes[start - 1]) {
        start -= 1;
    }
    if start == dot
        || dot - start < 2
        || (start > 0
            && (matches!(bytes[start - 1], b'@' | b'.' | b'/' | b'_' | b'\\')
                || bytes[start - 1] >= 0x80
                || bytes[start - 1].is_ascii_uppercase()))
    {
        return None;
    }
    let mut end = dot;
    let mut label = dot + 1;
    while end < bytes.len() && end - dot < 100 && (part(bytes[end]) || bytes[end] == b'.') {
        if bytes[end] == b'.' {
            label = end + 1;
        }
        end += 1;
    }
    if label == end {
        // A full stop after it.
        end -= 1;
        label = bytes[..end].iter().rposition(|byte| *byte == b'.').map_or(dot, |at| at) + 1;
    }
    if label >= end
        || end > bytes.len()
        || bytes
            .get(end)
            .is_some_and(|byte| *byte >= 0x80 || byte.is_ascii_uppercase() || *byte == b'(' || *byte == b'@')
    {
        return None;
    }
    let top = std::str::from_utf8(&bytes[label..end]).ok()?;
    let has_letter = bytes[start..dot].iter().any(u8::is_ascii_alphabetic);
    (has_letter && TOP_DOMAINS.contains(&format!(" {top} "))).then_some((start, end))
}

/// Secret access keys: a run of exactly 40 of their alphabet, mixed enough not to be a hash or a path.
fn secrets(text: &str, tokens: &[Token], found: &mut Vec<Entity>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut first_token = 0;
    while at < bytes.len() {
        let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+');
        if !in_alphabet(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && in_alphabet(bytes[at]) {
            at += 1;
        }
        if at - start != 40 || bytes.get(at) == Some(&b'=') && bytes.get(at + 1) == Some(&b'=') {
            continue;
        }
        let run = &bytes[start..at];
        let count = |of: fn(&u8) -> bool| run.iter().filter(|byte| of(byte)).count();
        let (uppers, lowers, numbers) =
            (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase), count(u8::is_ascii_digit));
        while first_token < tokens.len() && tokens[first_token].end <= start {
            first_token += 1;
        }
        let is_cued = tokens[first_token.saturating_sub(6)..first_token].iter().any(|token| token.flags & AWS != 0);
        let is_mixed = uppers >= 2 && lowers >= 2 && numbers >= 1;
        if is_mixed && (is_cued || (uppers >= 5 && lowers >= 5 && numbers >= 2 && count(|byte| *byte == b'/') <= 3)) {
            found.push(Entity::new(PiiType::AwsSecretKey, start..at, if is_cued { 0.99 } else { 0.7 }));
        }
    }
}

fn access_key(text: &str, token: &Token, found: &mut Vec<Entity>) {
    const PREFIXES: [&str; 10] = ["AKIA", "ASIA", "ABIA", "ACCA", "AGPA", "AIDA", "AIPA", "ANPA", "ANVA", "AROA"];
    if !(16..=128).contains(&token.len()) || token.kind == Kind::Digits {
        return;
    }
    let value = token.of(text);
    if value.len() == 20
        && PREFIXES.iter().any(|prefix| value.starts_with(prefix))
        && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    {
        found.push(Entity::new(PiiType::AwsAccessKey, token.start..token.end, 0.99));
    }
}

fn is_hex(token: &Token, text: &str, length_max: usize) -> bool {
    token.len() <= length_max && token.of(text).bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// IP and MAC addresses that begin at a token.
fn addresses(text: &str, tokens: &[Token], index: usize, found: &mut Vec<Entity>) {
    let bytes = text.as_bytes();
    let token = &tokens[index];
    if !is_hex(token, text, 4) {
        return;
    }
    let before = token.start.checked_sub(1).map(|at| bytes[at]);
    let gap = |at: usize| tokens.get(at + 1).map(|next| &text[tokens[at].end..next.start]);
    let Some(separator) = gap(index).filter(|gap| matches!(*gap, "." | ":" | "-" | "::")) else {
        return;
    };
    if before.is_some_and(|byte| matches!(byte, b'.' | b':' | b'-'))
        && !text[..token.start].ends_with(": ")
        && !text[..token.start].ends_with("::")
    {
        return;
    }
    let mut last = index;
    while last - index < 8
        && gap(last)
            .is_some_and(|gap| gap == separator || (matches!(separator, ":" | "::") && matches!(gap, ":" | "::")))
        && is_hex(&tokens[last + 1], text, 4)
    {
        last += 1;
    }
    let end = tokens[last].end;
    let goes_on = bytes.get(end).is_some_and(|byte| *byte == separator.as_bytes()[0])
        && bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
    let value = &text[token.start..end];
    let is_version = index > 0 && tokens[index - 1].flags & VERSION != 0;
    if separator == "." {
        let plain = last - index == 3 && !goes_on && value.parse::<Ipv4Addr>().is_ok();
        if plain && !is_version && !before.is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            found.push(Entity::new(PiiType::IpAddress, token.start..end, 0.95));
        }
        let cisco = last - index == 2 && tokens[index..=last].iter().all(|token| token.len() == 4);
        if cisco && tokens[index..=last].iter().any(|token| token.kind == Kind::Mixed) {
            found.push(Entity::new(PiiType::MacAddress, token.start..end, 0.9));
        }
        return;
    }
    if last - index == 5 && tokens[index..=last].iter().all(|token| token.len() == 2) && !goes_on {
        found.push(Entity::new(PiiType::MacAddress, token.start..end, 0.97));
        return;
    }
    if separator != "-" && last - index >= 2 || separator == "::" {
        let start = if text[..token.start].ends_with("::") { token.start - 2 } else { token.start };
        if text[start..end].parse::<Ipv6Addr>().is_ok() {
            found.push(Entity::new(PiiType::IpAddress, start..end, 0.95));
        }
    }
}
