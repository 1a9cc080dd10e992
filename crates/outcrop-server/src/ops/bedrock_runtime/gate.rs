//! Lets an answer out while it is made, as far as guardrails have seen it.

use crate::guardrails::apply::{self, Applied, Guard, Part};
use outcrop_guardrails::{Masker, Source, Verdict};
use outcrop_ports::Delta;

/// Characters between two checks.
const INTERVAL_CHARS: usize = 100;
/// How much of the answer before a piece is assessed with it, in bytes: what is wrong may be said over several pieces.
const WINDOW_BYTES: usize = 4 << 10;

/// Lets out what was assessed. What may still become part of a value that is masked is held back.
pub(super) struct Gate {
    guards: Vec<Guard>,
    /// Whether pieces go out at once, and are assessed behind. Nothing is masked then.
    is_async: bool,
    /// One for each guardrail; each reads what the one before it left.
    maskers: Vec<Masker>,
    /// The last of what was said, as it was said.
    said: String,
    /// Masked and not assessed yet.
    ready: String,
    /// Characters that were said since the last check.
    unchecked: usize,
    refused: Option<Applied>,
}

impl Gate {
    pub(super) fn new(guards: Vec<Guard>, is_async: bool) -> Self {
        let (said, ready) = (String::new(), String::new());
        let mut gate = Self { guards, is_async, maskers: Vec::new(), said, ready, unchecked: 0, refused: None };
        gate.maskers = gate.new_maskers();
        gate
    }

    /// What was found that ended the answer.
    pub(super) fn into_refused(self) -> Option<Applied> {
        self.refused
    }

    /// What may be shown now that this piece is there.
    pub(super) fn admit(&mut self, delta: Delta) -> Vec<Delta> {
        if self.refused.is_some() {
            return Vec::new();
        }
        let Delta::Text(piece) = delta else {
            // A block of another kind ends the text before it.
            let mut shown = self.finish();
            if self.refused.is_none() {
                shown.push(delta);
            }
            return shown;
        };
        self.said.push_str(&piece);
        self.unchecked += piece.chars().count();
        if !self.is_async {
            let masked = self.maskers.iter_mut().fold(piece.clone(), |text, masker| masker.push(&text).text);
            self.ready.push_str(&masked);
        }
        let is_fine = self.unchecked < INTERVAL_CHARS || self.passes();
        match (is_fine, self.is_async) {
            (false, _) => Vec::new(),
            (true, true) => vec![Delta::Text(piece)],
            // Only what was assessed goes out.
            (true, false) if self.unchecked == 0 => text(std::mem::take(&mut self.ready)),
            (true, false) => Vec::new(),
        }
    }

    /// Ends a text: the rest of it.
    pub(super) fn finish(&mut self) -> Vec<Delta> {
        if self.said.is_empty() || self.refused.is_some() {
            return Vec::new();
        }
        let is_fine = self.passes();
        self.said.clear();
        let maskers = self.new_maskers();
        let mut rest = String::new();
        for mut masker in std::mem::replace(&mut self.maskers, maskers) {
            let pushed = masker.push(&rest).text;
            rest = pushed + &masker.finish().text;
        }
        self.ready.push_str(&rest);
        let ready = std::mem::take(&mut self.ready);
        if is_fine && !self.is_async { text(ready) } else { Vec::new() }
    }

    fn passes(&mut self) -> bool {
        self.unchecked = 0;
        let applied = apply::apply_now(&self.guards, Source::Output, vec![Part::plain(self.said.as_str())]);
        if applied.verdict == Verdict::Blocked {
            self.refused = Some(applied);
            return false;
        }
        let reach = self.said.ceil_char_boundary(self.said.len().saturating_sub(WINDOW_BYTES));
        self.said.drain(..reach);
        true
    }

    fn new_maskers(&self) -> Vec<Masker> {
        self.guards.iter().map(|guard| guard.compiled.policies.masker(Source::Output)).collect()
    }
}

fn text(text: String) -> Vec<Delta> {
    if text.is_empty() { Vec::new() } else { vec![Delta::Text(text)] }
}
