//! Days as people write them, to `YYYY-MM-DD` where a tool asks for that form.

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    year: i64,
    month: u32,
    day: u32,
}

impl Day {
    /// Reads `2026-04-25`.
    pub(super) fn iso(text: &str) -> Option<Self> {
        let text = text.get(..10)?;
        let mut parts = text.split('-');
        let (year, month, day) =
            (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Self::new(year, month, day)
    }

    fn new(year: i64, month: u32, day: u32) -> Option<Self> {
        ((1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Self {
            year,
            month,
            day,
        })
    }

    /// The first and the last day of months of a year.
    pub(super) fn months(year: i64, from: u32, to: u32) -> Option<(Self, Self)> {
        let (next_year, next) = if to >= 12 { (year + 1, 1) } else { (year, to + 1) };
        let first = Self::new(year, from, 1)?;
        let last = Self::from_number(Self::new(next_year, next, 1)?.number() - 1);
        Some((first, last))
    }

    pub(super) fn year(self) -> i64 {
        self.year
    }

    /// 1 to 4.
    pub(super) fn quarter(self) -> u32 {
        self.month.div_ceil(3)
    }

    /// Days since 1970-01-01, by the usual shift of the year to March.
    fn number(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let month = i64::from((self.month + 9) % 12);
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    fn from_number(number: i64) -> Self {
        let shifted = number + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        // Both are within 1 to 31 by construction.
        Self { year, month: u32::try_from(month).unwrap_or(1), day: u32::try_from(day).unwrap_or(1) }
    }

    /// In the form that a tool wants: `YYYY`, `MM` and `DD` with what stands between them.
    pub(super) fn written(self, form: &str) -> String {
        let form = form.to_uppercase();
        let form = form.replace("YYYY", &format!("{:04}", self.year));
        form.replace("MM", &format!("{:02}", self.month)).replace("DD", &format!("{:02}", self.day))
    }

    /// `2026-04-25`.
    pub(super) fn text(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The form of days that a description asks for.
pub(super) fn form(description: &str) -> Option<&str> {
    let upper = description.to_ascii_uppercase();
    let forms = ["YYYY-MM-DD", "YYYY/MM/DD", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY", "MM-DD-YYYY", "DD.MM.YYYY"];
    let at = forms.iter().find_map(|form| upper.find(form))?;
    description.get(at..at + 10)
}

/// The day a text means. Relative days and days without a year need `today`; `None` when it cannot be told.
pub(super) fn day(text: &str, today: Option<Day>) -> Option<Day> {
    let text = text.trim().to_lowercase();
    if let Some(day) = Day::iso(&text) {
        return Some(day);
    }
    if text.contains('/') && text.split('/').next().is_some_and(|year| year.len() == 4) {
        return Day::iso(&slashes(&text));
    }
    if text.contains('/') {
        let mut parts = text.split('/');
        let (month, day, year): (u32, u32, i64) =
            (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let year = if year < 100 { year + 2000 } else { year };
        // Month first, as most tools and texts of this form have it; a first number above twelve can only be a day.
        return if month > 12 { Day::new(year, day, month) } else { Day::new(year, month, day) };
    }
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if let Some(month) =
        words.iter().find_map(|word| MONTHS.iter().position(|month| word.starts_with(month) && word.len() <= 9))
    {
        let numbers: Vec<u32> =
            words.iter().filter_map(|word| word.trim_end_matches(|c: char| c.is_alphabetic()).parse().ok()).collect();
        let day = numbers.iter().copied().find(|number| (1..=31).contains(number))?;
        let year =
            numbers.iter().copied().find(|number| *number > 31).map(i64::from).or_else(|| today.map(|day| day.year))?;
        return Day::new(year, u32::try_from(month).ok()? + 1, day);
    }
    relative(&words, today?)
}

/// `2026/4/5` as `2026-04-05`.
fn slashes(text: &str) -> String {
    text.split('/').map(|part| format!("{part:0>2}")).collect::<Vec<_>>().join("-")
}

fn relative(words: &[&str], today: Day) -> Option<Day> {
    let shift = |days: i64| Some(Day::from_number(today.number() + days));
    match words {
        ["today" | "tonight"] => shift(0),
        ["tomorrow"] => shift(1),
        ["yesterday"] => shift(-1),
        ["the", "day", "after", "tomorrow"] => shift(2),
        ["in", count, unit] => {
            let count: i64 = count.parse().ok().filter(|count| *count < 4_000)?;
            shift(
                count
                    * if unit.starts_with("week") {
                        7
                    } else if unit.starts_with("month") {
                        30
                    } else {
                        1
                    },
            )
        }
        [.., weekday] => {
            let wanted = i64::try_from(WEEKDAYS.iter().position(|day| day == weekday)?).ok()?;
            // 1970-01-01 was a Thursday.
            let current = (today.number() + 3).rem_euclid(7);
            let ahead = (wanted - current - 1).rem_euclid(7) + 1;
            if words.first() == Some(&"last") { shift(if ahead == 7 { -7 } else { ahead - 7 }) } else { shift(ahead) }
        }
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_days() {
        let today = Day::iso("2026-11-20");
        for (text, expected) in [
            ("2026-04-25", "2026-04-25"),
            ("March 10, 2022", "2022-03-10"),
            ("10th of March 2022", "2022-03-10"),
            ("03/10/2022", "2022-03-10"),
            ("25/12/2026", "2026-12-25"),
            ("tomorrow", "2026-11-21"),
            ("next Monday", "2026-11-23"),
            ("last friday", "2026-11-13"),
            ("last monday", "2026-11-16"),
            ("in 2 weeks", "2026-12-04"),
            ("5 May", "2026-05-05"),
        ] {
            assert_eq!(day(text, today).map(Day::text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(day("next Monday", None), None);
        assert_eq!(day("next year", today), None);
    }

    #[test]
    fn numbers_and_days_agree() {
        for number in (-200_000..200_000).step_by(37) {
            assert_eq!(Day::from_number(number).number(), number);
        }
    }
}
