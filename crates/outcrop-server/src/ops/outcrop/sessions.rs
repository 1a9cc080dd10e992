//! `/outcrop/sessions…`: sessions, their turns, and what a turn did.
//!
//! | request | answer |
//! |---|---|
//! | `GET /outcrop/sessions` | sessions, the latest first, also those that are over |
//! | `GET /outcrop/sessions/ID` | one, with its turns |
//! | `GET /outcrop/sessions/ID/turns/N/trace` | what a turn did: its kept trace |
//! | `POST /outcrop/sessions/ID/fork` | see [`super::fork`] |
//! | `DELETE /outcrop/sessions/ID/turn` | see [`super::cancel_turn`] |
//!
//! A session id that several agents or aliases have is told apart by `agentId` and `agentAliasId`, each an id or a name.

use super::cancel_turn;
use super::fork;
use super::query::{Query, decoded};
use crate::agents::names;
use crate::edge::respond::{self, Body};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use crate::turn::kept::{self, Status, Summary, Told, Totals};
use bytes::Bytes;
use http::{Method, Response};
use outcrop_store::{KeptSession, ReadTx, SessionFilter};
use serde_json::{Map, Value, json};

/// Sessions of a page at most.
const SESSIONS_MAX: usize = 1_000;
/// Turns of a page at most.
const TURNS_MAX: usize = 100;
/// Entries of a page of a trace at most.
const ENTRIES_MAX: usize = 1_000;
/// Bytes of a page of a trace, with the entry that passes the mark.
const PAGE_BYTES_MAX: usize = 6 << 20;
/// Longest piece of the user's words and of the answer in a list, in bytes.
const GLIMPSE_BYTES_MAX: usize = 200;
/// Sessions that are named to choose from.
const CHOICES_MAX: usize = 20;

/// Parameters that say which session is meant.
const WHICH: [&str; 3] = ["agentId", "agentAliasId", "number"];

/// Answers a request below `/outcrop/sessions`.
pub(super) async fn answer(cx: &OpContext, method: &Method, path: &str, query: &str, body: &Bytes) -> Response<Body> {
    let parts: Vec<&str> = path.split('/').skip(1).filter(|part| !part.is_empty()).collect();
    let answered = match (method, parts.as_slice()) {
        (&Method::GET, []) => list(cx, query).await.map(|found| json_of(cx, &found)),
        (&Method::GET, [id]) => get(cx, id, query).await.map(|found| json_of(cx, &found)),
        (&Method::GET, [id, "turns", number, "trace"]) => {
            trace(cx, id, number, query).await.map(|found| json_of(cx, &found))
        }
        (&Method::DELETE, [id, "turn"]) => {
            cancel_turn::cancel_turn(&cx.app, id, query).await.map(|found| json_of(cx, &found))
        }
        (&Method::POST, [id, "fork"]) => fork::fork(cx, id, query, body).await,
        _ => Err(errors::unknown_operation(method.as_str(), &format!("/outcrop/sessions{path}"))),
    };
    answered.unwrap_or_else(|error| respond::error(&cx.request_id, None, &error))
}

fn json_of(cx: &OpContext, document: &Value) -> Response<Body> {
    respond::json(200, &cx.request_id, document.to_string())
}

async fn list(cx: &OpContext, query: &str) -> OpResult<Value> {
    let query = Query::read(query, &["agentId", "agentAliasId", "prefix", "maxResults", "nextToken"])?;
    let (limit, after) = (query.page(SESSIONS_MAX)?, query.after()?);
    let text = |name: &str| query.text(name).map(str::to_owned);
    let (agent, alias, prefix) = (text("agentId"), text("agentAliasId"), text("prefix"));
    let found = cx.store.read(move |tx| {
        let (agent_id, alias_id) = names::ids(tx, agent.as_deref(), alias.as_deref())?;
        let filter = SessionFilter { agent_id, alias_id, prefix };
        let (page, next) = tx.list_sessions(&filter, after, limit)?;
        let page: OpResult<Vec<_>> = page.into_iter().map(|session| Ok((origin(tx, &session)?, session))).collect();
        Ok::<_, ApiError>((page?, next))
    });
    let (page, next) = found.await?;
    let sessions: Vec<Value> = page.into_iter().map(|(origin, session)| shown(cx, &session, origin)).collect();
    let mut answer = json!({ "sessions": sessions });
    if let Some(next) = next {
        answer["nextToken"] = json!(next.to_string());
    }
    Ok(answer)
}

async fn get(cx: &OpContext, id: &str, query: &str) -> OpResult<Value> {
    let query = Query::read(query, &["agentId", "agentAliasId", "number", "maxResults", "nextToken"])?;
    let (limit, after) = (query.page(TURNS_MAX)?, query.after::<u32>()?);
    let session = find(cx, id, &query).await?;
    let for_origin = session.clone();
    let origin = cx.store.read(move |tx| origin(tx, &for_origin)).await?;
    let first = after.unwrap_or(0).saturating_add(1);
    let turns = kept::summaries(&cx.app, &session, first, limit).await?;
    let mut answer = shown(cx, &session, origin);
    answer["attributes"] = json!(session.session.attributes);
    let next = turns.last().map(|turn| turn.number).filter(|last| *last < session.session.turns);
    answer["turnList"] = turns.into_iter().map(|turn| Value::Object(summary_of(turn, true))).collect();
    cx.settings.secrets.with_attributes(&session.session.attributes).remove(&mut answer);
    if let Some(next) = next {
        answer["nextToken"] = json!(next.to_string());
    }
    Ok(answer)
}

async fn trace(cx: &OpContext, id: &str, number: &str, query: &str) -> OpResult<Value> {
    let query = Query::read(query, &["agentId", "agentAliasId", "number", "maxResults", "nextToken"])?;
    let number: u32 = number
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| errors::validation(format!("A turn is a number from 1 on, not {}.", glimpse(number))))?;
    let limit = query.number("maxResults")?.unwrap_or(ENTRIES_MAX).min(ENTRIES_MAX);
    let after = query.after::<usize>()?.unwrap_or(0);
    let session = find(cx, id, &query).await?;
    let (turns, named) = (session.session.turns, session.session_id.clone());
    let head = json!({
        "sessionId": session.session_id, "agentId": session.agent_id, "agentAliasId": session.alias_id,
    });
    let page = kept::tell(&cx.app, session, number, move |told| {
        let Told { summary, entries } = told;
        let mut page = Value::Object(summary_of(summary, false));
        let (entries, next) = page_of(entries, after, limit);
        page["entries"] = entries.into();
        if let Some(next) = next {
            page["nextToken"] = json!(next.to_string());
        }
        page
    });
    let Some(Value::Object(page)) = page.await? else {
        let message = format!("Session {named} has turns 1 to {turns}; there is no turn {number}.");
        return Err(ApiError::new("ResourceNotFoundException", message));
    };
    let Value::Object(mut answer) = head else { return Err(errors::internal()) };
    answer.extend(page);
    Ok(Value::Object(answer))
}

/// Entries of a page, and where the next begins.
fn page_of(entries: Vec<kept::Entry>, after: usize, limit: usize) -> (Vec<Value>, Option<usize>) {
    let count = entries.len();
    let (mut page, mut bytes) = (Vec::new(), 0);
    for entry in entries.into_iter().skip(after).take(limit) {
        let entry = entry.into_json();
        bytes += entry.to_string().len();
        page.push(entry);
        if bytes > PAGE_BYTES_MAX {
            break;
        }
    }
    let next = after.saturating_add(page.len());
    (page, (next < count).then_some(next))
}

/// The session that a path and a query mean: the latest of its id, agent and alias.
pub(super) async fn find(cx: &OpContext, id: &str, query: &Query) -> OpResult<KeptSession> {
    let id = decoded(id)?;
    let text = |name: &str| query.text(name).map(str::to_owned);
    let (agent, alias, number) = (text("agentId"), text("agentAliasId"), query.number::<i64>("number")?);
    let wanted = id.clone();
    let found = cx.store.read(move |tx| {
        let (agent_id, alias_id) = names::ids(tx, agent.as_deref(), alias.as_deref())?;
        let mut found = tx.sessions_named(&wanted)?;
        found.retain(|session| {
            agent_id.as_ref().is_none_or(|agent_id| session.agent_id == *agent_id)
                && alias_id.as_ref().is_none_or(|alias_id| session.alias_id == *alias_id)
                && number.is_none_or(|number| session.session.id == number)
        });
        Ok::<_, ApiError>(found)
    });
    let found = found.await?;
    let Some(first) = found.first() else {
        let message = format!("There is no session {} of this agent and alias.", glimpse(&id));
        return Err(ApiError::new("ResourceNotFoundException", message));
    };
    let mut choices: Vec<String> = Vec::new();
    for session in &found {
        let choice = format!("{}/{}", session.agent_id, session.alias_id);
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    if choices.len() > 1 {
        choices.truncate(CHOICES_MAX);
        let choices = choices.join(", ");
        return Err(errors::validation(format!(
            "Several sessions are called {id}: of {choices}. Say which with agentId and agentAliasId."
        )));
    }
    Ok(first.clone())
}

/// Parameters of an operation on one session.
pub(super) fn which(query: &str) -> OpResult<Query> {
    Query::read(query, &WHICH)
}

/// What a fork comes from.
fn origin(tx: &ReadTx<'_>, session: &KeptSession) -> OpResult<Option<Value>> {
    let Some(fork) = tx.fork(session.session.id)? else { return Ok(None) };
    let parent = tx.kept_session(fork.parent)?;
    let mut origin = json!({"turns": fork.turns, "number": fork.parent});
    if let Some(parent) = parent {
        origin["sessionId"] = json!(parent.session_id);
        origin["agentAliasId"] = json!(parent.alias_id);
    }
    if fork.events > 0 {
        origin["withinTurn"] = json!(fork.turns.saturating_add(1));
    }
    if let Some(bound) = fork.bound {
        origin["runsOwnSnapshot"] = json!(true);
        origin["agentVersion"] = json!(bound.version);
    }
    Ok(Some(origin))
}

fn shown(cx: &OpContext, session: &KeptSession, origin: Option<Value>) -> Value {
    let KeptSession { agent_id, alias_id, session_id, ended, session: inner } = session;
    let name = (agent_id.as_str().into(), alias_id.as_str().into(), session_id.as_str().into());
    let status = if *ended {
        "ENDED"
    } else if session.is_over(cx.clock.now()) {
        "EXPIRED"
    } else if inner.open_turn.is_some() && cx.sessions.is_held(&name) {
        "RUNNING"
    } else if inner.suspended.is_some() {
        "SUSPENDED"
    } else {
        "ACTIVE"
    };
    let mut shown = json!({
        "sessionId": session_id, "agentId": agent_id, "agentAliasId": alias_id, "number": inner.id, "status": status,
        "createdAt": inner.created_at, "lastActiveAt": inner.last_active_at, "turns": inner.turns,
    });
    if let Some(origin) = origin {
        shown["forkOf"] = origin;
    }
    shown
}

/// A turn in short; `glimpses` cuts its words.
fn summary_of(summary: Summary, glimpses: bool) -> Map<String, Value> {
    let Summary { number, status, input_text, version, started_at, ended_at, end, totals, steps } = summary;
    let Totals { model_calls, input_tokens, output_tokens, tool_calls, .. } = totals;
    let mut shown = json!({
        "turn": number, "status": status.as_str(), "agentVersion": version, "startedAt": started_at,
        "inputText": input_text, "steps": steps,
        "totals": {
            "modelCalls": model_calls, "inputTokens": input_tokens, "outputTokens": output_tokens, "toolCalls": tool_calls,
            "cacheReadInputTokens": totals.cache_read_tokens, "cacheWriteInputTokens": totals.cache_write_tokens,
            "costUsd": totals.cost.dollars(),
        },
    });
    if totals.unpriced_calls > 0 {
        shown["totals"]["unpricedModelCalls"] = json!(totals.unpriced_calls);
    }
    if let Some(ended_at) = ended_at.filter(|_| status != Status::Running) {
        shown["endedAt"] = json!(ended_at);
        shown["totalTimeMs"] = json!(ended_at.millis_since(started_at));
    }
    if let Some((kind, end)) = end {
        shown[kind] = end;
    }
    kept::cut(&mut shown, if glimpses { GLIMPSE_BYTES_MAX } else { kept::TEXT_BYTES_MAX });
    match shown {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn glimpse(text: &str) -> &str {
    &text[..text.floor_char_boundary(GLIMPSE_BYTES_MAX)]
}
