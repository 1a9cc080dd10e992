//! Words near a value that say what it is.

use super::lexicon::{CUES, PHONE_AFTER};
use crate::text::{Kind, Token};

/// How far a cue reaches, in tokens and in bytes. The bounds also say how much text before a value can matter.
pub(super) const TOKENS_MAX: usize = 8;
const BYTES_MAX: usize = 100;

/// Whether a sentence ends between two tokens.
pub(super) fn breaks(text: &str, before: &Token, after: &Token) -> bool {
    let gap = &text[before.end..after.start];
    if gap.len() < 2 {
        return false;
    }
    if gap.contains("\n\n") {
        return true;
    }
    let stops = gap
        .bytes()
        .zip(gap.bytes().skip(1))
        .any(|(mark, next)| matches!(mark, b'.' | b'!' | b'?') && next.is_ascii_whitespace());
    // "No. 5", "tel. 030": an abbreviation does not end a sentence.
    stops && !(gap.starts_with(". ") && before.len() <= 3 && before.kind == Kind::Word)
}

/// Cues before `index` with their distance in tokens, nearest first. A value in between takes the cue for itself.
pub(super) fn before(text: &str, tokens: &[Token], index: usize) -> Vec<(u64, usize)> {
    let mut cues = Vec::new();
    let mut at = index;
    while at > 0 && index - at < TOKENS_MAX {
        let (token, next) = (&tokens[at - 1], &tokens[at]);
        if tokens[index].start - token.end > BYTES_MAX || breaks(text, token, next) {
            break;
        }
        at -= 1;
        let flags = token.flags & CUES;
        if flags != 0 {
            cues.push((flags, index - at));
        } else if token.kind != Kind::Word {
            break;
        }
    }
    cues
}

/// Cues right after a value: "334 is my CVV", "9747 6578 office".
pub(super) fn after(text: &str, tokens: &[Token], last: usize) -> Vec<(u64, usize)> {
    let mut cues = Vec::new();
    for at in last + 1..(last + 5).min(tokens.len()) {
        let token = &tokens[at];
        if breaks(text, &tokens[at - 1], token)
            || text[tokens[at - 1].end..token.start].contains([',', ';'])
            || token.kind != Kind::Word
        {
            break;
        }
        let mut flags = token.flags & CUES;
        if at > last + 1 {
            flags &= !PHONE_AFTER;
        }
        if flags != 0 {
            cues.push((flags, at - last));
        }
    }
    cues
}
