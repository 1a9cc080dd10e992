//! What models cost: a dated table of list prices, and what the configuration says instead.
//!
//! The table is `data/prices.toml`; each row says where its figures are from and when they were looked at. Vendors change
//! prices, so a row may begin at a date, and the newest that had begun counts. Rows of the configuration come first.
//! What no row fits has no price: nothing is guessed, and sums say how many calls they leave out.

use crate::catalog::{BadPattern, check_pattern, glob_matches, reduce_model_id};
use outcrop_ports::{AnsweredBy, Price, PriceList, Rates};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Deserializer};
use std::sync::Arc;

/// Prices of models, in the order in which they are looked through.
#[derive(Clone, Debug)]
pub struct Prices {
    rows: Arc<[Row]>,
}

/// A row as it is written: dollars per million tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    /// Who sells it: `anthropic`, `bedrock`, `gemini`, `openai`, …; anybody when absent.
    pub provider: Option<String>,
    /// Globs over the model's name as it is sent to the provider, and over the id without the prefix of an inference
    /// profile.
    #[serde(rename = "match", deserialize_with = "one_or_many")]
    pub patterns: Vec<String>,
    /// The first day on which it counts, `2026-01-31`; ever since when absent.
    pub since: Option<String>,
    /// Tokens read that no cache knew.
    pub input: f64,
    /// Tokens made.
    pub output: f64,
    /// Tokens read from a prompt cache; as `input` when absent.
    pub cache_read: Option<f64>,
    /// Tokens written to a prompt cache; as `input` when absent.
    pub cache_write: Option<f64>,
    /// Tokens written to a prompt cache for an hour; as `cache_write` when absent.
    pub cache_write_hour: Option<f64>,
    /// Above so many tokens read the rates of `long` count.
    pub long_above: Option<u64>,
    /// Rates of long prompts, each as the one of short prompts when absent.
    pub long: Option<LongRow>,
    /// When the figures were looked at.
    #[serde(default)]
    pub checked: String,
    /// Where.
    #[serde(default)]
    pub source: String,
}

/// Rates of long prompts, in dollars per million tokens.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongRow {
    /// Tokens read that no cache knew.
    pub input: Option<f64>,
    /// Tokens made.
    pub output: Option<f64>,
    /// Tokens read from a prompt cache.
    pub cache_read: Option<f64>,
    /// Tokens written to a prompt cache.
    pub cache_write: Option<f64>,
    /// Tokens written to a prompt cache for an hour.
    pub cache_write_hour: Option<f64>,
}

/// A row that cannot be used. The text names the member and what it may be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPrice {
    /// Its pattern is no glob of ours.
    #[error("match: {0}")]
    Pattern(#[from] BadPattern),
    /// A figure is negative, no number or beyond reason.
    #[error("{0}: is dollars per million tokens, from 0 to 100000")]
    Figure(&'static str),
    /// The date is none.
    #[error("since: `{0}` is no day; one looks like 2026-01-31")]
    Day(String),
    /// Rates of long prompts without a length, or the other way round.
    #[error("long_above and long go together")]
    Long,
}

#[derive(Debug)]
struct Row {
    provider: Option<String>,
    patterns: Vec<String>,
    since: Option<Timestamp>,
    price: Price,
}

/// The table that comes with the program.
const TABLE: &str = include_str!("../data/prices.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    price: Vec<PriceRow>,
}

impl Prices {
    /// The table, after these rows of the user's.
    ///
    /// # Errors
    ///
    /// The first of the user's rows that cannot be used, by its place.
    pub fn new(own: Vec<PriceRow>) -> Result<Self, (usize, BadPrice)> {
        let own: Vec<Row> = own
            .into_iter()
            .enumerate()
            .map(|(at, row)| Row::read(row).map_err(|bad| (at, bad)))
            .collect::<Result<_, _>>()?;
        Ok(Self { rows: own.into_iter().chain(built_in()).collect() })
    }
}

/// Rows of the table, which a test has read: one that cannot be used is left out, never the whole program.
fn built_in() -> Vec<Row> {
    let table = toml::from_str::<Table>(TABLE).map(|table| table.price).unwrap_or_default();
    table.into_iter().filter_map(|row| Row::read(row).ok()).collect()
}

impl Default for Prices {
    fn default() -> Self {
        Self { rows: built_in().into() }
    }
}

impl PriceList for Prices {
    fn price(&self, model: &AnsweredBy, at: Timestamp) -> Option<Price> {
        let names = [model.model.as_str(), reduce_model_id(&model.model)];
        let fits = |row: &&Row| {
            row.provider.as_deref().is_none_or(|provider| provider == model.provider)
                && row.since.is_none_or(|since| since <= at)
                && row.patterns.iter().any(|pattern| names.iter().any(|name| glob_matches(pattern, name)))
        };
        self.rows.iter().find(fits).map(|row| row.price)
    }
}

impl Row {
    fn read(row: PriceRow) -> Result<Self, BadPrice> {
        if row.patterns.is_empty() {
            return Err(BadPattern::Empty.into());
        }
        row.patterns.iter().try_for_each(|pattern| check_pattern(pattern))?;
        let since = row.since.map(|day| day_of(&day).ok_or(BadPrice::Day(day))).transpose()?;
        let input = micros("input", row.input)?;
        let cache_write = row.cache_write.map_or(Ok(input), |figure| micros("cache_write", figure))?;
        let rates = Rates {
            input,
            output: micros("output", row.output)?,
            cache_read: row.cache_read.map_or(Ok(input), |figure| micros("cache_read", figure))?,
            cache_write,
            cache_write_hour: row
                .cache_write_hour
                .map_or(Ok(cache_write), |figure| micros("cache_write_hour", figure))?,
        };
        let long = match (row.long_above, row.long) {
            (None, None) => None,
            (Some(above), Some(long)) => {
                let or = |name, figure: Option<f64>, short| figure.map_or(Ok(short), |figure| micros(name, figure));
                let rates = Rates {
                    input: or("long.input", long.input, rates.input)?,
                    output: or("long.output", long.output, rates.output)?,
                    cache_read: or("long.cache_read", long.cache_read, rates.cache_read)?,
                    cache_write: or("long.cache_write", long.cache_write, rates.cache_write)?,
                    cache_write_hour: or("long.cache_write_hour", long.cache_write_hour, rates.cache_write_hour)?,
                };
                Some((above, rates))
            }
            _ => return Err(BadPrice::Long),
        };
        Ok(Self { provider: row.provider, patterns: row.patterns, since, price: Price { rates, long } })
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(pattern) => vec![pattern],
        OneOrMany::Many(patterns) => patterns,
    })
}

/// Dollars to millionths, which six digits after the point come to exactly; between 0 and 10^11.
fn micros(name: &'static str, dollars: f64) -> Result<u64, BadPrice> {
    (0.0..=100_000.0).contains(&dollars).then(|| (dollars * 1e6).round() as u64).ok_or(BadPrice::Figure(name))
}

fn day_of(day: &str) -> Option<Timestamp> {
    (day.len() == 10).then(|| Timestamp::parse(&format!("{day}T00:00:00Z"))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_ports::Usage;
    use std::collections::BTreeSet;

    fn at(day: &str) -> Timestamp {
        day_of(day).expect("a day")
    }

    fn input_of(prices: &Prices, provider: &str, model: &str, day: &str) -> Option<u64> {
        let model = AnsweredBy { provider: provider.to_owned(), model: model.to_owned() };
        prices.price(&model, at(day)).map(|price| price.rates.input)
    }

    fn row(text: &str) -> PriceRow {
        toml::from_str(text).expect("a row")
    }

    #[test]
    fn the_table_can_be_read_and_says_where_it_is_from() {
        let table: Table = toml::from_str(TABLE).expect("the table");
        assert!(table.price.len() > 40);
        let mut seen = BTreeSet::new();
        for row in table.price {
            let name = format!("{:?} {} {:?}", row.provider, row.patterns.join(" "), row.since);
            assert!(row.source.starts_with("https://"), "{name}: no source");
            assert!(day_of(&row.checked).is_some(), "{name}: no day");
            assert!(row.provider.is_some(), "{name}: nobody sells it");
            assert!(seen.insert(name.clone()), "{name} stands there twice");
            let read = Row::read(row).unwrap_or_else(|bad| panic!("{name}: {bad}"));
            let Rates { input, output, cache_read, .. } = read.price.rates;
            // What makes no tokens has no price for them.
            let makes = output == 0 || output >= input;
            assert!(input > 0 && makes && cache_read <= input, "{name}: {:?}", read.price);
        }
    }

    #[test]
    fn the_first_row_that_fits_and_had_begun_counts() {
        let own = vec![
            row("match = 'm-*'\nsince = '2026-03-01'\ninput = 2.5\noutput = 5"),
            row("match = 'm-*'\ninput = 2\noutput = 5"),
            row("provider = 'openai'\nmatch = 'x'\ninput = 0.0087\noutput = 1"),
            row("provider = 'bedrock'\nmatch = 'us.v.z*'\ninput = 1.1\noutput = 2"),
            row("provider = 'bedrock'\nmatch = 'v.z*'\ninput = 1\noutput = 2"),
        ];
        let prices = Prices::new(own).expect("fine");
        for (provider, model, day, input) in [
            ("openai", "m-1", "2026-02-28", Some(2_000_000)),
            ("gemini", "m-1", "2026-03-01", Some(2_500_000)),
            ("openai", "x", "2026-03-01", Some(8_700)),
            ("gemini", "x", "2026-03-01", None),
            ("bedrock", "us.v.z1", "2026-03-01", Some(1_100_000)),
            ("bedrock", "global.v.z1", "2026-03-01", Some(1_000_000)),
            ("anthropic", "claude-sonnet-5-5", "2026-10-06", Some(2_000_000)),
            ("openai", "gpt-5-mini-2025-08-07", "2026-10-06", Some(250_000)),
            ("openai", "gpt-5.9", "2026-10-06", None),
            ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "2026-10-06", Some(3_300_000)),
            ("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "2026-10-06", Some(3_000_000)),
            ("bedrock", "anthropic.claude-3-7-sonnet-20250219-v1:0", "2026-10-06", Some(3_000_000)),
            ("gemini", "gemini-3.8-flash", "2026-12-31", Some(750_000)),
            ("gemini", "gemini-3.8-flash", "2027-01-01", Some(1_500_000)),
            ("bedrock", "arn:aws:bedrock:us-east-1::foundation-model/v.z1", "2026-03-01", Some(1_000_000)),
        ] {
            assert_eq!(input_of(&prices, provider, model, day), input, "{provider} {model} {day}");
        }
    }

    #[test]
    fn rows_that_cannot_be_used_are_named() {
        for (text, expected) in [
            ("match = ''\ninput = 1\noutput = 1", "match: the pattern of a model is empty"),
            ("match = 'a'\ninput = -1\noutput = 1", "input: is dollars per million tokens"),
            ("match = 'a'\ninput = 1\noutput = inf", "output: is dollars per million tokens"),
            ("match = 'a'\ninput = 1\noutput = 1\nsince = '2026-02-30'", "since: `2026-02-30` is no day"),
            ("match = 'a'\ninput = 1\noutput = 1\nsince = 'soon'", "since: `soon` is no day"),
            ("match = 'a'\ninput = 1\noutput = 1\nlong_above = 5", "long_above and long go together"),
        ] {
            let (at, bad) = Prices::new(vec![row("match = 'm'\ninput = 1\noutput = 1"), row(text)]).expect_err(text);
            assert!(at == 1 && bad.to_string().starts_with(expected), "{bad}");
        }
    }

    #[test]
    fn what_is_not_said_costs_as_much_as_what_is_next_to_it() {
        let prices = Prices::new(vec![row("match = 'a'\ninput = 1\noutput = 4\nlong_above = 10\nlong = {input = 2}")]);
        let model = AnsweredBy { provider: "openai".to_owned(), model: "a".to_owned() };
        let price = prices.expect("fine").price(&model, at("2026-01-01")).expect("a price");
        let rates = Rates {
            input: 1_000_000,
            output: 4_000_000,
            cache_read: 1_000_000,
            cache_write: 1_000_000,
            cache_write_hour: 1_000_000,
        };
        assert_eq!(price, Price { rates, long: Some((10, Rates { input: 2_000_000, ..rates })) });
        let usage = Usage { input_tokens: 11, output_tokens: 1, ..Usage::default() };
        assert_eq!(price.of(&usage).0, 26_000_000);
    }
}
