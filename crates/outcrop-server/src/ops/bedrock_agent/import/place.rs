//! Which ids agents, groups and aliases get. An id is kept where it is wanted and free, so that programs that know it find
//! the agent again; the server decides.

use super::read::{Agent, Content};
use crate::App;
use crate::agents::documents::StoredAgent;
use crate::errors::{self, ApiError, OpResult};
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, ReadTx};
use std::collections::{BTreeMap, BTreeSet};

/// Ids of one agent.
pub(super) struct Place {
    pub(super) agent_id: String,
    /// The agent that goes.
    pub(super) replaces: Option<Box<StoredAgent>>,
    /// In the order of the agent's aliases.
    pub(super) alias_ids: Vec<String>,
    /// Ids of groups and collaborators, by what [`key`] says.
    part_ids: BTreeMap<String, String>,
    pub(super) notes: Vec<String>,
}

/// What is known of an agent before its ids are chosen.
struct Found {
    /// The agent that has the name now, with ids of its aliases by name.
    replaces: Option<(Box<StoredAgent>, BTreeMap<String, String>)>,
    wanted_is_free: bool,
}

/// Chooses ids.
pub(super) async fn places(app: &App, agents: &[Agent], new_ids: bool, replace: bool) -> OpResult<Vec<Place>> {
    let wanted: Vec<(String, Option<String>)> =
        agents.iter().map(|agent| (agent.name.clone(), agent.wanted_id.clone())).collect();
    let look = move |tx: &ReadTx<'_>| {
        wanted.iter().map(|(name, id)| find(tx, name, id.as_deref())).collect::<Result<Vec<_>, ApiError>>()
    };
    let found = app.store.read(look).await?;
    let mut taken = BTreeSet::new();
    let mut places = Vec::new();
    for (agent, found) in agents.iter().zip(found) {
        if let Some((old, _)) = &found.replaces
            && !replace
        {
            return Err(errors::conflict(format!(
                "Cannot import the agent {} as an agent with the same name already exists: {}.",
                agent.name, old.agent.agent_id
            )));
        }
        let place = place(app, agent, found, new_ids, &taken);
        taken.insert(place.agent_id.clone());
        places.push(place);
    }
    Ok(places)
}

fn find(tx: &ReadTx<'_>, name: &str, wanted_id: Option<&str>) -> Result<Found, ApiError> {
    let wanted_is_free = match wanted_id {
        Some(id) => !tx.exists(Kind::Agent, "", id)?,
        None => false,
    };
    let Some(old) = tx.find_by_name::<StoredAgent>(Kind::Agent, "", name)? else {
        return Ok(Found { replaces: None, wanted_is_free });
    };
    let aliases = tx.list_all::<api::AgentAlias>(Kind::AgentAlias, &old.agent.agent_id)?;
    let by_name = aliases.into_iter().map(|alias| (alias.agent_alias_name, alias.agent_alias_id)).collect();
    Ok(Found { replaces: Some((Box::new(old), by_name)), wanted_is_free })
}

fn place(app: &App, agent: &Agent, found: Found, new_ids: bool, taken: &BTreeSet<String>) -> Place {
    let mut notes = Vec::new();
    let (replaces, known_aliases) = found.replaces.map_or((None, BTreeMap::new()), |(old, ids)| (Some(old), ids));
    let agent_id = match (&replaces, &agent.wanted_id) {
        (Some(old), _) => old.agent.agent_id.clone(),
        (None, Some(id)) if !new_ids && found.wanted_is_free && !taken.contains(id) => id.clone(),
        (None, wanted) => {
            if let Some(id) = wanted.as_ref().filter(|_| !new_ids) {
                notes.push(format!("the id {id} is taken; it has a new one"));
            }
            app.ids.resource_id()
        }
    };
    let mut used: BTreeSet<String> = known_aliases.values().cloned().collect();
    let mut alias_ids = Vec::new();
    for alias in &agent.aliases {
        let wanted = alias.wanted_id.as_ref().filter(|id| !new_ids && !used.contains(*id));
        let known = known_aliases.get(&alias.request.agent_alias_name);
        let id = known.or(wanted).cloned().unwrap_or_else(|| app.ids.resource_id());
        used.insert(id.clone());
        alias_ids.push(id);
    }
    let part_ids = part_ids(app, agent, new_ids);
    Place { agent_id, replaces, alias_ids, part_ids, notes }
}

/// A group or collaborator that is in several versions has one id in all of them.
fn part_ids(app: &App, agent: &Agent, new_ids: bool) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for content in agent.versions.values().chain([&agent.draft]) {
        let parts = [Part::groups(content), Part::collaborators(content)];
        for Part { kind, wanted_id, name } in parts.into_iter().flatten() {
            let wanted = wanted_id.cloned().filter(|_| !new_ids);
            let id = || wanted.unwrap_or_else(|| app.ids.resource_id());
            ids.entry(key(kind, wanted_id, name)).or_insert_with(id);
        }
    }
    ids
}

/// A group or collaborator, as far as ids go.
struct Part<'a> {
    kind: char,
    wanted_id: Option<&'a String>,
    name: &'a str,
}

impl<'a> Part<'a> {
    fn groups(content: &'a Content) -> Vec<Self> {
        let part = |group: &'a super::read::Group| Self {
            kind: 'g',
            wanted_id: group.wanted_id.as_ref(),
            name: &group.request.action_group_name,
        };
        content.groups.iter().map(part).collect()
    }

    fn collaborators(content: &'a Content) -> Vec<Self> {
        let part = |one: &'a super::read::Collaborator| Self {
            kind: 'c',
            wanted_id: one.wanted_id.as_ref(),
            name: &one.request.collaborator_name,
        };
        content.collaborators.iter().map(part).collect()
    }
}

/// What makes a part of two versions the same: its wanted id or, without one, its name.
fn key(kind: char, wanted_id: Option<&String>, name: &str) -> String {
    format!("{kind} {}", wanted_id.map_or(name, String::as_str))
}

impl Place {
    /// Ids of a content's groups, in their order.
    pub(super) fn of_groups(&self, app: &App, content: &Content) -> Vec<String> {
        self.of_parts(app, &Part::groups(content))
    }

    /// Ids of a content's collaborators, in their order.
    pub(super) fn of_collaborators(&self, app: &App, content: &Content) -> Vec<String> {
        self.of_parts(app, &Part::collaborators(content))
    }

    /// Two parts of one content never share an id.
    fn of_parts(&self, app: &App, parts: &[Part<'_>]) -> Vec<String> {
        let mut used = BTreeSet::new();
        let mut ids = Vec::new();
        for Part { kind, wanted_id, name } in parts {
            let known = self.part_ids.get(&key(*kind, *wanted_id, name)).cloned();
            let id = known.filter(|id| !used.contains(id)).unwrap_or_else(|| app.ids.resource_id());
            used.insert(id.clone());
            ids.push(id);
        }
        ids
    }
}
