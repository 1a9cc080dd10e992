//! Sessions that run something else than what their alias leads to: forks keep what they were forked with.

use crate::App;
use crate::agents::prepared::Target;
use crate::errors::{self, ApiError, OpResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Whether there is any such session: most servers have none, and their turns need not look for one.
#[derive(Default)]
pub struct Bindings {
    known: AtomicU8,
}

const UNKNOWN: u8 = 0;
const NONE: u8 = 1;
const SOME: u8 = 2;

impl Bindings {
    /// To be called after a session was bound.
    pub(super) fn made(&self) {
        self.known.store(SOME, Ordering::Release);
    }

    async fn are_there(&self, app: &App) -> OpResult<bool> {
        match self.known.load(Ordering::Acquire) {
            NONE => return Ok(false),
            SOME => return Ok(true),
            _ => {}
        }
        let found = app.store.read(|tx| Ok::<_, ApiError>(tx.has_bound_sessions()?)).await?;
        // One that was made meanwhile has said so, and is not unsaid.
        let told = if found { SOME } else { NONE };
        let _ = self.known.compare_exchange(UNKNOWN, told, Ordering::AcqRel, Ordering::Acquire);
        Ok(self.known.load(Ordering::Acquire) == SOME)
    }
}

/// What a turn of the session runs: what the alias leads to, unless the session is bound to something else.
pub async fn bound(app: &Arc<App>, target: Arc<Target>, session_id: &str) -> OpResult<Arc<Target>> {
    // An agent that comes with its request is what the request says.
    if target.prepared.is_inline() || !app.bindings.are_there(app).await? {
        return Ok(target);
    }
    let (agent_id, alias_id, session_id) = (target.agent_id.clone(), target.alias_id.clone(), session_id.to_owned());
    let now = app.clock.now();
    let bound = app.store.read(move |tx| tx.bound_session(&agent_id, &alias_id, &session_id, now)).await?;
    let Some(bound) = bound else { return Ok(target) };
    let prepared = app.prepared.by_hash(app, &bound.snapshot).await?.ok_or_else(|| {
        tracing::error!(snapshot = bound.snapshot, "what a session is bound to is gone");
        errors::internal()
    })?;
    Ok(Arc::new(Target {
        agent_id: target.agent_id.clone(),
        alias_id: target.alias_id.clone(),
        alias_arn: target.alias_arn.clone(),
        version: bound.version.into(),
        snapshot: bound.snapshot.into(),
        prepared,
        controls: target.controls.clone(),
    }))
}
