//! What classifiers see of a text: hashed words and character n-grams, and signs that patterns find.

mod signs;

use crate::policies::words::{pieces, spelled_out};
use crate::text::fold;

pub(crate) use signs::COUNT as SIGNS;

/// Buckets for hashed features; a power of two.
pub(crate) const BUCKETS: usize = 1 << 15;

/// One text as numbers.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// Signs by index, 1 when present.
    pub signs: Vec<u16>,
    /// Bucket and value; each bucket once, the vector of length 1.
    pub hashed: Vec<(u16, f32)>,
}

/// Reads a text. Linear in its length.
pub fn features_of(text: &str) -> Features {
    let clear = clear_text(text);
    Features { signs: signs::of(&clear, text), hashed: hashed(&clear) }
}

/// How many signs there are.
pub const fn sign_count() -> usize {
    SIGNS
}

/// A text in plain small letters without disguises: words by single spaces, sentence marks kept.
pub(crate) fn clear_text(text: &str) -> String {
    let pieces = pieces(text);
    let spelled = spelled_out(text, &pieces);
    let mut spelled = spelled.iter().peekable();
    let mut clear = String::with_capacity(text.len() + 16);
    let mut end = 0;
    for piece in &pieces {
        if piece.bytes.start < end {
            continue;
        }
        push_gap(&mut clear, &text[end..piece.bytes.start]);
        while spelled.peek().is_some_and(|(bytes, _)| bytes.end <= piece.bytes.start) {
            spelled.next();
        }
        if let Some((bytes, word)) = spelled.peek().filter(|(bytes, _)| bytes.start == piece.bytes.start) {
            clear.push_str(word);
            end = bytes.end;
            continue;
        }
        let letters = piece.plain.chars().any(char::is_alphabetic);
        let reading = match piece.cut.first() {
            Some(cut) => cut,
            None if letters && !piece.clear.is_empty() => &piece.clear,
            None => &piece.plain,
        };
        clear.push_str(reading);
        end = piece.bytes.end;
    }
    push_gap(&mut clear, &text[end..]);
    clear
}

fn push_gap(clear: &mut String, gap: &str) {
    let before = clear.len();
    for char in gap.chars() {
        match fold::fold(char) {
            '\'' | '’' | '‘' => clear.push('\''),
            '“' | '”' | '"' | '«' | '»' | '„' => clear.push('"'),
            mark @ ('.' | ',' | '!' | '?' | ':' | ';' | '#' | '=' | '<' | '>' | '[' | ']' | '{' | '}' | '(' | ')'
            | '/' | '-' | '*' | '%' | '_' | '`' | '|') => clear.push(mark),
            char if char.is_whitespace() && !clear.is_empty() && !clear.ends_with(' ') => clear.push(' '),
            _ => {}
        }
    }
    if clear.len() == before && !gap.is_empty() && before > 0 {
        clear.push(' ');
    }
}

/// FNV-1a over bytes, with a tag for the kind of feature.
fn hash(tag: u8, parts: &[&[u8]]) -> u16 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for part in parts {
        for byte in *part {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash = (hash ^ 0x1f).wrapping_mul(0x0100_0000_01b3);
    }
    ((hash >> 32 ^ hash) as usize & (BUCKETS - 1)) as u16
}

fn hashed(clear: &str) -> Vec<(u16, f32)> {
    let words: Vec<&str> =
        clear.split(|char: char| !char.is_alphanumeric() && char != '\'').filter(|word| !word.is_empty()).collect();
    let mut found: Vec<(u16, f32)> = Vec::with_capacity(words.len() * 8);
    for (index, word) in words.iter().enumerate() {
        found.push((hash(1, &[word.as_bytes()]), 1.0));
        if let Some(next) = words.get(index + 1) {
            found.push((hash(2, &[word.as_bytes(), next.as_bytes()]), 0.8));
            if let Some(third) = words.get(index + 2) {
                found.push((hash(3, &[word.as_bytes(), third.as_bytes()]), 0.5));
            }
        }
        let bytes = word.as_bytes();
        if bytes.len() >= 4 && bytes.len() <= 24 {
            let mut padded = [b'_'; 26];
            padded[1..=bytes.len()].copy_from_slice(bytes);
            for gram in padded[..bytes.len() + 2].windows(4) {
                found.push((hash(4, &[gram]), 0.35));
            }
        }
    }
    found.sort_unstable_by_key(|(bucket, _)| *bucket);
    let mut merged: Vec<(u16, f32)> = Vec::with_capacity(found.len());
    for (bucket, value) in found {
        match merged.last_mut() {
            Some((last, sum)) if *last == bucket => *sum = sum.max(value),
            _ => merged.push((bucket, value)),
        }
    }
    let length = merged.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for (_, value) in &mut merged {
            *value /= length;
        }
    }
    merged
}
