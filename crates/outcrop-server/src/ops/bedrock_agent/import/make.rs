//! Documents and snapshots of imported agents. What cannot be prepared here is kept all the same, and noted.

mod parts;

use super::place::Place;
use super::read::{Agent, Alias, Content};
use crate::App;
use crate::agents::documents::{DRAFT, StoredAgent, TEST_ALIAS_ID, end_period, route_alias};
use crate::agents::versions::version_document;
use crate::errors::OpResult;
use crate::ops::bedrock_agent::create_agent;
use crate::ops::bedrock_agent::prepare_agent::{Draft, compile, set_failed, snapshot_of};
use outcrop_api::bedrock_agent as api;
use outcrop_planner::Snapshot;
use outcrop_wire::Timestamp;
pub(super) use parts::Parts;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Documents of one agent, ready to be written.
pub(super) struct Made {
    pub(super) stored: StoredAgent,
    pub(super) is_replacement: bool,
    /// Set when the draft was prepared.
    pub(super) snapshot: Option<Snapshot>,
    pub(super) parts: Parts,
    pub(super) versions: Vec<Version>,
    pub(super) aliases: Vec<(api::AgentAlias, BTreeMap<String, String>)>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) test_alias_tags: BTreeMap<String, String>,
    pub(super) notes: Vec<String>,
}

/// Documents of a version.
pub(super) struct Version {
    pub(super) document: api::AgentVersion,
    pub(super) parts: Parts,
    pub(super) snapshot: Snapshot,
}

/// ARNs of aliases of the request, by `AGENT/ALIAS`.
type AliasArns = BTreeMap<String, String>;

/// Makes the documents of all agents.
pub(super) async fn documents(app: &Arc<App>, agents: &[Agent], places: &[Place]) -> OpResult<Vec<Made>> {
    let now = app.clock.now().to_micros();
    let mut arns = AliasArns::new();
    for (agent, place) in agents.iter().zip(places) {
        let of = |alias: &str, id: &str| (format!("{}/{alias}", agent.name), app.alias_arn(&place.agent_id, id));
        arns.extend([of(TEST_ALIAS_ID, TEST_ALIAS_ID)]);
        let aliases = agent.aliases.iter().zip(&place.alias_ids);
        arns.extend(aliases.map(|(alias, id)| of(&alias.request.agent_alias_name, id)));
    }
    let mut made = Vec::new();
    for (agent, place) in agents.iter().zip(places) {
        let work = Work { app, agent, place, arns: &arns, now };
        made.push(work.document().await.map_err(|error| super::read::within(&format!("agent {}", agent.name), error))?);
    }
    Ok(made)
}

/// One agent in the making.
struct Work<'a> {
    app: &'a Arc<App>,
    agent: &'a Agent,
    place: &'a Place,
    arns: &'a AliasArns,
    now: Timestamp,
}

impl Work<'_> {
    async fn document(&self) -> OpResult<Made> {
        let (agent, place) = (self.agent, self.place);
        let mut notes = place.notes.clone();
        let mut versions = Vec::new();
        for (number, content) in &agent.versions {
            versions.push(self.version(content, &number.to_string(), &mut notes).await?);
        }
        let (mut draft, parts, read) = self.content(&agent.draft, DRAFT).await?;
        // As if the parts had been made one after the other; an agent is prepared after its last change.
        draft.updated_at = parts.last_change().unwrap_or(self.now);
        if let Some(old) = &place.replaces {
            draft.created_at = old.agent.created_at;
        }
        if !read.missing_bases.is_empty() {
            let missing = read.missing_bases.join(", ");
            notes.push(format!("its associations with the knowledge bases {missing} are kept, and these are not here"));
        }
        let mut snapshot = None;
        if agent.prepared {
            let (kept, problems) = compile_draft(draft.clone(), read).await?;
            draft.prepared_at = Some(draft.updated_at);
            if problems.is_empty() {
                draft.agent_status = api::AgentStatus::Prepared;
                snapshot = Some(kept);
            } else {
                notes.push(format!("the draft is kept, but cannot be prepared here: {}", problems.join("; ")));
                set_failed(&mut draft, &problems);
            }
        }
        let aliases = agent.aliases.iter().zip(&place.alias_ids);
        let aliases = aliases.map(|(alias, id)| (self.alias(alias, id), alias.tags.clone())).collect();
        let mut stored = StoredAgent::new(draft);
        stored.latest_version = agent.versions.keys().last().copied().unwrap_or_default();
        let before = place.replaces.as_ref().map_or(0, |old| old.last_version);
        stored.last_version = stored.latest_version.max(last_mentioned(agent)).max(before);
        Ok(Made {
            stored,
            is_replacement: place.replaces.is_some(),
            snapshot,
            parts,
            versions,
            aliases,
            tags: agent.tags.clone(),
            test_alias_tags: agent.test_alias_tags.clone(),
            notes,
        })
    }

    async fn version(&self, content: &Content, number: &str, notes: &mut Vec<String>) -> OpResult<Version> {
        let (mut as_agent, parts, read) = self.content(content, number).await?;
        // The service does not show these of a version; they are what the draft has.
        let draft = &self.agent.draft.agent;
        as_agent.orchestration_type = draft.orchestration_type.or(as_agent.orchestration_type);
        as_agent.custom_orchestration.clone_from(&draft.custom_orchestration);
        let mut document = version_document(&as_agent, number, self.now);
        let (snapshot, problems) = compile_draft(as_agent.clone(), read).await?;
        if !problems.is_empty() {
            notes.push(format!("version {number} is kept, but cannot run here: {}", problems.join("; ")));
            set_failed(&mut as_agent, &problems);
            document.agent_status = as_agent.agent_status;
            document.failure_reasons = as_agent.failure_reasons;
        }
        Ok(Version { document, parts, snapshot })
    }

    /// The agent's document, its parts as they are stored, and as they are compiled.
    async fn content(&self, content: &Content, version: &str) -> OpResult<(api::Agent, Parts, parts::Compiled)> {
        let id = self.place.agent_id.clone();
        let agent = create_agent::document(self.app, id, self.now, content.agent.clone());
        let (parts, compiled) = parts::of(self, content, version).await?;
        Ok((agent, parts, compiled))
    }

    fn alias(&self, alias: &Alias, id: &str) -> api::AgentAlias {
        let (request, now, agent_id) = (&alias.request, self.now, &self.place.agent_id);
        let mut document = api::AgentAlias {
            agent_id: agent_id.clone(),
            agent_alias_id: id.to_owned(),
            agent_alias_name: request.agent_alias_name.clone(),
            agent_alias_arn: self.app.alias_arn(agent_id, id),
            client_token: None,
            description: request.description.clone(),
            routing_configuration: Vec::new(),
            created_at: now,
            updated_at: now,
            agent_alias_history_events: None,
            agent_alias_status: api::AgentAliasStatus::Prepared,
            failure_reasons: None,
            alias_invocation_state: Some(
                request.alias_invocation_state.unwrap_or(api::AliasInvocationState::AcceptInvocations),
            ),
        };
        for routing in alias.history.iter().rev() {
            route_alias(&mut document, routing.clone(), now);
        }
        match request.routing_configuration.clone().filter(|routing| !routing.is_empty()) {
            Some(routing) => route_alias(&mut document, routing, now),
            None => {
                end_period(&mut document, now);
                document.routing_configuration = Vec::new();
                document.agent_alias_status = api::AgentAliasStatus::Dissociated;
            }
        }
        document
    }
}

/// Compiles an agent with its parts, as PrepareAgent does.
async fn compile_draft(agent: api::Agent, read: parts::Compiled) -> OpResult<(Snapshot, Vec<String>)> {
    let parts::Compiled { groups, mut collaborators, knowledge_bases, mut problems, gone, .. } = read;
    let mode = agent.agent_collaboration.unwrap_or(api::AgentCollaboration::Disabled);
    match (mode, collaborators.is_empty()) {
        (api::AgentCollaboration::Disabled, _) => collaborators.clear(),
        (mode, true) => problems
            .push(format!("The AgentCollaboration attribute is set to {mode} but no agent collaborators are added.")),
        _ => problems.extend(gone),
    }
    let stored = StoredAgent::new(agent);
    let draft = Draft { stored, groups, collaborators, knowledge_bases, problems: Vec::new() };
    compile(snapshot_of(draft), problems).await
}

/// The highest number that an alias remembers: numbers are not used again.
fn last_mentioned(agent: &Agent) -> u32 {
    let routings = agent.aliases.iter().flat_map(|alias| &alias.history).flatten();
    routings.filter_map(|item| item.agent_version.as_ref()?.parse().ok()).max().unwrap_or_default()
}
