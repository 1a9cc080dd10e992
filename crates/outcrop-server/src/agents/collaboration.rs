//! Who collaborates with whom: kept the other way round as well, so that an alias in use is known without a search.

use super::documents::{DRAFT, StoredAgent, TEST_ALIAS_ID, version_parent};
use crate::App;
use crate::errors::{self, OpResult};
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, ReadTx, Resource, Tx};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};

/// In place of a version's number: what was last prepared from the draft.
const PREPARED: &str = "PREPARED";
/// Supervisors of supervisors that are looked at before a chain is taken for too long.
const ANCESTORS_MAX: usize = 10_000;

/// An alias that another agent works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// The agent.
    pub agent_id: String,
    /// Its alias.
    pub alias_id: String,
}

impl Partner {
    /// From an ARN that the model's pattern let through; `None` for one of another account or region.
    pub fn of_arn(app: &App, arn: &str) -> Option<Self> {
        let (agent_id, alias_id) = arn.strip_prefix(&app.arn("agent-alias/"))?.split_once('/')?;
        Some(Self { agent_id: agent_id.to_owned(), alias_id: alias_id.to_owned() })
    }

    /// The end of any alias ARN, without a look at where it leads.
    fn of_any_arn(arn: &str) -> Option<Self> {
        let (rest, alias_id) = arn.rsplit_once('/')?;
        let (_, agent_id) = rest.rsplit_once('/')?;
        Some(Self { agent_id: agent_id.to_owned(), alias_id: alias_id.to_owned() })
    }

    /// The form in which it is kept beside what was prepared.
    fn text(&self) -> String {
        format!("{}/{}", self.agent_id, self.alias_id)
    }

    fn of_text(text: &str) -> Option<Self> {
        let (agent_id, alias_id) = text.split_once('/')?;
        Some(Self { agent_id: agent_id.to_owned(), alias_id: alias_id.to_owned() })
    }
}

/// One agent's use of one alias. Parent: the agent that is used; id: alias and user.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Use {
    /// The alias that is used.
    alias_id: String,
    /// Who uses it.
    user: String,
    /// By which version: `DRAFT`, a number, or what was prepared.
    versions: BTreeSet<String>,
}

/// Checks that an agent may work with an alias: it exists, can run, and leads to nobody who works with the agent.
///
/// # Errors
/// Not found for an alias that is not there; validation for the rest.
pub fn check(tx: &ReadTx<'_>, app: &App, stored: &StoredAgent, alias_arn: Option<&str>) -> OpResult<Partner> {
    let place = "agentDescriptor.aliasArn";
    let agent = &stored.agent;
    if matches!(agent.agent_collaboration, None | Some(api::AgentCollaboration::Disabled)) {
        return Err(errors::invalid_field(
            "agentCollaboration",
            format!(
                "Agent {} can have no collaborators: its agentCollaboration is DISABLED. Set it to SUPERVISOR or SUPERVISOR_ROUTER with UpdateAgent first.",
                agent.agent_id
            ),
        ));
    }
    let Some(arn) = alias_arn else {
        return Err(errors::invalid_field(place, "agentDescriptor needs the aliasArn of the collaborator."));
    };
    let partner = Partner::of_arn(app, arn).ok_or_else(errors::not_found)?;
    let other: StoredAgent = tx.get(Kind::Agent, "", &partner.agent_id)?.ok_or_else(errors::not_found)?;
    if partner.alias_id == TEST_ALIAS_ID {
        if other.snapshot.is_none() {
            let id = &partner.agent_id;
            let message =
                format!("The agent {id} was never prepared, so its test alias leads nowhere. Prepare it first.");
            return Err(errors::invalid_field(place, message));
        }
    } else if !tx.exists(Kind::AgentAlias, &partner.agent_id, &partner.alias_id)? {
        return Err(errors::not_found());
    }
    check_circle(tx, &partner, &agent.agent_id)?;
    Ok(partner)
}

/// Checks that an alias leads to nobody who works with the agent.
pub fn check_circle(tx: &ReadTx<'_>, partner: &Partner, agent_id: &str) -> OpResult<()> {
    let place = "agentDescriptor.aliasArn";
    if partner.agent_id == agent_id {
        return Err(errors::invalid_field(place, "An agent cannot be its own collaborator."));
    }
    if is_ancestor(tx, &partner.agent_id, agent_id)? {
        let message = format!(
            "Agent {} cannot be a collaborator of agent {agent_id}: it works with that agent itself, directly or through its own collaborators.",
            partner.agent_id
        );
        return Err(errors::invalid_field(place, message));
    }
    Ok(())
}

/// Whether one agent works with another, in whatever version and through however many others. Aliases can be led to any
/// version later, so all versions count.
fn is_ancestor(tx: &ReadTx<'_>, agent_id: &str, of: &str) -> OpResult<bool> {
    let mut seen = HashSet::from([of.to_owned()]);
    let mut left = vec![of.to_owned()];
    while let Some(used) = left.pop() {
        for one in tx.list_all::<Use>(Kind::AliasUse, &used)? {
            if one.user == agent_id {
                return Ok(true);
            }
            if seen.insert(one.user.clone()) {
                left.push(one.user);
            }
        }
        if seen.len() > ANCESTORS_MAX {
            return Err(errors::validation("The agent has too many supervisors above it."));
        }
    }
    Ok(false)
}

/// The agents that work with an agent, through any of its aliases or through one of them: by their draft, by what was last
/// prepared of it, or by a version that an alias leads to. Other versions cannot be called and hold nothing.
pub fn users(tx: &ReadTx<'_>, agent_id: &str, alias_id: Option<&str>) -> OpResult<BTreeSet<String>> {
    let mut users = BTreeSet::new();
    for one in tx.list_all::<Use>(Kind::AliasUse, agent_id)? {
        if alias_id.is_none_or(|alias_id| one.alias_id == alias_id) && is_live(tx, &one)? {
            users.insert(one.user);
        }
    }
    Ok(users)
}

fn is_live(tx: &ReadTx<'_>, one: &Use) -> OpResult<bool> {
    if one.versions.contains(DRAFT) || one.versions.contains(PREPARED) {
        return Ok(true);
    }
    let aliases: Vec<api::AgentAlias> = tx.list_all(Kind::AgentAlias, &one.user)?;
    let leads_to_it = |item: &api::AgentAliasRoutingConfigurationListItem| {
        item.agent_version.as_ref().is_some_and(|version| one.versions.contains(version))
    };
    Ok(aliases.iter().any(|alias| alias.routing_configuration.iter().any(leads_to_it)))
}

/// Notes that a collaborator's version uses its alias.
pub fn hold(tx: &mut Tx<'_>, collaborator: &api::AgentCollaborator) -> OpResult<()> {
    match collaborator.agent_descriptor.alias_arn.as_deref().and_then(Partner::of_any_arn) {
        Some(partner) => note(tx, &partner, &collaborator.agent_id, &collaborator.agent_version, true),
        None => Ok(()),
    }
}

/// Notes that a collaborator of this version is gone; to be called after it was deleted. Another one of the same version
/// may still use the alias.
pub fn release(tx: &mut Tx<'_>, collaborator: &api::AgentCollaborator) -> OpResult<()> {
    let parent = version_parent(&collaborator.agent_id, &collaborator.agent_version);
    let others = tx.list_all::<api::AgentCollaborator>(Kind::Collaborator, &parent)?;
    if others.iter().any(|other| other.agent_descriptor == collaborator.agent_descriptor) {
        return Ok(());
    }
    match collaborator.agent_descriptor.alias_arn.as_deref().and_then(Partner::of_any_arn) {
        Some(partner) => note(tx, &partner, &collaborator.agent_id, &collaborator.agent_version, false),
        None => Ok(()),
    }
}

/// What is prepared now uses these collaborators and no longer those of before.
pub fn hold_prepared(
    tx: &mut Tx<'_>,
    stored: &mut StoredAgent,
    collaborators: &[api::AgentCollaborator],
) -> OpResult<()> {
    let arns = collaborators.iter().filter_map(|one| one.agent_descriptor.alias_arn.as_deref());
    let now: BTreeSet<String> = arns.filter_map(Partner::of_any_arn).map(|partner| partner.text()).collect();
    let before = std::mem::replace(&mut stored.prepared_collaborators, now.iter().cloned().collect());
    let user = stored.agent.agent_id.as_str();
    for gone in before.iter().filter(|one| !now.contains(*one)).filter_map(|text| Partner::of_text(text)) {
        note(tx, &gone, user, PREPARED, false)?;
    }
    for held in now.iter().filter(|one| !before.contains(one)).filter_map(|text| Partner::of_text(text)) {
        note(tx, &held, user, PREPARED, true)?;
    }
    Ok(())
}

fn note(tx: &mut Tx<'_>, partner: &Partner, user: &str, version: &str, holds: bool) -> OpResult<()> {
    let id = format!("{}/{user}", partner.alias_id);
    let mut one = tx.get(Kind::AliasUse, &partner.agent_id, &id)?.unwrap_or_else(|| Use {
        alias_id: partner.alias_id.clone(),
        user: user.to_owned(),
        versions: BTreeSet::new(),
    });
    match holds {
        true => one.versions.insert(version.to_owned()),
        false => one.versions.remove(version),
    };
    if one.versions.is_empty() {
        tx.delete(Kind::AliasUse, &partner.agent_id, &id)?;
        return Ok(());
    }
    // Nobody sees when: the times are for lists.
    let at = Timestamp::from_nanos(0);
    let resource = Resource {
        kind: Kind::AliasUse,
        parent: &partner.agent_id,
        id: &id,
        name: None,
        created_at: at,
        updated_at: at,
    };
    tx.put(&resource, &one).map_err(super::documents::put_error)
}

/// The collaborators of the draft, in the order in which they were added.
pub fn of_draft(tx: &ReadTx<'_>, agent_id: &str) -> OpResult<Vec<api::AgentCollaborator>> {
    let mut all: Vec<api::AgentCollaborator> = tx.list_all(Kind::Collaborator, &version_parent(agent_id, DRAFT))?;
    all.sort_by(|a, b| (a.created_at, &a.collaborator_id).cmp(&(b.created_at, &b.collaborator_id)));
    Ok(all)
}

/// Collaborators whose alias is gone, each in words.
pub fn gone(tx: &ReadTx<'_>, app: &App, collaborators: &[api::AgentCollaborator]) -> OpResult<Vec<String>> {
    let mut problems = Vec::new();
    for one in collaborators {
        let partner = one.agent_descriptor.alias_arn.as_deref().and_then(|arn| Partner::of_arn(app, arn));
        let exists = match &partner {
            Some(Partner { agent_id, alias_id }) if alias_id == TEST_ALIAS_ID => {
                tx.exists(Kind::Agent, "", agent_id)?
            }
            Some(Partner { agent_id, alias_id }) => tx.exists(Kind::AgentAlias, agent_id, alias_id)?,
            None => false,
        };
        if !exists {
            let arn = one.agent_descriptor.alias_arn.as_deref().unwrap_or_default();
            problems.push(format!("collaborator {}: the agent alias {arn} does not exist", one.collaborator_name));
        }
    }
    Ok(problems)
}
