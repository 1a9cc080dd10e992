//! What it cost: `outcrop cost`.

use super::ENDPOINT;
use crate::client::Signer;
use crate::cost::CostOptions;
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "\
Prices are list prices in US dollars, as docs/cost.md tells; [[price]] in outcrop.toml replaces them. \
Days begin at midnight UTC.")]
pub(crate) struct Cost {
    /// What the sums are told by
    #[arg(long, value_enum, default_value_t = By::Model)]
    by: By,
    /// First day, such as 2026-01-31
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Last day
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// Only this agent, by id or name; `gateway` for calls of no agent
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// Only this session
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
    /// Only this model, as it is asked for
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Where the server is
    #[arg(long, env = "OUTCROP_ENDPOINT", default_value = ENDPOINT, value_name = "URL")]
    endpoint: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What sums are told by.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    /// The model that was asked
    Model,
    /// Provider and model that answered
    Provider,
    /// The agent that asked
    Agent,
    /// The session
    Session,
    /// The day
    Day,
}

impl Cost {
    pub(crate) fn options(self) -> CostOptions {
        let given = [
            ("from", self.from),
            ("to", self.to),
            ("agentId", self.agent),
            ("sessionId", self.session),
            ("modelId", self.model),
        ];
        CostOptions {
            by: match self.by {
                By::Model => "model",
                By::Provider => "answeredBy",
                By::Agent => "agent",
                By::Session => "session",
                By::Day => "day",
            },
            which: given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            signer: Signer::from_environment(&crate::environment, &self.endpoint),
            endpoint: self.endpoint,
            json: self.json,
        }
    }
}
