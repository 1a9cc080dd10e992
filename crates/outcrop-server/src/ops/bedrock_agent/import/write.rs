//! Writes what was made, in one transaction.

use super::make::{Made, Parts, Version};
use super::read::within;
use crate::App;
use crate::agents::collaboration::{self, Partner};
use crate::agents::documents::{
    StoredAgent, StoredVersion, TEST_ALIAS_ID, put_agent, put_alias, put_association, put_collaborator, put_error,
    put_group,
};
use crate::agents::tags;
use crate::errors::{ApiError, OpResult};
use crate::ops::bedrock_agent::delete_agent::delete_everything;
use crate::transfer::{AgentImport, ImportResponse};
use outcrop_store::{Kind, Resource, Tx};
use std::sync::Arc;

/// Writes all agents; `None` when the ids or names they were made for are not as they were.
pub(super) async fn all(app: &Arc<App>, agents: Vec<Made>) -> OpResult<Option<ImportResponse>> {
    let in_store = app.clone();
    let work = move |tx: &mut Tx<'_>| {
        for made in &agents {
            if !is_as_it_was(tx, made)? {
                return Ok(None);
            }
        }
        // Before any is written: agents that are replaced may have worked with each other the other way round.
        for made in agents.iter().filter(|made| made.is_replacement) {
            if let Some(mut old) = tx.get::<StoredAgent>(Kind::Agent, "", &made.stored.agent.agent_id)? {
                delete_everything(tx, &in_store, &mut old)?;
            }
        }
        let mut response = ImportResponse::default();
        for made in agents {
            let place = format!("agent {}", made.stored.agent.agent_name);
            response.agents.push(one(tx, &in_store, made).map_err(|error| within(&place, error))?);
        }
        Ok::<_, ApiError>(Some(response))
    };
    app.store.write(work).await
}

fn is_as_it_was(tx: &Tx<'_>, made: &Made) -> OpResult<bool> {
    let agent = &made.stored.agent;
    let by_name = tx.find_by_name::<StoredAgent>(Kind::Agent, "", &agent.agent_name)?;
    match by_name {
        // Its parts may have changed: they go in any case.
        Some(now) => Ok(made.is_replacement && now.agent.agent_id == agent.agent_id),
        None => Ok(!made.is_replacement && !tx.exists(Kind::Agent, "", &agent.agent_id)?),
    }
}

fn one(tx: &mut Tx<'_>, app: &App, made: Made) -> OpResult<AgentImport> {
    let Made { mut stored, is_replacement, snapshot, parts, versions, aliases, notes, .. } = made;
    let quotas = &app.settings.quotas;
    if !is_replacement {
        app.agent_count.admit(|count| quotas.agents(count), || tx.count(Kind::Agent, ""))?;
    }
    put_parts(tx, app, &parts)?;
    for each in versions {
        version(tx, app, each)?;
    }
    if let Some(snapshot) = &snapshot {
        stored.snapshot = Some(tx.put_snapshot(snapshot)?);
        collaboration::hold_prepared(tx, &mut stored, &snapshot.collaborators)?;
    }
    put_agent(tx, &stored)?;
    let agent = stored.agent;
    let mut response = AgentImport {
        agent_id: agent.agent_id,
        agent_name: agent.agent_name,
        replaced: is_replacement,
        agent_status: agent.agent_status.to_string(),
        notes,
        ..AgentImport::default()
    };
    for (alias, alias_tags) in aliases {
        put_alias(tx, &alias)?;
        tags::set(tx, quotas, &alias.agent_alias_arn, &alias_tags)?;
        response.aliases.insert(alias.agent_alias_name, alias.agent_alias_id);
    }
    tags::set(tx, quotas, &app.agent_arn(&response.agent_id), &made.tags)?;
    tags::set(tx, quotas, &app.alias_arn(&response.agent_id, TEST_ALIAS_ID), &made.test_alias_tags)?;
    Ok(response)
}

fn version(tx: &mut Tx<'_>, app: &App, made: Version) -> OpResult<()> {
    let Version { document, parts, snapshot } = made;
    let stored = StoredVersion { snapshot: tx.put_snapshot(&snapshot)?, version: document };
    let resource = Resource {
        kind: Kind::AgentVersion,
        parent: &stored.version.agent_id,
        id: &stored.version.version,
        name: None,
        created_at: stored.version.created_at,
        updated_at: stored.version.updated_at,
    };
    tx.put(&resource, &stored).map_err(put_error)?;
    put_parts(tx, app, &parts)
}

fn put_parts(tx: &mut Tx<'_>, app: &App, parts: &Parts) -> OpResult<()> {
    for group in &parts.groups {
        put_group(tx, group)?;
    }
    for base in &parts.bases {
        put_association(tx, base)?;
    }
    for collaborator in &parts.collaborators {
        let arn = collaborator.agent_descriptor.alias_arn.as_deref();
        if let Some(partner) = arn.and_then(|arn| Partner::of_arn(app, arn)) {
            collaboration::check_circle(tx, &partner, &collaborator.agent_id)
                .map_err(|error| within(&format!("collaborator {}", collaborator.collaborator_name), error))?;
        }
        put_collaborator(tx, collaborator)?;
        collaboration::hold(tx, collaborator)?;
    }
    Ok(())
}
