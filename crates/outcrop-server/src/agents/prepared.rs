//! Prepared agents in memory, by snapshot and by the alias they are called through.

use super::documents::{DRAFT, StoredVersion, TEST_ALIAS_ID, agent, alias};
use crate::App;
use crate::errors::{self, ApiError, OpResult};
use outcrop_api::bedrock_agent as api;
use outcrop_planner::{PreparedAgent, Snapshot};
use outcrop_store::{Kind, snapshot_hash};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Snapshots and targets kept in memory; when one more comes, all are let go and read again as they are needed.
const KEPT_MAX: usize = 4_096;

/// What an invocation through an alias runs.
#[derive(Debug)]
pub struct Target {
    /// The agent; for one that came with its request, what keeps its sessions apart.
    pub agent_id: Arc<str>,
    /// The alias.
    pub alias_id: Arc<str>,
    /// ARN of the alias.
    pub alias_arn: Arc<str>,
    /// `DRAFT` or a number.
    pub version: Arc<str>,
    /// Hash of the snapshot.
    pub snapshot: Arc<str>,
    /// The snapshot, compiled.
    pub prepared: Arc<PreparedAgent>,
}

/// The caches. Every change of an agent or alias through this process bumps the generation, which empties the targets;
/// snapshots never change.
#[derive(Default)]
pub struct PreparedAgents {
    generation: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    generation: u64,
    targets: HashMap<String, HashMap<String, Arc<Target>>>,
    snapshots: HashMap<String, Arc<PreparedAgent>>,
}

impl PreparedAgents {
    /// To be called after every change of an agent, version or alias was committed.
    pub fn changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether these are ids of a target in memory: then they need not be looked up.
    pub fn knows(&self, agent_id: &str, alias_id: Option<&str>) -> bool {
        alias_id.is_some_and(|alias_id| self.kept_target(agent_id, alias_id).is_some())
    }

    /// What an invocation through this alias runs.
    pub async fn target(&self, app: &App, agent_id: &str, alias_id: &str) -> OpResult<Arc<Target>> {
        if let Some(target) = self.kept_target(agent_id, alias_id) {
            return Ok(target);
        }
        // Read before the data: a change in between makes what is read now old at once.
        let generation = self.generation.load(Ordering::Acquire);
        let (agent_text, alias_text) = (agent_id.to_owned(), alias_id.to_owned());
        let alias_arn = app.alias_arn(agent_id, alias_id);
        let arn = alias_arn.clone();
        let (version, snapshot) = app
            .store
            .read(move |tx| {
                let stored = agent(tx, &agent_text)?;
                let alias = alias(tx, &stored, &alias_text, arn)?;
                if alias.alias_invocation_state == Some(api::AliasInvocationState::RejectInvocations) {
                    return Err(errors::validation(format!("The alias {alias_text} is in state REJECT_INVOCATIONS and takes no invocations. Set its aliasInvocationState to ACCEPT_INVOCATIONS.")));
                }
                if alias_text == TEST_ALIAS_ID {
                    let snapshot = stored.snapshot.ok_or_else(|| errors::validation(format!("The agent {agent_text} is not prepared. Call PrepareAgent first.")))?;
                    return Ok((DRAFT.to_owned(), snapshot));
                }
                let version = alias.routing_configuration.into_iter().next().and_then(|item| item.agent_version).ok_or_else(errors::not_found)?;
                let stored = tx.get::<StoredVersion>(Kind::AgentVersion, &agent_text, &version)?.ok_or_else(errors::not_found)?;
                Ok::<_, ApiError>((version, stored.snapshot))
            })
            .await?;
        let Some(prepared) = self.by_hash(app, &snapshot).await? else {
            tracing::error!(agent_id, snapshot, "a snapshot is gone");
            return Err(errors::internal());
        };
        let target = Arc::new(Target {
            agent_id: agent_id.into(),
            alias_id: alias_id.into(),
            alias_arn: alias_arn.into(),
            version: version.into(),
            snapshot: snapshot.into(),
            prepared,
        });
        self.with(|kept| {
            if kept.generation != generation || kept.targets.len() >= KEPT_MAX {
                kept.targets.clear();
                kept.generation = generation;
            }
            kept.targets.entry(agent_id.to_owned()).or_default().insert(alias_id.to_owned(), target.clone());
        });
        Ok(target)
    }

    /// The compiled snapshot of a hash; `None` when there is none.
    pub async fn by_hash(&self, app: &App, hash: &str) -> OpResult<Option<Arc<PreparedAgent>>> {
        if let Some(prepared) = self.with(|kept| kept.snapshots.get(hash).cloned()) {
            return Ok(Some(prepared));
        }
        let wanted = hash.to_owned();
        let Some(snapshot) = app.store.read(move |tx| Ok::<_, ApiError>(tx.snapshot::<Snapshot>(&wanted)?)).await?
        else {
            return Ok(None);
        };
        // Away from the threads that answer requests: large documents take a while.
        let compiled = tokio::task::spawn_blocking(move || outcrop_planner::prepare::prepare(&snapshot)).await;
        let compiled = compiled.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "compiling an agent panicked");
            errors::internal()
        })?;
        let prepared = compiled.map_err(|error| {
            // It was compiled when it was prepared; another version of this program may think otherwise.
            errors::validation(format!("The agent cannot run as it was prepared: {error}. Prepare it again."))
        })?;
        let prepared = Arc::new(prepared);
        self.keep_snapshot(hash, &prepared);
        Ok(Some(prepared))
    }

    /// Compiles and keeps an agent that came with a request; its hash and what runs. One that is in memory is not
    /// written again.
    pub async fn by_content(&self, app: &App, snapshot: Snapshot) -> OpResult<(String, Arc<PreparedAgent>)> {
        let document = serde_json::to_vec(&snapshot).expect("shapes have string keys and no failing members");
        let hash = snapshot_hash(&document);
        if let Some(prepared) = self.with(|kept| kept.snapshots.get(&hash).cloned()) {
            return Ok((hash, prepared));
        }
        let compiled = tokio::task::spawn_blocking(move || {
            outcrop_planner::prepare::prepare(&snapshot).map(|prepared| (prepared, snapshot))
        });
        let compiled = compiled.await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "compiling an agent panicked");
            errors::internal()
        })?;
        let (prepared, snapshot) = compiled.map_err(|error| errors::validation(error.to_string()))?;
        let kept_hash = app.store.write(move |tx| Ok::<_, ApiError>(tx.put_snapshot(&snapshot)?)).await?;
        debug_assert_eq!(kept_hash, hash, "the store hashes the same bytes");
        let prepared = Arc::new(prepared);
        self.keep_snapshot(&kept_hash, &prepared);
        Ok((kept_hash, prepared))
    }

    fn keep_snapshot(&self, hash: &str, prepared: &Arc<PreparedAgent>) {
        self.with(|kept| {
            if kept.snapshots.len() >= KEPT_MAX {
                kept.snapshots.clear();
            }
            kept.snapshots.insert(hash.to_owned(), prepared.clone());
        });
    }

    fn kept_target(&self, agent_id: &str, alias_id: &str) -> Option<Arc<Target>> {
        let generation = self.generation.load(Ordering::Acquire);
        self.with(|kept| match kept.generation == generation {
            true => kept.targets.get(agent_id)?.get(alias_id).cloned(),
            false => None,
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        // The maps are whole even if a holder panicked: no change of them can be half done.
        look(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
