//! What calls of models took: sums by day, agent, session and model.

use crate::error::StoreError;
use crate::tx::{ReadTx, Tx};

/// What is summed up together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UsageOf {
    /// Days since the epoch, in UTC.
    pub day: i64,
    /// Who the calls were for: an agent's id, or what the caller makes of other callers.
    pub agent: String,
    /// The session as its client named it; empty where there is none.
    pub session: String,
    /// The model that was asked.
    pub model: String,
    /// Who answered, and as what; empty where nobody who is paid did.
    pub answered_by: String,
}

/// Sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelUsage {
    /// Calls, with those that failed.
    pub calls: u64,
    /// Calls that failed.
    pub failed_calls: u64,
    /// Calls that were answered by a model whose price is not known.
    pub unpriced_calls: u64,
    /// Tokens read, without cached ones.
    pub input_tokens: u64,
    /// Tokens made.
    pub output_tokens: u64,
    /// Tokens read from a prompt cache.
    pub cache_read_tokens: u64,
    /// Tokens written to a prompt cache.
    pub cache_write_tokens: u64,
    /// In trillionths of a dollar.
    pub cost: u64,
}

impl ModelUsage {
    /// Adds other sums to these.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.calls, other.calls),
            (&mut self.failed_calls, other.failed_calls),
            (&mut self.unpriced_calls, other.unpriced_calls),
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (&mut self.cache_read_tokens, other.cache_read_tokens),
            (&mut self.cache_write_tokens, other.cache_write_tokens),
            (&mut self.cost, other.cost),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// What sums are told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// The model that was asked.
    Model,
    /// Who answered.
    AnsweredBy,
    /// Who the calls were for.
    Agent,
    /// The session.
    Session,
    /// The day; its key is the number of days since the epoch.
    Day,
}

impl UsageBy {
    fn column(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::AnsweredBy => "answered_by",
            Self::Agent => "agent",
            Self::Session => "session",
            Self::Day => "day",
        }
    }
}

/// Which calls are meant; all that are not excluded.
#[derive(Clone, Debug, Default)]
pub struct UsageFilter {
    /// First day.
    pub from: Option<i64>,
    /// Last day.
    pub to: Option<i64>,
    /// Of this agent only.
    pub agent: Option<String>,
    /// Of this session only.
    pub session: Option<String>,
    /// Of this model only.
    pub model: Option<String>,
}

/// Most groups that are told.
const GROUPS_MAX: i64 = 10_000;

impl ReadTx<'_> {
    /// Sums by a key, the dearest first and those of a day in the order of days; at most 10,000.
    pub fn model_usage(&self, by: UsageBy, filter: &UsageFilter) -> Result<Vec<(String, ModelUsage)>, StoreError> {
        let column = by.column();
        let order = match by {
            UsageBy::Day => "",
            _ => "9 DESC, 5 DESC, ",
        };
        // Sums of whole numbers may come back as another type than whole numbers.
        let sums: Vec<String> = [
            "calls",
            "failed_calls",
            "unpriced_calls",
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "cost",
        ]
        .iter()
        .map(|sum| format!("CAST(SUM({sum}) AS BIGINT)"))
        .collect();
        let sql = format!(
            "SELECT CAST({column} AS TEXT), {sums} FROM model_usage
             WHERE day >= ?1 AND day <= ?2 AND (?3 = '' OR agent = ?4) AND (?5 = '' OR session = ?6)
               AND (?7 = '' OR model = ?8)
             GROUP BY {column} ORDER BY {order}{column} LIMIT ?9",
            sums = sums.join(", "),
        );
        let given = |text: &Option<String>| text.clone().unwrap_or_default();
        let flag = |text: &Option<String>| if text.is_some() { "x" } else { "" };
        let params = (
            filter.from.unwrap_or(i64::MIN),
            filter.to.unwrap_or(i64::MAX),
            flag(&filter.agent),
            given(&filter.agent),
            flag(&filter.session),
            given(&filter.session),
            flag(&filter.model),
            given(&filter.model),
            GROUPS_MAX,
        );
        self.query_all("sum up the use of models", &sql, params, |row| {
            let count = |at: usize| row.get::<i64>(at).map(|sum| u64::try_from(sum).unwrap_or(0));
            let usage = ModelUsage {
                calls: count(1)?,
                failed_calls: count(2)?,
                unpriced_calls: count(3)?,
                input_tokens: count(4)?,
                output_tokens: count(5)?,
                cache_read_tokens: count(6)?,
                cache_write_tokens: count(7)?,
                cost: count(8)?,
            };
            Ok((row.get::<String>(0)?, usage))
        })
    }
}

impl Tx<'_> {
    /// Adds to the sums of a kind of call.
    pub fn add_model_usage(&mut self, of: &UsageOf, usage: &ModelUsage) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO model_usage (day, agent, session, model, answered_by, calls, failed_calls, unpriced_calls,
                       input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                   ON CONFLICT (day, agent, session, model, answered_by) DO UPDATE SET
                       calls = model_usage.calls + excluded.calls,
                       failed_calls = model_usage.failed_calls + excluded.failed_calls,
                       unpriced_calls = model_usage.unpriced_calls + excluded.unpriced_calls,
                       input_tokens = model_usage.input_tokens + excluded.input_tokens,
                       output_tokens = model_usage.output_tokens + excluded.output_tokens,
                       cache_read_tokens = model_usage.cache_read_tokens + excluded.cache_read_tokens,
                       cache_write_tokens = model_usage.cache_write_tokens + excluded.cache_write_tokens,
                       cost = model_usage.cost + excluded.cost";
        let count = |sum: u64| i64::try_from(sum).unwrap_or(i64::MAX);
        let params = (
            of.day,
            of.agent.as_str(),
            of.session.as_str(),
            of.model.as_str(),
            of.answered_by.as_str(),
            count(usage.calls),
            count(usage.failed_calls),
            count(usage.unpriced_calls),
            count(usage.input_tokens),
            count(usage.output_tokens),
            count(usage.cache_read_tokens),
            count(usage.cache_write_tokens),
            count(usage.cost),
        );
        self.execute("add to the use of models", sql, params).map(drop)
    }
}
