//! What the operations of the session store share: which session is meant, what state it is in, what may be done to it.
//!
//! These sessions have nothing to do with those of InvokeAgent: programs keep the state of their own conversations here.

use crate::App;
use crate::errors::{self, OpResult};
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_store::{Invocation, ReadTx, RowCursor, StoredSession};
use outcrop_wire::Timestamp;

/// The id in an identifier, which is an id or an ARN of ours.
pub(super) fn id(app: &App, identifier: &str) -> OpResult<String> {
    match identifier.strip_prefix("arn:") {
        None => Ok(identifier.to_owned()),
        Some(_) => identifier.strip_prefix(&arn(app, "")).map(str::to_owned).ok_or_else(errors::not_found),
    }
}

/// ARN of a session.
pub(super) fn arn(app: &App, id: &str) -> String {
    app.arn(&format!("session/{id}"))
}

/// The session, or the caller's error.
pub(super) fn find(tx: &ReadTx<'_>, id: &str) -> OpResult<StoredSession> {
    tx.stored_session(id)?.ok_or_else(errors::not_found)
}

/// The session if it may be written, or the caller's error.
pub(super) fn writable(app: &App, tx: &ReadTx<'_>, id: &str, now: Timestamp) -> OpResult<StoredSession> {
    let session = find(tx, id)?;
    match status(app, &session, now) {
        api::SessionStatus::Active => Ok(session),
        other => Err(errors::conflict(format!(
            "The session {id} has the status {other}: its content can be read, and no more written. Create another session."
        ))),
    }
}

/// The session's invocation, or the caller's error.
pub(super) fn invocation(tx: &ReadTx<'_>, session: &StoredSession, id: &str) -> OpResult<Invocation> {
    tx.invocation(session.number, id)?.ok_or_else(errors::not_found)
}

/// Ended on request, expired where an idle time is configured and over, else active.
pub(super) fn status(app: &App, session: &StoredSession, now: Timestamp) -> api::SessionStatus {
    let idle_millis = u128::try_from(now.millis_since(session.updated_at)).unwrap_or(0);
    let is_idle = app.settings.session_store.idle_timeout.is_some_and(|timeout| idle_millis > timeout.as_millis());
    match (session.ended, is_idle) {
        (true, _) => api::SessionStatus::Ended,
        (false, true) => api::SessionStatus::Expired,
        (false, false) => api::SessionStatus::Active,
    }
}

/// A count with one more, for quotas.
pub(super) fn one_more(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).saturating_add(1)
}

/// Where a page goes on, from the token for it.
pub(super) fn place(list: &str, of: &str, token: Option<&str>) -> OpResult<Option<RowCursor>> {
    token.map(|token| RowCursor::parse(list, of, token).ok_or_else(errors::bad_token)).transpose()
}
