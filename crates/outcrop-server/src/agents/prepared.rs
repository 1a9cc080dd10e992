//! Prepared agents in memory, by snapshot and by the alias they are called through.

use super::controls::Controls;
use super::documents::{DRAFT, StoredVersion, TEST_ALIAS_ID, agent, alias};
use crate::App;
use crate::errors::{self, ApiError, OpResult};
use moka::sync::Cache;
use outcrop_api::bedrock_agent as api;
use outcrop_planner::prepare::{PrepareError, prepare};
use outcrop_planner::{PreparedAgent, Snapshot};
use outcrop_store::{Kind, snapshot_hash};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Memory for compiled snapshots, in bytes as [`weight`] estimates them: some twenty thousand small agents. Targets have
/// as much, most of which they share with the snapshots. What was used least goes first, and is compiled again when it is
/// needed.
const KEPT_BYTES: u64 = 256 << 20;
/// Ids of agents kept in memory; when one more comes, all are let go and looked up again as they are needed.
const IDS_MAX: usize = 65_536;

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
    /// What tags of alias and agent say of its turns.
    pub controls: Controls,
}

/// The caches. Every change of an agent or alias bumps the generation, which makes all targets old: this process's own, or
/// where other processes change them too, that of the store. Snapshots never change.
pub struct PreparedAgents {
    generation: AtomicU64,
    targets: Cache<String, Arc<Aged>>,
    snapshots: Cache<String, Arc<PreparedAgent>>,
    ids: Mutex<HashSet<String>>,
}

/// A target, and the generation before which it was read.
struct Aged {
    generation: Generation,
    target: Arc<Target>,
}

/// What was read is what is there as long as this is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    OfThisProcess(u64),
    OfTheStore(i64),
}

impl Default for PreparedAgents {
    fn default() -> Self {
        let targets = Cache::builder().weigher(|_: &String, aged: &Arc<Aged>| weight(&aged.target.prepared));
        let snapshots = Cache::builder().weigher(|_: &String, prepared: &Arc<PreparedAgent>| weight(prepared));
        Self {
            generation: AtomicU64::default(),
            targets: targets.max_capacity(KEPT_BYTES).build(),
            snapshots: snapshots.max_capacity(KEPT_BYTES).build(),
            ids: Mutex::default(),
        }
    }
}

/// Bytes that a prepared agent takes, roughly: its parts stand in it as text and taken apart.
fn weight(prepared: &PreparedAgent) -> u32 {
    const OF_ITS_OWN: usize = 4_096;
    u32::try_from(prepared.source_bytes.saturating_mul(4).saturating_add(OF_ITS_OWN)).unwrap_or(u32::MAX)
}

impl PreparedAgents {
    /// To be called after every change of an agent, version or alias was committed.
    pub fn changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether these are known to be ids: then they need not be looked up. An agent that another process deleted may
    /// still be known here; the operation then finds it gone.
    pub fn knows(&self, agent_id: &str, alias_id: Option<&str>) -> bool {
        match alias_id {
            Some(alias_id) => match self.targets.get(&target_key(agent_id, alias_id)) {
                Some(aged) => {
                    aged.generation == self.own_generation() || matches!(aged.generation, Generation::OfTheStore(_))
                }
                None => false,
            },
            None => self.ids().contains(agent_id),
        }
    }

    /// To be called with the id of an agent that was found.
    pub fn found(&self, agent_id: &str) {
        let mut ids = self.ids();
        if ids.len() >= IDS_MAX {
            ids.clear();
        }
        ids.insert(agent_id.to_owned());
    }

    /// To be called after an agent's deletion was committed.
    pub fn deleted(&self, agent_id: &str) {
        self.ids().remove(agent_id);
        self.changed();
    }

    /// What an invocation through this alias runs.
    pub async fn target(&self, app: &App, agent_id: &str, alias_id: &str) -> OpResult<Arc<Target>> {
        // Read before the data: a change in between makes what is read now old at once.
        let generation = app.store.changes().await?.map_or_else(|| self.own_generation(), Generation::OfTheStore);
        if let Some(target) = self.kept_target(agent_id, alias_id, generation) {
            return Ok(target);
        }
        let (agent_text, alias_text) = (agent_id.to_owned(), alias_id.to_owned());
        let alias_arn = app.alias_arn(agent_id, alias_id);
        let arn = alias_arn.clone();
        let agent_arn = app.agent_arn(agent_id);
        let (version, snapshot, controls) = app
            .store
            .read(move |tx| {
                let stored = agent(tx, &agent_text)?;
                let controls = Controls::of_tags(&tx.tags(&arn)?)?.over(&Controls::of_tags(&tx.tags(&agent_arn)?)?);
                let alias = alias(tx, &stored, &alias_text, arn)?;
                if alias.alias_invocation_state == Some(api::AliasInvocationState::RejectInvocations) {
                    return Err(errors::validation(format!("The alias {alias_text} is in state REJECT_INVOCATIONS and takes no invocations. Set its aliasInvocationState to ACCEPT_INVOCATIONS.")));
                }
                if alias_text == TEST_ALIAS_ID {
                    let snapshot = stored.snapshot.ok_or_else(|| errors::validation(format!("The agent {agent_text} is not prepared. Call PrepareAgent first.")))?;
                    return Ok((DRAFT.to_owned(), snapshot, controls));
                }
                let version = alias.routing_configuration.into_iter().next().and_then(|item| item.agent_version).ok_or_else(errors::not_found)?;
                let stored = tx.get::<StoredVersion>(Kind::AgentVersion, &agent_text, &version)?.ok_or_else(errors::not_found)?;
                Ok::<_, ApiError>((version, stored.snapshot, controls))
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
            controls,
        });
        self.targets.insert(target_key(agent_id, alias_id), Arc::new(Aged { generation, target: target.clone() }));
        Ok(target)
    }

    /// The compiled snapshot of a hash; `None` when there is none.
    pub async fn by_hash(&self, app: &App, hash: &str) -> OpResult<Option<Arc<PreparedAgent>>> {
        if let Some(prepared) = self.snapshots.get(hash) {
            return Ok(Some(prepared));
        }
        let wanted = hash.to_owned();
        let Some(snapshot) = app.store.read(move |tx| Ok::<_, ApiError>(tx.snapshot::<Snapshot>(&wanted)?)).await?
        else {
            return Ok(None);
        };
        let (compiled, _) = compile(snapshot).await?;
        let prepared = compiled.map_err(|error| {
            // It was compiled when it was prepared; another version of this program may think otherwise.
            errors::validation(format!("The agent cannot run as it was prepared: {error}. Prepare it again."))
        })?;
        let prepared = Arc::new(prepared);
        self.snapshots.insert(hash.to_owned(), prepared.clone());
        Ok(Some(prepared))
    }

    /// Compiles and keeps an agent that came with a request; its hash and what runs. One that is in memory is not
    /// written again.
    pub async fn by_content(&self, app: &App, snapshot: Snapshot) -> OpResult<(String, Arc<PreparedAgent>)> {
        let document = serde_json::to_vec(&snapshot).expect("shapes have string keys and no failing members");
        let hash = snapshot_hash(&document);
        if let Some(prepared) = self.snapshots.get(&hash) {
            return Ok((hash, prepared));
        }
        let (compiled, snapshot) = compile(snapshot).await?;
        let prepared = compiled.map_err(|error| errors::validation(error.to_string()))?;
        let kept_hash = app.store.write(move |tx| Ok::<_, ApiError>(tx.put_snapshot(&snapshot)?)).await?;
        debug_assert_eq!(kept_hash, hash, "the store hashes the same bytes");
        let prepared = Arc::new(prepared);
        self.snapshots.insert(kept_hash.clone(), prepared.clone());
        Ok((kept_hash, prepared))
    }

    fn own_generation(&self) -> Generation {
        Generation::OfThisProcess(self.generation.load(Ordering::Acquire))
    }

    fn kept_target(&self, agent_id: &str, alias_id: &str, generation: Generation) -> Option<Arc<Target>> {
        let aged = self.targets.get(&target_key(agent_id, alias_id))?;
        (aged.generation == generation).then(|| aged.target.clone())
    }

    fn ids(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        // The set is whole even if a holder panicked: no change of it can be half done.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compiles a snapshot and gives it back; a large one away from the threads that answer requests, because it takes a while.
async fn compile(snapshot: Snapshot) -> OpResult<(Result<PreparedAgent, PrepareError>, Snapshot)> {
    const AT_ONCE_BYTES: usize = 32 * 1024;
    if snapshot.source_bytes() <= AT_ONCE_BYTES {
        return Ok((prepare(&snapshot), snapshot));
    }
    tokio::task::spawn_blocking(move || (prepare(&snapshot), snapshot)).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "compiling an agent panicked");
        errors::internal()
    })
}

/// Ids hold no `/`.
fn target_key(agent_id: &str, alias_id: &str) -> String {
    format!("{agent_id}/{alias_id}")
}
