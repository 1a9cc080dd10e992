//! Numbers as people write and say them.

/// The number in a text such as `$1,200`, `5 %`, `3 million`, `ten`, `six hundred`. `None` when it is none or not finite.
pub(in crate::offline) fn number(raw: &str) -> Option<f64> {
    let lower = raw.to_lowercase();
    if !lower.contains(|c: char| c.is_ascii_digit()) {
        return spoken_number(&lower);
    }
    let digits: String = lower
        .chars()
        .map(|c| if c == '−' { '-' } else { c })
        .filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | 'e' | '+'))
        .collect();
    let exponent =
        lower.contains('e') && lower.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e'));
    let plain: String = digits.chars().filter(|c| !matches!(c, 'e' | '+')).collect();
    let base: f64 = if exponent {
        digits.replace(',', "").parse().ok()?
    } else {
        let named = ["dollar", "euro", "pound", "yen", "usd", "eur", "gbp", "jpy", "chf", "bucks"];
        let scaled = ["thousand", "million", "billion"].iter().any(|word| lower.contains(word));
        let is_money =
            !scaled && (lower.contains(['$', '€', '£', '¥']) || named.iter().any(|name| lower.contains(name)));
        let plain = plain.trim_end_matches(['.', ',']);
        match thousands(plain, is_money) {
            Some(grouped) => grouped.parse().ok()?,
            None => plain.replace(',', "").parse().ok()?,
        }
    };
    let scale = match () {
        () if lower.contains("billion") => 1e9,
        () if lower.contains("million") => 1e6,
        () if lower.contains("thousand") && base < 1e6 => 1e3,
        () if raw.trim_end().ends_with('k') => 1e3,
        // Beside a currency a K is no kelvin.
        () if raw.trim_end().ends_with('K') && raw.contains(['$', '€', '£', '¥']) => 1e3,
        () if raw.trim_end().ends_with('M') && raw.contains(['$', '€', '£', '¥']) => 1e6,
        () => 1.0,
    };
    let value = base * scale;
    value.is_finite().then_some(value)
}

/// "1.000" and "1.000,50": a dot that parts thousands. Nobody gives an amount of money to a tenth of a cent, and nobody
/// writes one as "1.000".
fn thousands(plain: &str, is_money: bool) -> Option<String> {
    let (whole, cents) = plain.split_once(',').map_or((plain, ""), |(whole, cents)| (whole, cents));
    let mut groups = whole.trim_start_matches('-').split('.');
    let first = groups.next()?;
    let groups: Vec<&str> = groups.collect();
    let grouped = !groups.is_empty()
        && groups.iter().all(|group| group.len() == 3)
        && (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && (cents.is_empty() || cents.len() <= 2);
    let sure = is_money || !cents.is_empty() || groups.len() > 1 || groups.iter().all(|group| *group == "000");
    (grouped && sure).then(|| format!("{}.{}", whole.replace('.', ""), if cents.is_empty() { "0" } else { cents }))
}

/// "six hundred", "two thousand and ten". `None` when a word is no number; units after it do not matter.
fn spoken_number(text: &str) -> Option<f64> {
    let (mut total, mut group, mut seen, mut least) = (0.0, 0.0, false, f64::INFINITY);
    for word in text.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty()) {
        let Some(value) = word_number(word) else {
            if seen && word == "and" {
                continue;
            }
            break;
        };
        match value {
            100.0 => group = if group == 0.0 { 100.0 } else { group * 100.0 },
            1e3 | 1e6 | 1e9 => {
                total += if group == 0.0 { value } else { group * value };
                group = 0.0;
            }
            // "one two" is no number; "twenty two" is.
            _ if value >= least => return None,
            _ => group += value,
        }
        least = match value {
            20.0.. if value < 100.0 => 10.0,
            _ if value < 20.0 => 0.0,
            _ => f64::INFINITY,
        };
        seen = true;
    }
    seen.then_some(total + group)
}

fn word_number(word: &str) -> Option<f64> {
    let value = match word {
        "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        "ten" => 10,
        "eleven" => 11,
        "twelve" | "dozen" => 12,
        "thirteen" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        "twenty" => 20,
        "thirty" => 30,
        "forty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        "hundred" => 100,
        "thousand" => 1000,
        "million" => 1_000_000,
        "billion" => 1_000_000_000,
        _ => return None,
    };
    Some(f64::from(value))
}
