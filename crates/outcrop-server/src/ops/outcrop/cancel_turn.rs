//! `DELETE /outcrop/sessions/ID/turn?agentId=…&agentAliasId=…`: calls off the turn that runs in a session, or that waits
//! there for the results of a return of control. The query says of which agent where several have a session of this id;
//! names do for ids. The answer comes when the turn has ended, and says whose it was.

use crate::App;
use crate::agents::names;
use crate::errors::{self, OpResult};
use crate::turn::cancel::{self, Wanted};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::sync::Arc;

/// Longest session id that the wire allows.
const SESSION_ID_CHARS_MAX: usize = 100;

pub(super) async fn cancel_turn(app: &Arc<App>, id: &str, query: &str) -> OpResult<Value> {
    let mut wanted = Wanted { session_id: session_id(id)?, ..Wanted::default() };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value)?;
        match name {
            "agentId" => wanted.agent_id = Some(value),
            "agentAliasId" => wanted.alias_id = Some(value),
            _ => return Err(errors::validation(format!("The query has no {name}: it has agentId and agentAliasId."))),
        }
    }
    match (&wanted.agent_id, &wanted.alias_id) {
        (Some(agent), alias) => {
            let (agent, alias) = (agent.clone(), alias.clone());
            let (agent_id, alias_id) = app.store.read(move |tx| names::ids(tx, Some(&agent), alias.as_deref())).await?;
            wanted = Wanted { agent_id, alias_id, ..wanted };
        }
        (None, Some(_)) => return Err(errors::validation("agentAliasId needs the agentId it belongs to.")),
        (None, None) => {}
    }
    let (agent_id, alias_id, session_id) = cancel::cancel(app, &wanted).await?;
    tracing::info!(agent_id = &*agent_id, session_id = &*session_id, "a turn was cancelled on request");
    Ok(json!({"agentId": *agent_id, "agentAliasId": *alias_id, "sessionId": *session_id, "status": "CANCELLED"}))
}

fn session_id(text: &str) -> OpResult<String> {
    let id = decoded(text)?;
    if id.is_empty() || id.chars().count() > SESSION_ID_CHARS_MAX || id.contains('/') {
        return Err(errors::validation(format!(
            "A session's id has 1 to {SESSION_ID_CHARS_MAX} characters and no slash."
        )));
    }
    Ok(id)
}

fn decoded(text: &str) -> OpResult<String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(std::borrow::Cow::into_owned).map_err(|_| errors::validation("The path or query is no UTF-8 text."))
}
