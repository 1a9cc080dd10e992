//! Which agents use a guardrail: it cannot be deleted while one does.

use super::documents::{self, DRAFT};
use crate::App;
use crate::agents::documents::{StoredAgent, StoredVersion};
use crate::errors::{self, OpResult};
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, ReadTx, Resource, Tx};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};

/// An agent that uses a guardrail, in its draft or in a version.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Use {
    agent_id: String,
    agent_version: String,
}

/// Checks that what an agent names exists.
///
/// # Errors
/// Validation, as the service says it.
pub fn check(app: &App, tx: &ReadTx<'_>, written: Option<&api::GuardrailConfiguration>) -> OpResult<()> {
    let Some(identifier) = written.and_then(|written| written.guardrail_identifier.as_deref()) else { return Ok(()) };
    let version = written.and_then(|written| written.guardrail_version.as_deref()).unwrap_or(DRAFT);
    let id = documents::id_of(app, tx, identifier).map_err(|error| unknown(error, identifier, version))?;
    if documents::exists(tx, &id, version)? {
        return Ok(());
    }
    Err(unknown(errors::not_found(), identifier, version))
}

fn unknown(error: crate::ApiError, identifier: &str, version: &str) -> crate::ApiError {
    if error.code != "ResourceNotFoundException" {
        return error;
    }
    errors::invalid_field(
        "guardrailConfiguration",
        format!(
            "The guardrail {identifier} does not exist in version {version}. Create it first, or name one that exists."
        ),
    )
}

/// Notes that an agent's draft or version uses what it names. Uses that have ended are found out when it matters.
pub fn hold(
    tx: &mut Tx<'_>,
    written: Option<&api::GuardrailConfiguration>,
    agent_id: &str,
    agent_version: &str,
    now: Timestamp,
) -> OpResult<()> {
    let Some(identifier) = written.and_then(|written| written.guardrail_identifier.as_deref()) else { return Ok(()) };
    let guardrail = documents::id_in(tx, identifier)?;
    let id = format!("{agent_id}/{agent_version}");
    let resource = Resource {
        kind: Kind::GuardrailUse,
        parent: &guardrail,
        id: &id,
        name: None,
        created_at: now,
        updated_at: now,
    };
    let one = Use { agent_id: agent_id.to_owned(), agent_version: agent_version.to_owned() };
    tx.put(&resource, &one).map_err(crate::agents::documents::put_error)
}

/// Refuses to delete a guardrail, or a version of it, that an agent uses or that is enforced.
///
/// # Errors
/// ResourceInUseException, with who uses it.
pub fn check_unused(tx: &ReadTx<'_>, guardrail: &str, version: Option<&str>) -> OpResult<()> {
    let concerns = |used: &str| version.is_none_or(|version| version == used);
    for one in tx.list_all::<Use>(Kind::GuardrailUse, guardrail)? {
        let written = match one.agent_version.as_str() {
            DRAFT => tx
                .get::<StoredAgent>(Kind::Agent, "", &one.agent_id)?
                .and_then(|stored| stored.agent.guardrail_configuration),
            number => tx
                .get::<StoredVersion>(Kind::AgentVersion, &one.agent_id, number)?
                .and_then(|stored| stored.version.guardrail_configuration),
        };
        let Some(written) = written else { continue };
        let Some(identifier) = written.guardrail_identifier.as_deref() else { continue };
        let names_it = documents::id_in(tx, identifier)? == guardrail;
        if names_it && concerns(written.guardrail_version.as_deref().unwrap_or(DRAFT)) {
            return Err(in_use(format!(
                "The guardrail {guardrail} is used by agent {} in version {}. Take it out of the agent first.",
                one.agent_id, one.agent_version
            )));
        }
    }
    for enforced in super::enforced::all(tx)? {
        if enforced.guardrail_id.as_deref() == Some(guardrail)
            && concerns(enforced.guardrail_version.as_deref().unwrap_or_default())
        {
            return Err(in_use(format!(
                "The guardrail {guardrail} is enforced for the account. Delete that configuration first."
            )));
        }
    }
    Ok(())
}

fn in_use(message: String) -> crate::ApiError {
    crate::ApiError::new("ResourceInUseException", message)
}

/// Lets go of the uses of a guardrail that is gone.
pub fn forget(tx: &mut Tx<'_>, guardrail: &str) -> OpResult<()> {
    tx.delete_children(Kind::GuardrailUse, guardrail)?;
    Ok(())
}
