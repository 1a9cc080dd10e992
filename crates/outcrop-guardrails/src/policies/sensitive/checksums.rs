//! Check digits and number ranges.

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    text.bytes().filter(u8::is_ascii_digit).map(|byte| u32::from(byte - b'0'))
}

/// Luhn's formula: cards, Canadian social insurance numbers.
pub(crate) fn luhn(number: &str) -> bool {
    let sum: u32 = digits(number)
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Lengths of IBANs by country, from the registry of ISO 13616.
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 \
FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 \
MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20";

/// The length an IBAN of this country has.
pub(crate) fn iban_length(country: &str) -> Option<usize> {
    let country = country.to_ascii_uppercase();
    IBAN_LENGTHS.split(' ').find(|entry| entry[..2] == country).and_then(|entry| entry[2..].parse().ok())
}

/// ISO 7064 mod 97-10 over an IBAN without spaces.
pub(crate) fn iban(number: &str) -> bool {
    let bytes = number.as_bytes();
    if bytes.len() < 15 || !number.is_ascii() {
        return false;
    }
    let remainder = bytes[4..].iter().chain(&bytes[..4]).try_fold(0_u32, |rest, byte| {
        let value = (*byte as char).to_digit(36)?;
        Some(if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 })
    });
    remainder == Some(1)
}

/// Weighted sum of US bank routing numbers, and the ranges of the first two digits that are given out.
pub(crate) fn routing(number: &str) -> bool {
    let first: u32 = number.get(..2).and_then(|two| two.parse().ok()).unwrap_or(99);
    let known = matches!(first, 0..=12 | 21..=32 | 61..=72 | 80);
    known
        && digits(number)
            .zip([3, 7, 1].iter().cycle())
            .map(|(digit, weight)| digit * weight)
            .sum::<u32>()
            .is_multiple_of(10)
}

/// Mod 11 of NHS numbers.
pub(crate) fn nhs(number: &str) -> bool {
    let all: Vec<u32> = digits(number).collect();
    if all.len() != 10 {
        return false;
    }
    let sum: u32 = all[..9].iter().zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum();
    let check = (11 - sum % 11) % 11;
    check == all[9]
}

/// US social security numbers: which areas, groups and serials are never given out.
pub(crate) fn ssn(number: &str) -> bool {
    let part = |range: std::ops::Range<usize>| number.get(range).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    let (area, group, serial) = (part(0..3), part(3..5), part(5..9));
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}

/// US individual taxpayer numbers: begin with 9, the fourth digit is 5 or higher.
pub(crate) fn itin(number: &str) -> bool {
    number.starts_with('9')
        && matches!(number.as_bytes().get(3), Some(b'5'..=b'9'))
        && number.get(3..5) != Some("89")
        && number.get(3..5) != Some("93")
}

/// Check digit of North American vehicle identification numbers (position 9).
pub(crate) fn vin(number: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |char: char| match char.to_ascii_uppercase() {
        digit @ '0'..='9' => digit.to_digit(10),
        'A' | 'J' => Some(1),
        'B' | 'K' | 'S' => Some(2),
        'C' | 'L' | 'T' => Some(3),
        'D' | 'M' | 'U' => Some(4),
        'E' | 'N' | 'V' => Some(5),
        'F' | 'W' => Some(6),
        'G' | 'P' | 'X' => Some(7),
        'H' | 'Y' => Some(8),
        'R' | 'Z' => Some(9),
        _ => None,
    };
    let sum: Option<u32> =
        number.chars().zip(WEIGHTS).map(|(char, weight)| value(char).map(|value| value * weight)).sum();
    let check = number.as_bytes().get(8).copied();
    match sum.map(|sum| sum % 11) {
        Some(10) => check == Some(b'X'),
        Some(rest) => check == Some(b'0' + rest as u8),
        None => false,
    }
}

/// Country codes of ISO 3166, for SWIFT codes.
pub(crate) fn is_country(code: &str) -> bool {
    const CODES: &str = "AD AE AF AG AI AL AM AO AR AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ CA CD CF CG CH CI CL CM CN \
CO CR CU CV CY CZ DE DJ DK DM DO DZ EC EE EG ES ET FI FJ FO FR GA GB GD GE GG GH GI GL GM GN GQ GR GT GW GY HK HN HR HT HU ID IE IL IM IN IQ IR \
IS IT JE JM JO JP KE KG KH KI KM KN KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MG MK ML MM MN MO MR MT MU MV MW MX MY MZ NA NE NG \
NI NL NO NP NZ OM PA PE PG PH PK PL PS PT PY QA RO RS RU RW SA SB SC SD SE SG SI SK SL SM SN SO SR SV SY SZ TC TD TG TH TJ TL TM TN TO TR TT TW \
TZ UA UG US UY UZ VA VC VE VG VN VU WS XK YE ZA ZM ZW";
    CODES.split_ascii_whitespace().any(|known| known == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples() {
        assert!(luhn("4111 1111 1111 1111") && !luhn("4111111111111112"));
        assert!(iban("GB82WEST12345698765432") && iban("de89370400440532013000") && !iban("GB82WEST12345698765431"));
        assert!(routing("011000015") && !routing("011000016"));
        assert!(nhs("943 476 5919") && !nhs("943 476 5918"));
        assert!(ssn("219099999") && !ssn("666121234") && !ssn("123001234"));
        assert!(itin("900701234") && !itin("900121234"));
        assert!(vin("1M8GDM9AXKP042788") && !vin("1M8GDM9A1KP042788"));
        assert_eq!(iban_length("nl"), Some(18));
    }
}
