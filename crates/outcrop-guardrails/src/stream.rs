//! Masking of a text that comes in pieces.
//!
//! What may still become part of a value is held back until enough text follows to tell. Some text that was released
//! is kept as context, because the words before a value decide about it.

use crate::config::Source;
use crate::guardrail::Guardrail;
use crate::policies::sensitive::Found;
use crate::text::floor_boundary;

/// The most that is held back. A run of text without a space, or a match of a pattern without a bound, that grows past
/// this is released as far as it is masked; real values are far shorter.
const HELD_BYTES_MAX: usize = 16 * 1024;

/// A piece of masked text, and what was found in what it was made of. Spans count bytes of the whole text so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// Text to pass on; may be empty.
    pub text: String,
    /// Values found in the released part.
    pub pii_entities: Vec<crate::PiiFinding>,
    /// Matches of custom patterns in the released part.
    pub regexes: Vec<crate::RegexFinding>,
}

/// Masks a stream for one guardrail and direction. Memory is bounded; feed it with [`Masker::push`], end it with
/// [`Masker::finish`].
#[derive(Clone, Debug)]
pub struct Masker {
    guardrail: Guardrail,
    source: Source,
    /// Context that was released, then what is held back.
    buffer: String,
    /// Where in the buffer the held part begins.
    released: usize,
    /// How many bytes of the whole text came before the buffer.
    offset: usize,
    /// Length of the buffer when it was last looked at.
    seen: usize,
}

impl Masker {
    pub(crate) fn new(guardrail: Guardrail, source: Source) -> Self {
        Self { guardrail, source, buffer: String::new(), released: 0, offset: 0, seen: 0 }
    }

    /// Takes more text and gives what can be released.
    pub fn push(&mut self, text: &str) -> Chunk {
        self.buffer.push_str(text);
        let reach = self.guardrail.sensitive().reach();
        if !self.masks_anything() {
            return self.release(self.buffer.len());
        }
        // Looking at every few bytes anew would be quadratic for streams of single characters.
        if self.buffer.len() < self.released + reach + 32 || self.buffer.len() < self.seen + 48 {
            return Chunk::default();
        }
        self.seen = self.buffer.len();
        self.release(self.buffer.len() - reach)
    }

    /// Releases the rest.
    pub fn finish(mut self) -> Chunk {
        self.release(self.buffer.len())
    }

    fn masks_anything(&self) -> bool {
        self.guardrail.sensitive().has_entities() || self.guardrail.sensitive().has_regexes()
    }

    fn release(&mut self, limit: usize) -> Chunk {
        if self.released >= self.buffer.len() {
            return Chunk::default();
        }
        let found = if self.masks_anything() {
            self.guardrail.sensitive().assess(self.source, 0, &self.buffer)
        } else {
            Found::default()
        };
        let limit = self.safe_limit(limit, &found);
        if limit <= self.released {
            return Chunk::default();
        }
        let mut chunk = Chunk::default();
        let mut at = self.released;
        for mask in &found.masks {
            if mask.bytes.end <= self.released || mask.bytes.start >= limit {
                continue;
            }
            chunk.text.push_str(&self.buffer[at..mask.bytes.start.max(at)]);
            chunk.text.push_str(&mask.placeholder);
            at = mask.bytes.end.min(limit);
        }
        chunk.text.push_str(&self.buffer[at..limit]);
        let ours = |start: usize| start >= self.released && start < limit;
        let offset = self.offset;
        chunk.pii_entities = found.entities.into_iter().filter(|finding| ours(finding.span.bytes.start)).collect();
        chunk.regexes = found.regexes.into_iter().filter(|finding| ours(finding.span.bytes.start)).collect();
        for span in chunk
            .pii_entities
            .iter_mut()
            .map(|finding| &mut finding.span)
            .chain(chunk.regexes.iter_mut().map(|finding| &mut finding.span))
        {
            span.bytes = span.bytes.start + offset..span.bytes.end + offset;
        }
        self.released = limit;
        self.forget();
        chunk
    }

    /// The last place at or before `limit` where nothing that may be a value is cut.
    fn safe_limit(&self, limit: usize, found: &Found) -> usize {
        if limit >= self.buffer.len() {
            return self.buffer.len();
        }
        let mut limit = floor_boundary(&self.buffer, limit);
        let spans: Vec<&std::ops::Range<usize>> = found
            .entities
            .iter()
            .map(|finding| &finding.span.bytes)
            .chain(found.regexes.iter().map(|finding| &finding.span.bytes))
            .collect();
        loop {
            let before = limit;
            // Not inside a word or number.
            limit = self.buffer[..limit].rfind(char::is_whitespace).map_or(self.released, |at| at.max(self.released));
            if let Some(span) = spans.iter().find(|span| span.start < limit && span.end > limit) {
                limit = span.start.max(self.released);
            }
            if limit == before || limit <= self.released {
                break;
            }
            if self.buffer[limit..].starts_with(char::is_whitespace)
                && !spans.iter().any(|span| span.start < limit && span.end > limit)
            {
                break;
            }
        }
        let held = self.buffer.len() - self.released;
        if limit <= self.released && held > HELD_BYTES_MAX {
            return floor_boundary(&self.buffer, self.buffer.len() - HELD_BYTES_MAX / 2);
        }
        limit
    }

    /// Drops context that can no longer matter.
    fn forget(&mut self) {
        let reach = self.guardrail.sensitive().reach();
        let keep = self.released.saturating_sub(2 * reach);
        if keep == 0 {
            return;
        }
        // From the start of a word, so that half a word is not read as a whole one.
        let from = floor_boundary(&self.buffer, keep);
        let from = self.buffer[from..self.released].find(char::is_whitespace).map_or(self.released, |at| from + at);
        self.buffer.drain(..from);
        self.released -= from;
        self.offset += from;
        self.seen = self.seen.saturating_sub(from);
    }
}
