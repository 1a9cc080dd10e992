//! What an agent remembers, to be looked at and put right: `/outcrop/agents/AGENT/aliases/ALIAS/memories[/MEMORY[/SESSION]]`.
//!
//! | method and path | |
//! |---|---|
//! | `GET …/memories?after=ID` | memory ids with what is under them, a thousand at a time |
//! | `GET …/memories/MEMORY` | its summaries, latest first, and the sessions that wait to be summed up |
//! | `GET …/memories/MEMORY/SESSION` | one summary |
//! | `PUT …/memories/MEMORY/SESSION` | writes it: `{"summaryText": …}` or `{"topics": [{"topic", "summary"}, …]}` |
//! | `DELETE …/memories/MEMORY[/SESSION]` | forgets |
//!
//! Agent and alias are ids or names, as everywhere.

use super::query::{Query, decoded};
use crate::App;
use crate::agents::documents::agent;
use crate::agents::names;
use crate::errors::{self, ApiError, OpResult};
use http::Method;
use outcrop_planner::memory::{self, Topic};
use outcrop_store::{MemoryJob, MemorySummary, PAGE_MAX, ReadTx, Remembered, Tx};
use outcrop_wire::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Memory ids in one answer.
const IDS_MAX: usize = 1_000;
/// Waiting sessions in one answer.
const PENDING_MAX: usize = 100;
/// Longest summary that can be written by hand, in characters.
const SUMMARY_CHARS_MAX: usize = 8_000;

/// Where a path below `agents/` leads.
struct Place {
    agent: String,
    alias: String,
    memory_id: Option<String>,
    session_id: Option<String>,
}

/// Answers a request below `/outcrop/agents/` if it is one for memories.
pub(super) async fn answer(
    app: &Arc<App>,
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> Option<OpResult<Value>> {
    let place = place(path)?;
    Some(match place {
        Ok(place) => act(app, method, place, query, body).await,
        Err(error) => Err(error),
    })
}

/// `None` when the path is for something else.
fn place(path: &str) -> Option<OpResult<Place>> {
    let parts: Vec<String> = match path.split('/').map(decoded).collect() {
        Ok(parts) => parts,
        Err(error) => return Some(Err(error)),
    };
    let (agent, alias, rest) = match parts.as_slice() {
        [agent, aliases, alias, memories, rest @ ..] if aliases == "aliases" && memories == "memories" => {
            (agent.clone(), alias.clone(), rest)
        }
        _ => return None,
    };
    if rest.len() > 2 {
        return None;
    }
    let id = |at: usize, what: &str| rest.get(at).map(|text| checked(text, what)).transpose();
    Some((|| Ok(Place { agent, alias, memory_id: id(0, "memory id")?, session_id: id(1, "session id")? }))())
}

/// The service's own pattern for both kinds of id.
fn checked(text: &str, what: &str) -> OpResult<String> {
    let fits = (2..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
    if fits {
        return Ok(text.to_owned());
    }
    Err(errors::validation(format!("A {what} has 2 to 100 letters, digits, periods, underscores, colons and hyphens.")))
}

async fn act(app: &Arc<App>, method: &Method, place: Place, query: &str, body: &[u8]) -> OpResult<Value> {
    let of = names::agent_and_alias(app, &place.agent, &place.alias).await?;
    match (method, place.memory_id, place.session_id) {
        (&Method::GET, None, _) => {
            let query = Query::read(query, &["after"])?;
            ids(app, of, query.text("after").unwrap_or_default().to_owned()).await
        }
        (&Method::GET, Some(memory_id), None) => summaries(app, of, memory_id).await,
        (&Method::GET, Some(memory_id), Some(session_id)) => one(app, of, memory_id, session_id).await,
        (&Method::PUT, Some(memory_id), Some(session_id)) => put(app, of, memory_id, session_id, body).await,
        (&Method::DELETE, Some(memory_id), session_id) => {
            let which = Remembered { agent_id: of.0, alias_id: Some(of.1), memory_id: Some(memory_id), session_id };
            Ok(json!({"deleted": app.store.delete_memory(which).await?}))
        }
        (method, ..) => Err(errors::unknown_operation(method.as_str(), "/outcrop/agents/…/memories")),
    }
}

async fn ids(app: &App, of: (String, String), after: String) -> OpResult<Value> {
    let now = app.clock.now();
    let mut found =
        app.store.read(move |tx| Ok::<_, ApiError>(tx.memory_ids((&of.0, &of.1), now, &after, IDS_MAX + 1)?)).await?;
    let has_more = found.len() > IDS_MAX;
    found.truncate(IDS_MAX);
    let next = found.last().filter(|_| has_more).map(|one| one.memory_id.clone());
    let memories: Vec<Value> = found
        .into_iter()
        .map(|one| json!({"memoryId": one.memory_id, "sessions": one.sessions, "lastSessionStartTime": one.last_began}))
        .collect();
    let mut answer = json!({"memories": memories});
    if let Some(next) = next {
        answer["after"] = next.into();
    }
    Ok(answer)
}

async fn summaries(app: &App, of: (String, String), memory_id: String) -> OpResult<Value> {
    let now = app.clock.now();
    let work = move |tx: &ReadTx<'_>| {
        let of = (of.0.as_str(), of.1.as_str(), memory_id.as_str());
        let (page, _) = tx.list_memory(of, now, None, PAGE_MAX)?;
        let pending = tx.memory_jobs(of, PENDING_MAX)?;
        Ok::<_, ApiError>((memory_id, page, pending))
    };
    let (memory_id, page, pending) = app.store.read(work).await?;
    let summaries: Vec<Value> = page.iter().map(document).collect();
    let pending: Vec<Value> = pending.iter().map(waiting).collect();
    Ok(json!({"memoryId": memory_id, "sessions": summaries, "pending": pending}))
}

fn document(summary: &MemorySummary) -> Value {
    json!({
        "sessionId": summary.session_id,
        "sessionStartTime": summary.started_at,
        "sessionExpiryTime": summary.expires_at,
        "summaryText": summary.summary,
    })
}

fn waiting(job: &MemoryJob) -> Value {
    json!({"sessionId": job.session_id, "endedAt": job.ended_at, "attempts": job.attempts, "nextAttemptAt": job.due_at})
}

async fn one(app: &App, of: (String, String), memory_id: String, session_id: String) -> OpResult<Value> {
    let now = app.clock.now();
    let work = move |tx: &ReadTx<'_>| Ok::<_, ApiError>(tx.memory_of((&of.0, &of.1, &memory_id), &session_id, now)?);
    app.store.read(work).await?.as_ref().map(document).ok_or_else(errors::not_found)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    summary_text: Option<String>,
    topics: Option<Vec<Topic>>,
}

/// Takes the place of a summary, whose times stay; one that was not there begins now and is kept as long as the agent's
/// draft says.
async fn put(app: &App, of: (String, String), memory_id: String, session_id: String, body: &[u8]) -> OpResult<Value> {
    let text = text(body)?;
    let now = app.clock.now();
    let work = move |tx: &mut Tx<'_>| {
        let under = (of.0.as_str(), of.1.as_str(), memory_id.as_str());
        let (started_at, expires_at) = match tx.memory_of(under, &session_id, now)? {
            Some(there) => (there.started_at, there.expires_at),
            None => (now, expiry(tx, under.0, now)?),
        };
        let summary = MemorySummary { session_id, started_at, expires_at, summary: text };
        tx.put_memory(under, &summary, now)?;
        Ok::<_, ApiError>(document(&summary))
    };
    app.store.write(work).await
}

fn expiry(tx: &ReadTx<'_>, agent_id: &str, now: Timestamp) -> OpResult<Timestamp> {
    let configured = agent(tx, agent_id)?.agent.memory_configuration;
    let days = configured.and_then(|memory| memory.storage_days).unwrap_or(memory::STORAGE_DAYS);
    Ok(MemorySummary::expiry(now, u32::try_from(days).unwrap_or(1)))
}

fn text(body: &[u8]) -> OpResult<String> {
    let written: Written =
        serde_json::from_slice(body).map_err(|error| ApiError::new("SerializationException", error.to_string()))?;
    let text = match (written.summary_text, written.topics) {
        (Some(text), None) => text.trim().to_owned(),
        (None, Some(topics)) => {
            if topics.iter().any(|topic| topic.summary.trim().is_empty()) {
                return Err(errors::invalid_field("topics", "A topic needs a summary."));
            }
            memory::text(&topics, None)
        }
        _ => return Err(errors::validation("A summary is written by either summaryText or topics.")),
    };
    match text.chars().count() {
        0 => Err(errors::validation("A summary has at least one character. Use DELETE to forget a session.")),
        length if length > SUMMARY_CHARS_MAX => {
            Err(errors::validation(format!("A summary has at most {SUMMARY_CHARS_MAX} characters, not {length}.")))
        }
        _ => Ok(text),
    }
}
