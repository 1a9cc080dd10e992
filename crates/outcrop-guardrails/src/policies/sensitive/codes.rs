//! Values of letters and digits: bank, vehicle, insurance and document numbers.

use super::Entity;
use super::checksums;
use super::cues;
use super::lexicon::{ACCOUNT, COMMON, DRIVER, IBAN, NINO, PASSPORT, PLATE, SWIFT, VEHICLE, VIN};
use crate::config::PiiType;
use crate::text::{Case, Kind, Token};

pub(super) fn find(text: &str, tokens: &[Token], found: &mut Vec<Entity>) {
    for index in 0..tokens.len() {
        let token = &tokens[index];
        if token.kind == Kind::Digits || token.len() > 34 {
            continue;
        }
        let value = token.of(text);
        if !value.is_ascii() {
            continue;
        }
        iban(text, tokens, index, found);
        insurance(text, tokens, index, found);
        if token.kind == Kind::Mixed {
            vehicle(text, tokens, index, found);
            documents(text, tokens, index, found);
        }
        if matches!(token.len(), 8 | 11) {
            swift(text, tokens, index, found);
        }
        if token.kind == Kind::Mixed || token.case == Case::Upper {
            plate(text, tokens, index, found);
        }
    }
    plates_of_digits(text, tokens, found);
}

fn cue(text: &str, tokens: &[Token], index: usize, flag: u64) -> bool {
    cues::before(text, tokens, index).iter().any(|(flags, _)| flags & flag != 0)
}

/// Tokens from `index` on, joined over single spaces or hyphens, up to a length. Gives each prefix.
fn joined(text: &str, tokens: &[Token], index: usize, length_max: usize) -> Vec<(usize, String)> {
    let mut prefixes = Vec::new();
    let mut value = String::new();
    for at in index..tokens.len() {
        if at > index && !matches!(&text[tokens[at - 1].end..tokens[at].start], " " | "-" | "\u{a0}") {
            break;
        }
        if value.len() + tokens[at].len() > length_max || !tokens[at].of(text).is_ascii() {
            break;
        }
        value.push_str(tokens[at].of(text));
        prefixes.push((at, value.clone()));
    }
    prefixes
}

fn iban(text: &str, tokens: &[Token], index: usize, found: &mut Vec<Entity>) {
    let bytes = tokens[index].of(text).as_bytes();
    let head = bytes.len() >= 4
        && bytes[..2].iter().all(u8::is_ascii_alphabetic)
        && bytes[2..4].iter().all(u8::is_ascii_digit);
    if !head {
        return;
    }
    let Some(length) = checksums::iban_length(&tokens[index].of(text)[..2]) else { return };
    let prefixes = joined(text, tokens, index, length);
    let Some((last, value)) = prefixes.last().filter(|(_, value)| value.len() == length) else { return };
    let right = checksums::iban(value);
    if right || cue(text, tokens, index, IBAN | ACCOUNT) {
        let kind = PiiType::InternationalBankAccountNumber;
        found.push(Entity::new(kind, tokens[index].start..tokens[*last].end, if right { 0.99 } else { 0.8 }));
    }
}

/// UK national insurance numbers: two letters, six digits, one letter A to D.
fn insurance(text: &str, tokens: &[Token], index: usize, found: &mut Vec<Entity>) {
    let first = &tokens[index];
    let goes_on = first.len() == 2 && tokens.get(index + 1).is_some_and(|next| next.kind != Kind::Word);
    let begins = first.len() <= 9 && (first.kind == Kind::Mixed && first.len() >= 4 || goes_on);
    if !begins || !first.of(text).as_bytes()[..2].iter().all(u8::is_ascii_alphabetic) {
        return;
    }
    for (last, value) in joined(text, tokens, index, 9).into_iter().rev() {
        let value = value.to_ascii_uppercase();
        let bytes = value.as_bytes();
        if bytes.len() < 8 || !bytes[2..8].iter().all(u8::is_ascii_digit) {
            continue;
        }
        let letters = !b"DFIQUV".contains(&bytes[0])
            && !b"DFIQUVO".contains(&bytes[1])
            && !matches!(&value[..2], "BG" | "GB" | "NK" | "KN" | "TN" | "NT" | "ZZ");
        let whole = bytes.len() == 9 && (b'A'..=b'D').contains(&bytes[8]);
        let cued = cue(text, tokens, index, NINO);
        if (whole && letters && first.case != Case::Lower) || (cued && (whole || bytes.len() == 8)) {
            let kind = PiiType::UkNationalInsuranceNumber;
            found.push(Entity::new(kind, first.start..tokens[last].end, if cued { 0.98 } else { 0.85 }));
            return;
        }
    }
}

fn vehicle(text: &str, tokens: &[Token], index: usize, found: &mut Vec<Entity>) {
    let token = &tokens[index];
    let value = token.of(text);
    if value.len() != 17 || value.bytes().any(|byte| matches!(byte.to_ascii_uppercase(), b'I' | b'O' | b'Q')) {
        return;
    }
    let cued = cue(text, tokens, index, VIN | VEHICLE);
    if cued
        || (checksums::vin(value)
            && value.bytes().filter(u8::is_ascii_digit).count() >= 5
            && !value.bytes().any(|byte| byte.is_ascii_lowercase()))
    {
        found.push(Entity::new(
            PiiType::VehicleIdentificationNumber,
            token.start..token.end,
            if cued { 0.97 } else { 0.8 },
        ));
    }
}

/// Driver and passport numbers with letters; both need a cue.
fn documents(text: &str, tokens: &[Token], index: usize, found: &mut Vec<Entity>) {
    let value = tokens[index].of(text);
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.len() - digits;
    let cues = cues::before(text, tokens, index);
    let nearest =
        |flag: u64| cues.iter().find(|(flags, _)| flags & flag != 0).map_or(usize::MAX, |(_, distance)| *distance);
    let (driver, passport, other) = (nearest(DRIVER), nearest(PASSPORT), nearest(PLATE | VIN));
    if passport < driver && passport < usize::MAX && (1..=2).contains(&letters) && (6..=9).contains(&digits) {
        found.push(Entity::new(PiiType::UsPassportNumber, tokens[index].start..tokens[index].end, 0.95));
    } else if driver < usize::MAX && driver < other {
        let Some((last, joined)) = joined(text, tokens, index, 20)
            .into_iter()
            .rfind(|(last, _)| *last == index || tokens[*last].kind != Kind::Word)
        else {
            return;
        };
        let (last, joined) = if joined.bytes().filter(u8::is_ascii_digit).count() >= digits
            && tokens[index + 1..=last]
                .iter()
                .all(|token| token.kind == Kind::Digits && token.start > 0 && text.as_bytes()[token.start - 1] == b'-')
        {
            (last, joined)
        } else {
            (index, value.to_owned())
        };
        if joined.bytes().filter(u8::is_ascii_digit).count() >= 4 && joined.len() >= 5 {
            found.push(Entity::new(PiiType::DriverId, tokens[index].start..tokens[last].end, 0.95));
        }
    }
}

fn swift(text: &str, tokens: &[Token], index: usize, found: &mut Vec<Entity>) {
    let token = &tokens[index];
    let value = token.of(text);
    let bytes = value.as_bytes();
    let shaped = bytes[..6].iter().all(u8::is_ascii_uppercase)
        && bytes[6..].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !shaped || !checksums::is_country(&value[4..6]) {
        return;
    }
    let cued = cue(text, tokens, index, SWIFT | IBAN)
        || cues::after(text, tokens, index).iter().any(|(flags, _)| flags & SWIFT != 0);
    if cued || token.kind == Kind::Mixed {
        found.push(Entity::new(PiiType::SwiftCode, token.start..token.end, if cued { 0.97 } else { 0.6 }));
    }
}

/// Licence plates: one or two groups of capitals and digits after a word about plates, or the British form near a car.
fn plate(text: &str, tokens: &[Token], index: usize, found: &mut Vec<Entity>) {
    let token = &tokens[index];
    let cues = cues::before(text, tokens, index);
    let cued = cues.iter().any(|(flags, distance)| flags & PLATE != 0 && *distance <= 6);
    let near_car = cued
        || cues.iter().any(|(flags, _)| flags & VEHICLE != 0)
        || cues::after(text, tokens, index).iter().any(|(flags, _)| flags & (VEHICLE | PLATE) != 0);
    if !near_car {
        return;
    }
    let next = tokens.get(index + 1).filter(|next| {
        matches!(&text[token.end..next.start], " " | "-")
            && (next.kind == Kind::Digits || next.case == Case::Upper || (next.kind == Kind::Mixed))
    });
    let value = token.of(text);
    let bytes = value.as_bytes();
    let british =
        bytes.len() == 4 && bytes[..2].iter().all(u8::is_ascii_uppercase) && bytes[2..].iter().all(u8::is_ascii_digit);
    if british && next.is_some_and(|next| next.len() == 3 && next.case == Case::Upper) {
        found.push(Entity::new(PiiType::LicensePlate, token.start..tokens[index + 1].end, 0.95));
        return;
    }
    if !cued
        || bytes.iter().any(u8::is_ascii_lowercase)
        || token.flags & COMMON != 0 && token.kind == Kind::Word && next.is_none()
    {
        return;
    }
    let plausible = |value: &str| {
        (4..=8).contains(&value.len())
            && value.bytes().any(|byte| byte.is_ascii_digit())
            && value.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    if let Some(next) = next {
        let both = format!("{value}{}", next.of(text));
        if plausible(&both) && both.len() >= 5 && !both.bytes().any(|byte| byte.is_ascii_lowercase()) {
            let third = tokens.get(index + 2).filter(|third| {
                matches!(&text[next.end..third.start], " " | "-")
                    && third.kind == Kind::Digits
                    && both.len() + third.len() <= 9
            });
            found.push(Entity::new(PiiType::LicensePlate, token.start..third.unwrap_or(next).end, 0.93));
            return;
        }
    }
    if plausible(value) {
        found.push(Entity::new(PiiType::LicensePlate, token.start..token.end, 0.93));
    }
}

/// Plates that begin with digits in a group of their own: `4 ABC 123`, `123-XYZ`.
fn plates_of_digits(text: &str, tokens: &[Token], found: &mut Vec<Entity>) {
    for index in 0..tokens.len().saturating_sub(1) {
        let (token, next) = (&tokens[index], &tokens[index + 1]);
        if token.kind != Kind::Digits
            || token.len() > 4
            || next.case != Case::Upper
            || next.kind == Kind::Digits
            || next.len() > 6
            || !matches!(&text[token.end..next.start], " " | "-")
        {
            continue;
        }
        if cues::before(text, tokens, index).iter().any(|(flags, distance)| flags & PLATE != 0 && *distance <= 5) {
            let third = tokens.get(index + 2).filter(|third| {
                matches!(&text[next.end..third.start], " " | "-") && third.kind == Kind::Digits && third.len() <= 4
            });
            found.push(Entity::new(PiiType::LicensePlate, token.start..third.unwrap_or(next).end, 0.9));
        }
    }
}
