//! Postal addresses: a street with its number, or a box, and the lines that go on from there.
//!
//! Places alone ("flights to Paris") are no address; they count after words of residence ("I live in Paris").

use super::Entity;
use super::cues;
use super::lexicon::{
    ADDRESS, COMMON, CUES, GIVEN, PARTICLE, RESIDENCE, STATE, STREET, STREET_PREFIX, TITLE, UNIT, has_street_ending,
    place_len,
};
use crate::config::PiiType;
use crate::text::{Case, Kind, Token, lower_into};

/// Parts that may follow the street.
const PARTS_MAX: usize = 8;

struct Reader<'t> {
    text: &'t str,
    tokens: &'t [Token],
}

pub(super) fn find(text: &str, tokens: &[Token], found: &mut Vec<Entity>) {
    let reader = Reader { text, tokens };
    let mut index = 0;
    while index < tokens.len() {
        match reader.address_at(index) {
            Some((last, score)) => {
                found.push(Entity::new(PiiType::Address, tokens[index].start..tokens[last].end, score));
                index = last + 1;
            }
            None => index += 1,
        }
    }
}

impl Reader<'_> {
    fn gap(&self, at: usize) -> Option<&str> {
        self.tokens.get(at + 1).map(|next| &self.text[self.tokens[at].end..next.start])
    }

    /// The next token stands on the same line, with nothing but a space, a point or a hyphen between.
    fn is_beside(&self, at: usize) -> bool {
        self.gap(at).is_some_and(|gap| matches!(gap, " " | "-" | ". " | "." | "'" | "’" | "/" | " - "))
    }

    fn has(&self, at: usize, flag: u64) -> bool {
        self.tokens.get(at).is_some_and(|token| token.flags & flag != 0)
    }

    fn is_number(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| match token.kind {
            Kind::Digits => token.len() <= 5,
            Kind::Mixed => token.len() <= 5 && token.of(self.text).starts_with(|char: char| char.is_ascii_digit()),
            Kind::Word => false,
        })
    }

    /// A word that can stand in a street's name.
    fn is_name(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            token.kind != Kind::Digits
                && (token.case != Case::Lower
                    || token.flags & (PARTICLE | STREET_PREFIX) != 0
                    || token.kind == Kind::Mixed)
        })
    }

    fn is_ordinary(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            token.flags & COMMON != 0 && token.case == Case::Lower && token.flags & (STREET | UNIT | PARTICLE) == 0
        })
    }

    fn address_at(&self, index: usize) -> Option<(usize, f64)> {
        let core = self
            .unit(index)
            .or_else(|| self.boxed(index))
            .or_else(|| self.numbered(index))
            .or_else(|| self.named(index))
            .or_else(|| self.told(index));
        if let Some((last, score)) = core {
            return Some((self.extend(last), score));
        }
        self.postal(index).or_else(|| self.place(index))
    }

    /// "Apt. 502", "Suite 338".
    fn unit(&self, index: usize) -> Option<(usize, f64)> {
        let token = self.tokens[index];
        let word = token.of(self.text);
        let is_unit = token.flags & UNIT != 0
            && !matches!(
                word,
                "room" | "Room" | "box" | "Box" | "floor" | "Floor" | "building" | "Building" | "PSC" | "psc"
            );
        (is_unit && self.is_beside(index) && self.is_number(index + 1)).then_some((index + 1, 0.8))
    }

    /// "P.O. Box 108", "PSC 7004, Box 8380", "Unit 6204 Box 9180", "APO AP 11949".
    fn boxed(&self, index: usize) -> Option<(usize, f64)> {
        let lower =
            |at: usize| self.tokens.get(at).map(|token| token.of(self.text).to_ascii_lowercase()).unwrap_or_default();
        match lower(index).as_str() {
            "p" if lower(index + 1) == "o" && lower(index + 2) == "box" && self.is_number(index + 3) => {
                Some((index + 3, 0.95))
            }
            "po" if lower(index + 1) == "box" && self.is_number(index + 2) => Some((index + 2, 0.95)),
            "psc" if self.is_number(index + 1) && lower(index + 2) == "box" && self.is_number(index + 3) => {
                Some((index + 3, 0.95))
            }
            "apo" | "fpo" | "dpo" if matches!(lower(index + 1).as_str(), "aa" | "ae" | "ap") => {
                Some((index + 1 + usize::from(self.is_number(index + 2)), 0.9))
            }
            "uss" | "usns" | "usnv" | "uscgc"
                if matches!(lower(index + 2).as_str(), "fpo" | "apo" | "dpo")
                    && self.gap(index + 1).is_some_and(|gap| gap.contains('\n')) =>
            {
                Some((index + 1, 0.85))
            }
            _ => None,
        }
    }

    /// A number and a street: "509 Kingsway, Bristol", "92 Rue de Pologne 12", "221B Baker Street".
    fn numbered(&self, index: usize) -> Option<(usize, f64)> {
        if !self.is_number(index)
            || !self.is_beside(index)
            || self.text[..self.tokens[index].start].ends_with(['$', '€', '£', '.', '-', '/', ':', '#', '+', '('])
        {
            return None;
        }
        let mut at = index + 1;
        // "92 76 Old Street": a flat and a house.
        if self.is_number(at) && self.is_beside(at) && self.gap(at) == Some(" ") {
            at += 1;
        }
        let first = at;
        let whole_lower = self.tokens[first.min(self.tokens.len() - 1)].case == Case::Lower;
        let mut capitals = 0;
        while at < self.tokens.len() && at - first < 7 {
            let token = self.tokens[at];
            let mut word = String::new();
            lower_into(token.of(self.text), &mut word);
            let ends_street = token.flags & STREET != 0 && at > first || has_street_ending(&word);
            if ends_street && (token.case != Case::Lower || whole_lower || has_street_ending(&word)) {
                let last = if self.is_beside(at) && self.is_number(at + 1) { at + 1 } else { at };
                return Some((last, 0.9));
            }
            if token.flags & STREET_PREFIX != 0 && at == first && self.is_beside(at) {
                return Some((self.street_words(at), 0.9));
            }
            if self.is_number(at) && capitals > 0 && at > first {
                // "18 Eusebio Dávila 57"
                return Some((at, 0.75));
            }
            let plain = self.is_name(at) || (whole_lower && token.kind == Kind::Word && !self.is_ordinary(at));
            if !plain || token.flags & TITLE != 0 && token.flags & STREET == 0 {
                break;
            }
            capitals += usize::from(token.case != Case::Lower && token.kind == Kind::Word);
            if !self.is_beside(at) {
                at += 1;
                break;
            }
            at += 1;
        }
        // No word that says street: the next part must then say that this is an address.
        let last = at.checked_sub(1).filter(|last| *last >= first)?;
        let open = capitals > 0
            && (first..=last).all(|at| self.tokens[at].flags & COMMON == 0 || self.tokens[at].flags & STREET != 0);
        let grown = self.extend(last);
        let separated = self.gap(last).is_some_and(|gap| gap.starts_with(',') || gap.contains('\n'));
        (open && separated && grown > last && self.is_firm(last + 1, grown)).then_some((last, 0.75))
    }

    /// Whether the parts after a street prove it: a place, a code, a unit, or a capitalised town after a comma.
    fn is_firm(&self, first: usize, last: usize) -> bool {
        (first..=last).any(|at| {
            let token = &self.tokens[at];
            token.kind != Kind::Word
                || place_len(self.text, self.tokens, at) > 0
                || token.flags & UNIT != 0
                || token.case != Case::Lower && token.flags & (COMMON | GIVEN) == 0
        })
    }

    /// The end of "rue Victor Hugo 40" and the like.
    fn street_words(&self, index: usize) -> usize {
        let mut at = index;
        while self.is_beside(at) && at - index < 6 {
            if self.is_number(at + 1) {
                return at + 1;
            }
            if self.tokens[at + 1].kind == Kind::Digits || self.is_ordinary(at + 1) || self.has(at + 1, UNIT) {
                break;
            }
            at += 1;
        }
        at
    }

    /// A street without a number before it: "Vesturgata 66", "Calle Mayor 3", "Kirchweg 5".
    fn named(&self, index: usize) -> Option<(usize, f64)> {
        let token = self.tokens[index];
        if token.kind != Kind::Word || !self.is_beside(index) {
            return None;
        }
        if token.flags & STREET_PREFIX == 0 && !self.is_number(index + 1) {
            return None;
        }
        let mut word = String::new();
        lower_into(token.of(self.text), &mut word);
        if has_street_ending(&word) && self.is_beside(index) && self.is_number(index + 1) {
            return Some((index + 1, 0.85));
        }
        if token.flags & STREET_PREFIX != 0 && word.len() > 2 && token.flags & COMMON == 0 && self.is_beside(index) {
            let last = self.street_words(index);
            let named = (index + 1..=last).any(|at| self.tokens[at].case == Case::Title);
            return (last > index + 1 && self.is_number(last) && named).then_some((last, 0.8));
        }
        None
    }

    /// What follows "my address is" or "ship it to", when it has a number near its start.
    fn told(&self, index: usize) -> Option<(usize, f64)> {
        let token = self.tokens[index];
        if token.flags & CUES & !ADDRESS != 0
            || self.gap(index) == Some("-") && self.tokens[index + 1].kind == Kind::Digits
        {
            return None;
        }
        let starts = self.is_number(index) || (token.case != Case::Lower && token.flags & COMMON == 0);
        if !starts
            || index == 0
            || !self.gap(index - 1).is_some_and(|gap| matches!(gap, " " | ": " | ":\n" | ":\n\n" | "\n"))
        {
            return None;
        }
        let cued = (1..=5.min(index)).any(|back| {
            let at = index - back;
            self.has(at, ADDRESS)
                && (back == 1
                    || (at + 1..index).all(|between| {
                        matches!(
                            self.tokens[between].of(self.text),
                            "is" | "to"
                                | "it"
                                | "at"
                                | "in"
                                | "on"
                                | "me"
                                | "the"
                                | "following"
                                | "my"
                                | "new"
                                | "now"
                                | "package"
                                | "order"
                                | "them"
                                | "one"
                                | "same"
                        )
                    }))
                && (at..index).all(|at| {
                    !cues::breaks(self.text, &self.tokens[at], &self.tokens[at + 1])
                        || self.gap(at).is_some_and(|gap| gap.starts_with(':'))
                })
        });
        if !cued {
            return None;
        }
        let mut last = index;
        while self.is_beside(last) && last - index < 6 && (self.is_number(last + 1) || self.is_name(last + 1)) {
            last += 1;
        }
        let worded = (index..=last).any(|at| self.tokens[at].kind == Kind::Word);
        let numbered = worded && (index..=last).any(|at| self.is_number(at)) && last > index;
        numbered.then_some((last, 0.8))
    }

    /// Takes in the parts that follow: unit, town, state, postal code, country.
    fn extend(&self, mut last: usize) -> usize {
        for _ in 0..PARTS_MAX {
            let Some(grown) = self.part_after(last) else { break };
            last = grown;
        }
        last
    }

    fn part_after(&self, last: usize) -> Option<usize> {
        let gap = self.gap(last)?;
        let next = last + 1;
        let line = gap.contains('\n');
        let comma = gap.contains(',');
        let plain = gap.chars().all(|char| char.is_whitespace() || matches!(char, ',' | '>' | '.' | '-' | '?' | '('))
            && gap.matches('\n').count() <= 2
            && gap.len() <= 9;
        if !plain || gap.starts_with(". ") && !self.abbreviated(last) || gap.starts_with('?') && !line {
            return None;
        }
        let token = self.tokens[next];
        if let Some((end, _)) = self.unit(next).or_else(|| self.boxed(next)) {
            return Some(end);
        }
        // "Pennsylvania Avenue NW"
        if gap == " "
            && self.has(last, STREET)
            && matches!(token.of(self.text), "N" | "S" | "E" | "W" | "NE" | "NW" | "SE" | "SW")
        {
            return Some(next);
        }
        let place = place_len(self.text, self.tokens, next);
        if place > 0 && (comma || line || gap == " ") {
            return Some(next + place - 1);
        }
        if let Some(end) = self.code(next) {
            return Some(end);
        }
        if token.flags & STATE != 0 && token.case == Case::Upper && (comma || line || gap == " ") {
            return Some(next);
        }
        // "nan", "WLG": an unknown region between a town and a code.
        if token.kind == Kind::Word
            && token.len() <= 4
            && (comma || gap == " ")
            && self.code(next + 1).is_some()
            && self.is_beside(next)
        {
            return Some(next);
        }
        if !(comma || line) || token.kind != Kind::Word {
            return None;
        }
        // A town that no list knows: up to four words up to the end of the line or part.
        let whole_lower = token.case == Case::Lower;
        let mut end = next;
        while self.is_beside(end)
            && self.gap(end) != Some(". ")
            && end - next < 3
            && self.tokens[end + 1].kind == Kind::Word
            && (self.tokens[end + 1].case != Case::Lower || whole_lower || self.has(end + 1, PARTICLE))
        {
            end += 1;
        }
        if self.is_ordinary(next)
            || self.tokens[next..=end].iter().any(|token| token.flags & COMMON != 0 && token.case == Case::Lower)
            || token.flags & TITLE != 0
        {
            return None;
        }
        let closes = self.gap(end).is_none_or(|gap| gap.contains(['\n', ',', '.', '?', '!', ';', ')']));
        let coded = self.code(end + 1).is_some();
        let unknown = token.flags & COMMON == 0 || end > next;
        let sure = !whole_lower || line;
        ((closes || coded || !whole_lower && comma)
            && unknown
            && sure
            && !(token.flags & GIVEN != 0 && line && end > next))
            .then_some(end)
    }

    fn abbreviated(&self, at: usize) -> bool {
        self.has(at, STREET) && self.tokens[at].len() <= 4
    }

    /// A postal code: US, British, Canadian, or four to six digits. Gives its last token.
    fn code(&self, at: usize) -> Option<usize> {
        let token = self.tokens.get(at)?;
        let value = token.of(self.text);
        let goes_on = |at: usize| matches!(self.gap(at), Some(" " | "-")) && self.tokens[at + 1].kind == Kind::Digits;
        if token.kind == Kind::Digits && (4..=6).contains(&token.len()) {
            if goes_on(at) && (token.len() != 5 || self.gap(at) == Some(" ")) {
                return None;
            }
            let plus_four =
                self.gap(at) == Some("-") && self.tokens[at + 1].kind == Kind::Digits && self.tokens[at + 1].len() <= 4;
            return Some(at + usize::from(plus_four));
        }
        if token.kind == Kind::Digits
            && token.len() <= 3
            && self.gap(at) == Some(" ")
            && self.tokens[at + 1].kind == Kind::Digits
            && token.len() + self.tokens[at + 1].len() == 5
            && !goes_on(at + 1)
        {
            return Some(at + 1);
        }
        let bytes = value.as_bytes();
        let next = self.tokens.get(at + 1).filter(|_| matches!(self.gap(at), Some(" " | "-")));
        let inward = |value: &str| {
            value.len() == 3
                && value.as_bytes()[0].is_ascii_digit()
                && value.as_bytes()[1..].iter().all(u8::is_ascii_alphabetic)
        };
        let outward = token.kind == Kind::Mixed && (2..=4).contains(&bytes.len()) && bytes[0].is_ascii_alphabetic();
        if outward && next.is_some_and(|next| inward(next.of(self.text))) {
            return Some(at + 1);
        }
        let canadian = |value: &[u8]| {
            value.len() == 3
                && value[0].is_ascii_alphabetic()
                && value[1].is_ascii_digit()
                && value[2].is_ascii_alphabetic()
        };
        if canadian(bytes) && next.is_some_and(|next| inward_canadian(next.of(self.text))) {
            return Some(at + 1);
        }
        if token.kind == Kind::Mixed
            && (5..=7).contains(&bytes.len())
            && value.is_ascii()
            && bytes[0].is_ascii_uppercase()
            && inward(&value[bytes.len() - 3..])
        {
            return Some(at);
        }
        None
    }

    /// A town with state and code, or a code alone that can be nothing else: "Austin, TX 78701", "BS1 4DJ".
    fn postal(&self, index: usize) -> Option<(usize, f64)> {
        let token = self.tokens[index];
        if token.kind != Kind::Word {
            return None;
        }
        let place = place_len(self.text, self.tokens, index).max(1);
        let at = index + place;
        let stated =
            self.has(at, STATE) && self.tokens[at].case == Case::Upper && matches!(self.gap(at - 1), Some(", " | " "));
        if token.case == Case::Title
            && stated
            && self
                .code(at + 1)
                .is_some_and(|end| self.tokens[end].kind == Kind::Digits && self.tokens[at + 1].len() == 5)
            && self.gap(at) == Some(" ")
        {
            return Some((self.code(at + 1)?, 0.85));
        }
        if place_len(self.text, self.tokens, index) > 0
            && token.case != Case::Lower
            && self
                .code(at)
                .is_some_and(|end| end > at || self.tokens[end].kind == Kind::Digits && self.tokens[end].len() == 5)
            && self.gap(at - 1) == Some(" ")
        {
            return Some((self.code(at)?, 0.7));
        }
        None
    }

    /// A place after words of residence: "I live in X", "born in X", "originally from X".
    fn place(&self, index: usize) -> Option<(usize, f64)> {
        let length = place_len(self.text, self.tokens, index);
        if length == 0 || index < 2 {
            return None;
        }
        let preposition = matches!(self.tokens[index - 1].of(self.text), "in" | "from" | "to" | "at" | "near");
        let resident = (2..=4.min(index)).any(|back| self.has(index - back, RESIDENCE))
            && (index.saturating_sub(3)..index)
                .all(|at| !cues::breaks(self.text, &self.tokens[at], &self.tokens[at + 1]));
        (preposition && resident).then_some((index + length - 1, 0.6))
    }
}

fn inward_canadian(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() == 3 && bytes[0].is_ascii_digit() && bytes[1].is_ascii_alphabetic() && bytes[2].is_ascii_digit()
}
