//! What a model costs.

use crate::model::{AnsweredBy, Usage};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;

/// Prices of one model, in millionths of a dollar per million tokens, which is as much as trillionths of a dollar per
/// token: whole numbers, so that sums are right to the last digit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Tokens read that no cache knew.
    pub input: u64,
    /// Tokens made.
    pub output: u64,
    /// Tokens read from a prompt cache.
    pub cache_read: u64,
    /// Tokens written to a prompt cache.
    pub cache_write: u64,
    /// Tokens written to a prompt cache for an hour.
    pub cache_write_hour: u64,
}

/// The price of a model: its rates, and others for long prompts where a vendor has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// What tokens cost.
    pub rates: Rates,
    /// Above so many tokens read, cached or not, all tokens of the call cost this instead.
    pub long: Option<(u64, Rates)>,
}

impl Price {
    /// What a call came to.
    pub fn of(&self, usage: &Usage) -> Cost {
        let rates = match self.long {
            Some((above, rates)) if usage.total_input_tokens() > above => rates,
            _ => self.rates,
        };
        let for_an_hour = usage.cache_write_hour_input_tokens.min(usage.cache_write_input_tokens);
        let parts = [
            (usage.input_tokens, rates.input),
            (usage.output_tokens, rates.output),
            (usage.cache_read_input_tokens, rates.cache_read),
            (usage.cache_write_input_tokens - for_an_hour, rates.cache_write),
            (for_an_hour, rates.cache_write_hour),
        ];
        parts.into_iter().map(|(tokens, rate)| Cost(tokens.saturating_mul(rate))).sum()
    }
}

/// An amount of money in trillionths of a dollar; at most 18 million dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cost(pub u64);

impl Cost {
    /// Trillionths in a dollar.
    const DOLLAR: u64 = 1_000_000_000_000;

    /// In dollars, for people and for JSON. Exact to the trillionth below a thousand dollars.
    pub fn dollars(self) -> f64 {
        (self.0 / Self::DOLLAR) as f64 + (self.0 % Self::DOLLAR) as f64 / Self::DOLLAR as f64
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), |mut sum, cost| {
            sum += cost;
            sum
        })
    }
}

/// `$0.0123`: four digits after the point, more where a sum is smaller than that, and none too many.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = format!("{}.{:012}", self.0 / Self::DOLLAR, self.0 % Self::DOLLAR);
        let (point, significant) = (whole.find('.').unwrap_or(0), whole.find(|c: char| ('1'..='9').contains(&c)));
        // Two digits that say something, and four at least.
        let digits = significant.map_or(4, |at| at.saturating_sub(point) + 1).clamp(4, 12);
        // Rounded half up, in whole numbers.
        let unit = 10_u64.pow(12 - u32::try_from(digits).unwrap_or(12));
        let rounded = self.0.saturating_add(unit / 2) / unit;
        let per_dollar = Self::DOLLAR / unit;
        write!(f, "${}.{:0digits$}", rounded / per_dollar, rounded % per_dollar)
    }
}

/// Knows what models cost.
pub trait PriceList: Send + Sync {
    /// The price at a time of the model that answered; `None` when it is not known.
    fn price(&self, model: &AnsweredBy, at: Timestamp) -> Option<Price>;
}

/// A list without prices.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPrices;

impl PriceList for NoPrices {
    fn price(&self, _: &AnsweredBy, _: Timestamp) -> Option<Price> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input: u64, output: u64, read: u64, write: u64, hour: u64) -> Usage {
        Usage {
            input_tokens: input,
            output_tokens: output,
            cache_read_input_tokens: read,
            cache_write_input_tokens: write,
            cache_write_hour_input_tokens: hour,
        }
    }

    #[test]
    fn every_kind_of_token_has_its_rate() {
        let rates = Rates {
            input: 3_000_000,
            output: 15_000_000,
            cache_read: 300_000,
            cache_write: 3_750_000,
            cache_write_hour: 6_000_000,
        };
        let doubled = Rates { input: 6_000_000, output: 22_500_000, ..rates };
        let price = Price { rates, long: Some((200_000, doubled)) };
        for (usage, dollars) in [
            (usage(1_000_000 / 10, 0, 0, 0, 0), "$0.3000"),
            (usage(0, 1_000, 0, 0, 0), "$0.0150"),
            (usage(0, 0, 1_000, 0, 0), "$0.00030"),
            (usage(0, 0, 0, 1_000, 0), "$0.0038"),
            (usage(0, 0, 0, 1_000, 1_000), "$0.0060"),
            (usage(0, 0, 0, 1_000, 400), "$0.0047"),
            (usage(200_000, 0, 0, 0, 0), "$0.6000"),
            (usage(200_001, 0, 0, 0, 0), "$1.2000"),
            (usage(100, 1, 200_000, 0, 0), "$0.0606"),
            (usage(1, 0, 0, 0, 0), "$0.0000030"),
            (usage(0, 0, 0, 0, 0), "$0.0000"),
        ] {
            assert_eq!(price.of(&usage).to_string(), dollars, "{usage:?}");
        }
        assert_eq!(Cost(u64::MAX).to_string(), "$18446744.0737");
        assert_eq!(Cost(35_000).dollars().to_string(), "0.000000035");
        assert_eq!(Cost(1_234_567_890_123_456).dollars().to_string(), "1234.567890123456");
    }
}
