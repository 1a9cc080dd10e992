//! `DELETE /outcrop/sessions/ID/turn?agentId=…&agentAliasId=…`: calls off the turn that runs in a session, or that waits
//! there for the results of a return of control. The query says of which agent where several have a session of this id;
//! names do for ids. The answer comes when the turn has ended, and says whose it was.

use super::query::{Query, decoded};
use crate::App;
use crate::agents::names;
use crate::errors::{self, OpResult};
use crate::turn::cancel::{self, Wanted};
use serde_json::{Value, json};
use std::sync::Arc;

/// Longest session id that the wire allows.
const SESSION_ID_CHARS_MAX: usize = 100;

pub(super) async fn cancel_turn(app: &Arc<App>, id: &str, query: &str) -> OpResult<Value> {
    let query = Query::read(query, &["agentId", "agentAliasId"])?;
    let (agent, alias) = (query.text("agentId").map(str::to_owned), query.text("agentAliasId").map(str::to_owned));
    if agent.is_none() && alias.is_some() {
        return Err(errors::validation("agentAliasId needs the agentId it belongs to."));
    }
    let session_id = session_id(id)?;
    let (agent_id, alias_id) = app.store.read(move |tx| names::ids(tx, agent.as_deref(), alias.as_deref())).await?;
    let wanted = Wanted { agent_id, alias_id, session_id };
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
