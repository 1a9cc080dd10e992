//! Values made of digits in groups: cards, phone numbers, social security and account numbers, codes.
//!
//! Digits alone say little. A chain of groups is classified by its form, by check digits, and by the nearest cue that
//! its form can satisfy.

use super::Entity;
use super::checksums;
use super::cues;
use super::lexicon::{
    ACCOUNT, AGE, CARD, CVV, DRIVER, EXPIRY, HEALTH, ITIN, NHS, PASSPORT, PHONE, PHONE_AFTER, PIN, ROUTING, SIN, SSN,
    UTR, VERSION,
};
use crate::config::PiiType;
use crate::text::{Kind, Token, char_at};

/// Groups and digits that one chain may have.
const GROUPS_MAX: usize = 9;
const DIGITS_MAX: usize = 24;

/// A run of digit groups.
struct Chain<'t> {
    text: &'t str,
    tokens: &'t [Token],
    first: usize,
    /// Group `n` is `tokens[first + n]`.
    groups: Vec<&'t str>,
    /// What stands between group `n` and the next.
    gaps: Vec<&'t str>,
    /// Where the value begins, with a plus or an opening parenthesis.
    start: usize,
    plus: bool,
    paren: bool,
}

pub(super) fn find(text: &str, tokens: &[Token], found: &mut Vec<Entity>) {
    let mut index = 0;
    while index < tokens.len() {
        if tokens[index].kind != Kind::Digits {
            index += 1;
            continue;
        }
        let chain = Chain::at(text, tokens, index);
        index += match chain.is_part_of_more() {
            true => chain.groups.len(),
            false => chain.classify(found),
        };
    }
}

fn is_joint(gap: &str) -> bool {
    matches!(gap, " " | "-" | "." | "/" | ") " | ")" | " (" | "(" | ")-" | " - " | "–" | "‑" | "\u{a0}" | ".-" | "-(")
}

impl<'t> Chain<'t> {
    fn at(text: &'t str, tokens: &'t [Token], first: usize) -> Self {
        let mut groups = vec![tokens[first].of(text)];
        let mut gaps = Vec::new();
        let mut digits = tokens[first].len();
        let mut last = first;
        while let Some(next) = tokens.get(last + 1) {
            let gap = &text[tokens[last].end..next.start];
            if next.kind != Kind::Digits
                || !is_joint(gap)
                || groups.len() == GROUPS_MAX
                || digits + next.len() > DIGITS_MAX
            {
                break;
            }
            gaps.push(gap);
            groups.push(next.of(text));
            digits += next.len();
            last += 1;
        }
        let before = &text[..tokens[first].start];
        let paren = before.ends_with('(');
        let plus = before.ends_with('+') || before.ends_with("+(") || before.ends_with("(+");
        let start = tokens[first].start - usize::from(paren) - usize::from(plus);
        let start = if before.ends_with("(+") || before.ends_with("+(") { tokens[first].start - 2 } else { start };
        Self { text, tokens, first, groups, gaps, start, plus, paren }
    }

    fn end(&self, groups: usize) -> usize {
        self.tokens[self.first + groups - 1].end
    }

    fn digits(&self, groups: usize) -> String {
        self.groups[..groups].concat()
    }

    fn has_form(&self, form: &[usize], separators: &[&str]) -> bool {
        self.groups.len() >= form.len()
            && self.groups.iter().zip(form).all(|(group, length)| group.len() == *length)
            && (form.len() < 2
                || separators.contains(&self.gaps[0])
                    && self.gaps[..form.len() - 1].iter().all(|gap| *gap == self.gaps[0]))
    }

    /// Amounts of money, percentages, decimals and parts of longer codes are none of the values looked for here.
    fn is_part_of_more(&self) -> bool {
        let before = self.text[..self.tokens[self.first].start].chars().next_back();
        let end = self.end(self.groups.len());
        let after = self.text[end..].chars().next();
        if matches!(before, Some('$' | '£' | '€' | '¥' | '₹'))
            || (self.groups.len() == 1 && matches!(after, Some('%' | '°')))
        {
            return true;
        }
        // 1,234.56
        let decimal = after == Some(',')
            && self.text[end + 1..].starts_with(|char: char| char.is_ascii_digit())
            && self.groups.last().is_some_and(|group| group.len() <= 3);
        let continued = before == Some(',')
            && self.text[..self.tokens[self.first].start - 1].ends_with(|char: char| char.is_ascii_digit())
            && self.groups[0].len() == 3;
        decimal || continued
    }

    /// Whether the chain hangs on a code such as `ORD-` or goes on in letters.
    fn is_attached(&self) -> bool {
        let before = &self.text[..self.tokens[self.first].start];
        let mut back = before.chars().rev();
        let attached = matches!((back.next(), back.next()), (Some('-' | '_' | '/' | '.' | '#'), Some(char)) if char.is_alphanumeric());
        let end = self.end(self.groups.len());
        let mut ahead = self.text[end..].chars();
        let goes_on = matches!((ahead.next(), ahead.next()), (Some('_' | '/'), Some(char)) if char.is_alphanumeric());
        attached || goes_on
    }

    /// Adds what the chain is, and says how many groups that took.
    fn classify(&self, found: &mut Vec<Entity>) -> usize {
        let all = self.groups.len();
        if let Some(groups) = self.date() {
            // "valid until 2029-01-31" is an expiry all the same.
            return groups;
        }
        let cues = cues::before(self.text, self.tokens, self.first);
        let is_version = self.first > 0 && self.tokens[self.first - 1].flags & VERSION != 0;
        for (flags, distance) in &cues {
            if let Some((kind, groups)) = self.by_cue(*flags, *distance) {
                let score = self.confirmed(kind, groups);
                self.add(found, kind, groups, score);
                return groups;
            }
        }
        if !self.is_attached() && !is_version {
            if let Some((kind, groups, score)) = self.by_form() {
                self.add(found, kind, groups, score);
                return groups;
            }
            for (flags, distance) in cues::after(self.text, self.tokens, self.first + all - 1) {
                let flags = if flags & PHONE_AFTER != 0 { flags | PHONE } else { flags & !PHONE };
                if let Some((kind, groups)) = self.by_cue(flags, distance).filter(|(_, groups)| *groups == all) {
                    self.add(found, kind, groups, 0.85);
                    return groups;
                }
            }
        }
        // A value may begin at a later group: "20 4111 1111 …".
        1
    }

    fn add(&self, found: &mut Vec<Entity>, kind: PiiType, groups: usize, score: f64) {
        let (mut start, mut end) = (self.tokens[self.first].start, self.end(groups));
        if kind == PiiType::Phone {
            start = self.start;
            end = self.with_extension(groups);
        }
        found.push(Entity::new(kind, start..end, score));
    }

    /// `x818`, `ext. 12` after a phone number.
    fn with_extension(&self, groups: usize) -> usize {
        let end = self.end(groups);
        let rest = &self.text[end..];
        let mut skipped = rest.trim_start_matches([' ', '-']);
        for word in ["ext.", "ext", "x", "#", "extension"] {
            if let Some(after) = skipped.strip_prefix(word) {
                skipped = after.trim_start_matches([' ', '.']);
                let digits = skipped.bytes().take_while(u8::is_ascii_digit).count();
                if (1..=6).contains(&digits) {
                    return self.text.len() - skipped.len() + digits;
                }
                return end;
            }
        }
        end
    }

    fn date(&self) -> Option<usize> {
        if self.groups.len() < 3
            || self.plus
            || self.paren
            || self.gaps[0] != self.gaps[1]
            || !matches!(self.gaps[0], "-" | "/" | ".")
        {
            return None;
        }
        let value = |at: usize| self.groups[at].parse::<u32>().unwrap_or(0);
        let lengths = [self.groups[0].len(), self.groups[1].len(), self.groups[2].len()];
        let day_month = |a: u32, b: u32| (1..=31).contains(&a) && (1..=31).contains(&b) && a.min(b) <= 12;
        let goes_on = self.gaps.get(2).is_some_and(|gap| *gap == self.gaps[0]);
        let iso = lengths[0] == 4
            && lengths[1] <= 2
            && lengths[2] <= 2
            && (1800..2200).contains(&value(0))
            && day_month(value(1), value(2));
        let local = lengths[0] <= 2
            && lengths[1] <= 2
            && lengths[2] == 4
            && (1800..2200).contains(&value(2))
            && day_month(value(0), value(1));
        let short = lengths[0] <= 2
            && lengths[1] <= 2
            && lengths[2] == 2
            && self.gaps[0] == "/"
            && day_month(value(0), value(1));
        ((iso || local || short) && !goes_on).then_some(3)
    }

    /// What a cue makes of the chain, if its form fits.
    fn by_cue(&self, flags: u64, distance: usize) -> Option<(PiiType, usize)> {
        let single = self.groups[0].len();
        let has = |flag: u64| flags & flag != 0;
        let total = |groups: usize| self.groups[..groups].iter().map(|group| group.len()).sum::<usize>();
        // The longest prefix of the chain whose digits add up to a wanted count.
        let prefix = |wanted: std::ops::RangeInclusive<usize>| {
            (1..=self.groups.len()).rev().find(|groups| wanted.contains(&total(*groups)) && self.joined(*groups))
        };
        if has(CVV) && distance <= 6 && matches!(single, 3 | 4) && !self.joins_next() {
            return Some((PiiType::CreditDebitCardCvv, 1));
        }
        if has(PIN) && distance <= 6 && (4..=6).contains(&single) && !self.joins_next() {
            return Some((PiiType::Pin, 1));
        }
        if has(EXPIRY) && self.is_expiry() {
            return Some((PiiType::CreditDebitCardExpiry, 2));
        }
        if has(ITIN)
            && let Some(groups) = prefix(9..=9)
            && self.groups[0].starts_with('9')
        {
            return Some((PiiType::UsIndividualTaxIdentificationNumber, groups));
        }
        if has(SSN)
            && let Some(groups) = prefix(9..=9)
        {
            return Some((PiiType::UsSocialSecurityNumber, groups));
        }
        if has(SIN)
            && let Some(groups) = prefix(9..=9)
        {
            return Some((PiiType::CaSocialInsuranceNumber, groups));
        }
        if has(NHS)
            && let Some(groups) = prefix(10..=10)
        {
            return Some((PiiType::UkNationalHealthServiceNumber, groups));
        }
        if has(HEALTH)
            && let Some(groups) = prefix(9..=12)
        {
            return Some((PiiType::CaHealthNumber, groups));
        }
        if has(UTR)
            && let Some(groups) = prefix(10..=10)
        {
            return Some((PiiType::UkUniqueTaxpayerReferenceNumber, groups));
        }
        if has(ROUTING) && single == 9 {
            return Some((PiiType::UsBankRoutingNumber, 1));
        }
        if has(PASSPORT) && single == 9 {
            return Some((PiiType::UsPassportNumber, 1));
        }
        if has(CARD) {
            if let Some((groups, _)) = self.card() {
                return Some((PiiType::CreditDebitCardNumber, groups));
            }
            if let Some(groups) = prefix(14..=19) {
                return Some((PiiType::CreditDebitCardNumber, groups));
            }
        }
        if has(DRIVER)
            && let Some(groups) = prefix(5..=15)
        {
            return Some((PiiType::DriverId, groups));
        }
        if has(PHONE)
            && let Some(groups) =
                prefix(7..=15).or_else(|| prefix(6..=6).filter(|groups| *groups >= 2 && distance <= 2))
            && (distance <= 5 || self.gaps.first().is_some_and(|gap| *gap != "."))
            && self.card().is_none_or(|(card, _)| card < groups)
        {
            return Some((PiiType::Phone, groups));
        }
        if has(ACCOUNT)
            && let Some(groups) = prefix(6..=17)
            && !self.is_attached()
            && self.card().is_none()
        {
            return Some((PiiType::UsBankAccountNumber, groups));
        }
        if has(AGE) && single <= 3 && !self.joins_next() && distance <= 4 {
            return self.is_age().then_some((PiiType::Age, 1));
        }
        None
    }

    /// How sure a cue and the form make it; a right check digit adds to it, a wrong one does not refuse a value that
    /// someone has announced.
    fn confirmed(&self, kind: PiiType, groups: usize) -> f64 {
        let number = self.digits(groups);
        let right = match kind {
            PiiType::UsBankRoutingNumber => checksums::routing(&number),
            PiiType::UkNationalHealthServiceNumber => checksums::nhs(&number),
            PiiType::CaSocialInsuranceNumber | PiiType::CreditDebitCardNumber => checksums::luhn(&number),
            PiiType::UsSocialSecurityNumber => checksums::ssn(&number),
            PiiType::UsIndividualTaxIdentificationNumber => checksums::itin(&number),
            _ => true,
        };
        if right { 0.95 } else { 0.87 }
    }

    fn is_age(&self) -> bool {
        self.groups[0].parse::<u32>().is_ok_and(|age| (1..=120).contains(&age))
            && !self.text[self.end(1)..].starts_with(['%', ',', ':'].as_slice())
    }

    /// The first group hangs together with the next, so it is no value of its own.
    fn joins_next(&self) -> bool {
        self.gaps.first().is_some_and(|gap| matches!(*gap, "-" | "." | "/"))
    }

    /// All gaps of the prefix are of one kind, or those of phone numbers.
    fn joined(&self, groups: usize) -> bool {
        let gaps = &self.gaps[..groups - 1];
        self.paren
            || self.plus
            || gaps.iter().all(|gap| *gap == gaps[0])
            || gaps.iter().all(|gap| matches!(*gap, "-" | " " | ") " | ")" | " (" | "(" | ")-"))
    }

    fn is_expiry(&self) -> bool {
        let month =
            self.groups[0].parse::<u32>().is_ok_and(|month| (1..=12).contains(&month)) && self.groups[0].len() <= 2;
        let year =
            self.groups.get(1).is_some_and(|year| year.len() == 2 || (year.len() == 4 && year.starts_with("20")));
        month
            && year
            && matches!(self.gaps[0], "/" | "-" | "." | " ")
            && self.gaps.get(1).is_none_or(|gap| *gap != self.gaps[0])
    }

    /// A card number: 13 to 19 digits with a known beginning and a right check digit, in one group or evenly separated.
    fn card(&self) -> Option<(usize, f64)> {
        (1..=self.groups.len()).rev().find_map(|groups| {
            let gaps = &self.gaps[..groups - 1];
            let even = gaps.iter().all(|gap| *gap == gaps[0] && matches!(*gap, " " | "-" | "." | "\u{a0}"));
            let sized = groups == 1 || self.groups[..groups].iter().all(|group| (3..=6).contains(&group.len()));
            let number = self.digits(groups);
            let begins = match number.as_bytes() {
                [b'4', ..] => matches!(number.len(), 13 | 16 | 19),
                [b'5', b'1'..=b'5', ..] | [b'2', b'2'..=b'7', ..] => number.len() == 16,
                [b'3', b'4' | b'7', ..] => number.len() == 15,
                [b'3', b'0' | b'6' | b'8' | b'9', ..] => (14..=19).contains(&number.len()),
                [b'3', b'5', ..] => (16..=19).contains(&number.len()),
                [b'6', ..] | [b'5', b'0' | b'6'..=b'9', ..] => (13..=19).contains(&number.len()),
                _ => false,
            };
            (even && sized && begins && checksums::luhn(&number)).then_some((groups, 0.97))
        })
    }

    /// What the form alone says.
    fn by_form(&self) -> Option<(PiiType, usize, f64)> {
        if let Some((groups, score)) = self.card() {
            return Some((PiiType::CreditDebitCardNumber, groups, score));
        }
        if self.has_form(&[3, 2, 4], &["-", " ", "."]) && self.groups.len() == 3 {
            let number = self.digits(3);
            if checksums::itin(&number) {
                return Some((PiiType::UsIndividualTaxIdentificationNumber, 3, 0.85));
            }
            if checksums::ssn(&number) {
                return Some((PiiType::UsSocialSecurityNumber, 3, if self.gaps[0] == "-" { 0.9 } else { 0.7 }));
            }
        }
        if self.has_form(&[3, 3, 3], &["-"])
            && self.groups.len() == 3
            && checksums::luhn(&self.digits(3))
            && !self.groups[0].starts_with(['0', '8'])
        {
            return Some((PiiType::CaSocialInsuranceNumber, 3, 0.6));
        }
        self.phone().map(|(groups, score)| (PiiType::Phone, groups, score))
    }

    fn phone(&self) -> Option<(usize, f64)> {
        let total = |groups: usize| self.groups[..groups].iter().map(|group| group.len()).sum::<usize>();
        let longest = |range: std::ops::RangeInclusive<usize>| {
            (1..=self.groups.len()).rev().find(|groups| range.contains(&total(*groups)))
        };
        if self.plus {
            return longest(8..=15).map(|groups| (groups, 0.95));
        }
        if self.paren && self.gaps.first().is_some_and(|gap| gap.starts_with(')')) && self.groups[0].len() <= 5 {
            return longest(7..=13).map(|groups| (groups, 0.9));
        }
        let dialled = ["-", ".", " "];
        for lead in [0, 1] {
            if lead == 1 && !matches!(self.groups[0], "1" | "001") {
                continue;
            }
            let rest = Chain {
                groups: self.groups[lead..].to_vec(),
                gaps: self.gaps.get(lead..).unwrap_or_default().to_vec(),
                first: self.first + lead,
                ..*self
            };
            let spaced = rest.gaps.first() == Some(&" ");
            let area =
                rest.groups.first().is_some_and(|group| group.starts_with(|digit: char| ('2'..='9').contains(&digit)));
            if rest.has_form(&[3, 3, 4], &dialled) && (!spaced || area) {
                return Some((3 + lead, if spaced { 0.7 } else { 0.9 }));
            }
            if rest.groups.len() >= 3 && rest.paren_inside() {
                return Some((3 + lead, 0.9));
            }
        }
        let trunk = self.groups[0].starts_with('0') && self.groups.len() >= 2 && !self.gaps.contains(&"/");
        let dotted = self.gaps.iter().all(|gap| *gap == ".");
        if trunk && (!dotted || self.groups.len() >= 4) && self.groups[0].len() >= 2 {
            return longest(9..=14).map(|groups| (groups, 0.8));
        }
        None
    }

    /// `1 (212) 555-0100` after the leading one.
    fn paren_inside(&self) -> bool {
        let before = self.text[..self.tokens[self.first].start].ends_with('(');
        before
            && self.groups[0].len() == 3
            && self.gaps[0].starts_with(')')
            && self.groups[1].len() == 3
            && self.groups[2].len() == 4
    }
}

/// Phone numbers whose last group runs into an extension, `555-0100x12`, and ages with their unit.
pub(super) fn find_mixed(text: &str, tokens: &[Token], found: &mut Vec<Entity>) {
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Mixed => with_glued_extension(text, tokens, index, found),
            Kind::Digits => age(text, tokens, index, found),
            Kind::Word => {}
        }
    }
}

fn with_glued_extension(text: &str, tokens: &[Token], index: usize, found: &mut Vec<Entity>) {
    let token = tokens[index].of(text);
    let Some((number, extension)) = token.split_once(['x', 'X']) else { return };
    let plain = |part: &str, range: std::ops::RangeInclusive<usize>| {
        range.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !plain(number, 3..=10) || !plain(extension, 1..=6) {
        return;
    }
    let mut first = index;
    let mut digits = number.len();
    while first > 0
        && index - first < 4
        && tokens[first - 1].kind == Kind::Digits
        && digits + tokens[first - 1].len() <= 15
        && is_joint(&text[tokens[first - 1].end..tokens[first].start])
    {
        first -= 1;
        digits += tokens[first].len();
    }
    if digits < 7 {
        return;
    }
    let mut start = tokens[first].start;
    while text[..start].ends_with(['+', '(']) {
        start -= 1;
    }
    found.push(Entity::new(PiiType::Phone, start..tokens[index].end, 0.96));
}

/// "46 years old", "46-year-old", "aged 46"; AWS counts the unit to the value.
fn age(text: &str, tokens: &[Token], index: usize, found: &mut Vec<Entity>) {
    let token = &tokens[index];
    if token.len() > 3 || !token.of(text).parse::<u32>().is_ok_and(|age| (1..=120).contains(&age)) {
        return;
    }
    let word = |at: usize| tokens.get(at).map(|token| token.of(text).to_ascii_lowercase()).unwrap_or_default();
    let near = |at: usize| {
        tokens.get(at).is_some_and(|next| matches!(&text[tokens[at - 1].end..next.start], " " | "-" | "  "))
    };
    if !near(index + 1) {
        return age_alone(text, tokens, index, found);
    }
    let unit = word(index + 1);
    let is_unit =
        matches!(unit.as_str(), "year" | "years" | "yr" | "yrs" | "month" | "months" | "jahre" | "ans" | "años");
    let old = is_unit
        && near(index + 2)
        && (matches!(word(index + 2).as_str(), "old" | "alt") || (word(index + 2) == "of" && word(index + 3) == "age"));
    let short = unit == "yo" || unit == "y" && text[tokens[index + 1].end..].starts_with("/o");
    if old || short {
        found.push(Entity::new(PiiType::Age, token.start..tokens[index + 1].end, 0.95));
    } else if is_unit && index > 0 && tokens[index - 1].flags & AGE != 0 {
        found.push(Entity::new(PiiType::Age, token.start..tokens[index + 1].end, 0.9));
    } else if !is_unit {
        age_alone(text, tokens, index, found);
    }
}

/// "I am 46." and "she turned 46": no unit, but nothing else that is counted either.
fn age_alone(text: &str, tokens: &[Token], index: usize, found: &mut Vec<Entity>) {
    let Some(before) = index.checked_sub(1).map(|at| tokens[at].of(text).to_ascii_lowercase()) else { return };
    let earlier = index.checked_sub(2).map(|at| tokens[at].of(text).to_ascii_lowercase()).unwrap_or_default();
    let about_someone = matches!(before.as_str(), "i'm" | "turned" | "turning" | "he's" | "she's")
        || (matches!(before.as_str(), "am" | "is" | "was") && matches!(earlier.as_str(), "i" | "he" | "she"));
    let end = tokens[index].end;
    let (next, _) = if end < text.len() { char_at(text, end) } else { ('.', 1) };
    let counted = tokens.get(index + 1).is_some_and(|following| {
        &text[end..following.start] == " " && !matches!(following.of(text), "and" | "now" | "but" | "or" | "years")
    });
    let glued = matches!(next, ':' | '/' | '%' | '-')
        || text[end..].strip_prefix('.').is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()));
    if about_someone && !counted && !glued && text[tokens[index - 1].end..tokens[index].start].trim().is_empty() {
        found.push(Entity::new(PiiType::Age, tokens[index].start..end, 0.7));
    }
}
