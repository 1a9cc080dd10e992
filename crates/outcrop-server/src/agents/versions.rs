//! Versions: immutable copies of the prepared draft and its parts.

use super::collaboration;
use super::documents::{
    DRAFT, StoredAgent, StoredGroup, StoredVersion, put_agent, put_association, put_collaborator, put_error, put_group,
    routing, version_parent,
};
use crate::errors::{self, OpResult};
use crate::guardrails::uses;
use crate::quotas::Quotas;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, Resource, Tx};
use outcrop_wire::Timestamp;

/// The largest number that the model's version has room for.
pub const VERSION_MAX: u32 = 99_999;

/// Where the caller wants an alias to lead: a version that exists, or a new one cut from the prepared draft.
pub fn resolve_routing(
    tx: &mut Tx<'_>,
    quotas: &Quotas,
    operation: &str,
    stored: &mut StoredAgent,
    wanted: Option<Vec<api::AgentAliasRoutingConfigurationListItem>>,
    now: Timestamp,
) -> OpResult<Vec<api::AgentAliasRoutingConfigurationListItem>> {
    let wanted = wanted.unwrap_or_default();
    let named = wanted.first().and_then(|item| item.agent_version.as_deref());
    match named {
        Some(DRAFT) => {
            Err(errors::invalid_field("routingConfiguration", "Only the test alias TSTALIASID can point to DRAFT."))
        }
        Some(version) => {
            if tx.exists(Kind::AgentVersion, &stored.agent.agent_id, version)? {
                Ok(wanted)
            } else {
                Err(errors::not_found())
            }
        }
        None => {
            let version = cut_version(tx, quotas, operation, stored, now)?;
            let throughput = wanted.into_iter().next().and_then(|item| item.provisioned_throughput);
            Ok(vec![api::AgentAliasRoutingConfigurationListItem {
                provisioned_throughput: throughput,
                ..routing(&version)
            }])
        }
    }
}

/// Cuts a version: an immutable copy of the prepared draft and its parts.
fn cut_version(
    tx: &mut Tx<'_>,
    quotas: &Quotas,
    operation: &str,
    stored: &mut StoredAgent,
    now: Timestamp,
) -> OpResult<String> {
    let snapshot = match (&stored.snapshot, stored.agent.agent_status) {
        (Some(snapshot), api::AgentStatus::Prepared) => snapshot.clone(),
        // A version is to hold the latest edits; the service wants the draft prepared first.
        (_, api::AgentStatus::Failed) => return Err(errors::not_versionable(operation, "Failed")),
        _ => return Err(errors::not_versionable(operation, "Not Prepared")),
    };
    quotas.versions_per_agent(tx.count(Kind::AgentVersion, &stored.agent.agent_id)? + 1)?;
    if stored.last_version >= VERSION_MAX {
        return Err(errors::quota_exceeded(format!(
            "Number of versions of the agent exceeded limit: {VERSION_MAX} were made, and numbers are not used again."
        )));
    }
    stored.last_version += 1;
    stored.latest_version = stored.last_version;
    let number = stored.last_version.to_string();
    let agent = &stored.agent;
    let version = version_document(agent, &number, now);
    let resource = Resource {
        kind: Kind::AgentVersion,
        parent: &agent.agent_id,
        id: &number,
        name: None,
        created_at: now,
        updated_at: now,
    };
    uses::hold(tx, version.guardrail_configuration.as_ref(), &agent.agent_id, &number, now)?;
    let stored_version = StoredVersion { version, snapshot };
    tx.put(&resource, &stored_version).map_err(put_error)?;
    copy_parts(tx, &agent.agent_id, &number)?;
    put_agent(tx, stored)?;
    Ok(number)
}

/// The document of a version that is cut from the agent as it is.
pub fn version_document(agent: &api::Agent, number: &str, now: Timestamp) -> api::AgentVersion {
    api::AgentVersion {
        agent_id: agent.agent_id.clone(),
        agent_name: agent.agent_name.clone(),
        agent_arn: agent.agent_arn.clone(),
        version: number.to_owned(),
        instruction: agent.instruction.clone(),
        agent_status: api::AgentStatus::Prepared,
        foundation_model: agent.foundation_model.clone(),
        description: agent.description.clone(),
        idle_session_ttl_in_seconds: agent.idle_session_ttl_in_seconds,
        agent_resource_role_arn: agent.agent_resource_role_arn.clone(),
        customer_encryption_key_arn: agent.customer_encryption_key_arn.clone(),
        created_at: now,
        updated_at: now,
        failure_reasons: None,
        recommended_actions: None,
        prompt_override_configuration: agent.prompt_override_configuration.clone(),
        guardrail_configuration: agent.guardrail_configuration.clone(),
        memory_configuration: agent.memory_configuration.clone(),
        agent_collaboration: agent.agent_collaboration,
    }
}

fn copy_parts(tx: &mut Tx<'_>, agent_id: &str, number: &str) -> OpResult<()> {
    let draft = version_parent(agent_id, DRAFT);
    for mut stored in tx.list_all::<StoredGroup>(Kind::ActionGroup, &draft)? {
        number.clone_into(&mut stored.group.agent_version);
        put_group(tx, &stored)?;
    }
    for mut association in tx.list_all::<api::AgentKnowledgeBase>(Kind::AgentKnowledgeBase, &draft)? {
        number.clone_into(&mut association.agent_version);
        put_association(tx, &association)?;
    }
    for mut collaborator in tx.list_all::<api::AgentCollaborator>(Kind::Collaborator, &draft)? {
        number.clone_into(&mut collaborator.agent_version);
        put_collaborator(tx, &collaborator)?;
        collaboration::hold(tx, &collaborator)?;
    }
    Ok(())
}

/// Deletes what belongs to one version or to the draft, and lets go of the aliases it uses.
pub fn delete_parts(tx: &mut Tx<'_>, agent_id: &str, version: &str) -> OpResult<()> {
    let parent = version_parent(agent_id, version);
    for collaborator in tx.list_all::<api::AgentCollaborator>(Kind::Collaborator, &parent)? {
        tx.delete(Kind::Collaborator, &parent, &collaborator.collaborator_id)?;
        collaboration::release(tx, &collaborator)?;
    }
    tx.delete_children(Kind::AgentKnowledgeBase, &parent)?;
    tx.delete_children(Kind::ActionGroup, &parent)?;
    Ok(())
}

/// The order of versions: the draft, then numbers, newest first.
pub fn version_number(version: &str) -> u32 {
    version.parse().unwrap_or(u32::MAX)
}
