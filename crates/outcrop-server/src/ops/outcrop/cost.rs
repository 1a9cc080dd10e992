//! `GET /outcrop/cost`: what models cost, by model, by who answered, by agent, session or day.
//!
//! | parameter | says |
//! |---|---|
//! | `by` | `model` (when absent), `answeredBy`, `agent`, `session` or `day` |
//! | `from`, `to` | first and last day, `2026-01-31`, in UTC |
//! | `agentId`, `sessionId`, `modelId` | only these; the agent by id or name, `gateway` for calls of no agent |

use super::query::Query;
use crate::agents::documents::StoredAgent;
use crate::agents::names;
use crate::bill::{Bill, begin_of, day_of};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_ports::Cost;
use outcrop_store::{Kind, ModelUsage, ReadTx, UsageBy, UsageFilter};
use outcrop_wire::Timestamp;
use serde_json::{Map, Value, json};

/// What calls of no agent are called.
const GATEWAY: &str = "gateway";

pub(super) async fn cost(cx: &OpContext, query: &str) -> OpResult<Value> {
    let query = Query::read(query, &["by", "from", "to", "agentId", "sessionId", "modelId"])?;
    let (by, key) = match query.text("by").unwrap_or("model") {
        "model" => (UsageBy::Model, "modelId"),
        "answeredBy" => (UsageBy::AnsweredBy, "answeredBy"),
        "agent" => (UsageBy::Agent, "agentId"),
        "session" => (UsageBy::Session, "sessionId"),
        "day" => (UsageBy::Day, "day"),
        other => {
            let message = format!("by is model, answeredBy, agent, session or day, not {other}.");
            return Err(errors::invalid_field("by", message));
        }
    };
    let text = |name: &str| query.text(name).map(str::to_owned);
    let (from, to) = (day(&query, "from")?, day(&query, "to")?);
    let (agent, session, model) = (text("agentId"), text("sessionId"), text("modelId"));
    Bill::write_down(cx).await?;
    let work = move |tx: &ReadTx<'_>| {
        let agent = match agent.as_deref() {
            Some(GATEWAY) => Some(String::new()),
            Some(agent) => Some(names::ids(tx, Some(agent), None)?.0.unwrap_or_else(|| agent.to_owned())),
            None => None,
        };
        let sums = tx.model_usage(by, &UsageFilter { from, to, agent, session, model })?;
        let shown = sums.into_iter().map(|(name, usage)| Ok((title(tx, by, &name)?, name, usage)));
        shown.collect::<OpResult<Vec<_>>>()
    };
    let sums = cx.store.read::<_, ApiError, _>(work).await?;
    let mut total = ModelUsage::default();
    let rows: Vec<Value> = sums
        .into_iter()
        .map(|(title, name, usage)| {
            total.add(&usage);
            let mut row = Map::new();
            row.insert(key.to_owned(), shown(by, name).into());
            if let Some(title) = title {
                row.insert("agentName".to_owned(), title.into());
            }
            row.extend(told(&usage));
            Value::Object(row)
        })
        .collect();
    Ok(json!({"currency": "USD", "rows": rows, "total": told(&total)}))
}

fn day(query: &Query, name: &str) -> OpResult<Option<i64>> {
    let Some(text) = query.text(name) else { return Ok(None) };
    let at = (text.len() == 10).then(|| Timestamp::parse(&format!("{text}T00:00:00Z"))).flatten();
    let refused = || errors::invalid_field(name, format!("{name} is a day such as 2026-01-31, not {text}."));
    at.map(|at| Some(day_of(at))).ok_or_else(refused)
}

/// An agent's name, where it is there still.
fn title(tx: &ReadTx<'_>, by: UsageBy, name: &str) -> OpResult<Option<String>> {
    if by != UsageBy::Agent || name.is_empty() {
        return Ok(None);
    }
    Ok(tx.get::<StoredAgent>(Kind::Agent, "", name)?.map(|stored| stored.agent.agent_name))
}

/// A key as it is shown.
fn shown(by: UsageBy, name: String) -> String {
    match (by, name.parse::<i64>()) {
        (UsageBy::Day, Ok(day)) => begin_of(day).to_string()[..10].to_owned(),
        (UsageBy::Agent | UsageBy::Session, _) if name.is_empty() => GATEWAY.to_owned(),
        _ => name,
    }
}

fn told(usage: &ModelUsage) -> Map<String, Value> {
    let told = json!({
        "calls": usage.calls, "failedCalls": usage.failed_calls, "unpricedCalls": usage.unpriced_calls,
        "inputTokens": usage.input_tokens, "outputTokens": usage.output_tokens,
        "cacheReadInputTokens": usage.cache_read_tokens, "cacheWriteInputTokens": usage.cache_write_tokens,
        "costUsd": Cost(usage.cost).dollars(),
    });
    match told {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
