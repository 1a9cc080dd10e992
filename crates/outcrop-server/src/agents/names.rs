//! Names for ids: where a path holds no id that exists, an agent, alias, prompt or guardrail is also found by its exact name if
//! exactly one has it, or by a name that the tag `outcrop:names` gives it. Parts of an agent (action groups, collaborators,
//! associated knowledge bases) are found by their names.

use super::documents::{TEST_ALIAS_ID, agent, alias, version_parent};
use super::tags;
use crate::App;
use crate::errors::{ApiError, OpResult};
use outcrop_api::ServiceId;
use outcrop_api::bedrock_agent as api;
use outcrop_api::route::Route;
use outcrop_store::{Kind, ReadTx};

/// Labels of the parts of an agent.
const PARTS: [(&str, Kind); 3] = [
    ("actionGroupId", Kind::ActionGroup),
    ("collaboratorId", Kind::Collaborator),
    ("knowledgeBaseId", Kind::AgentKnowledgeBase),
];
/// Longest text that can be a name.
const NAME_BYTES_MAX: usize = 200;

/// Replaces names in a route's labels by ids. What is neither stays as it is, for the constraints to judge.
pub async fn resolve(app: &App, route: &mut Route) -> OpResult<()> {
    let of_guardrails = matches!(route.operation.service, ServiceId::Bedrock | ServiceId::BedrockRuntime);
    let of_agents = matches!(route.operation.service, ServiceId::BedrockAgent | ServiceId::BedrockAgentRuntime);
    let label = |name: &str| route.labels.iter().position(|(member, _)| *member == name);
    if let Some(at) = label("guardrailIdentifier").filter(|_| of_guardrails) {
        let text = route.labels[at].1.clone();
        if let Some(id) = app.store.read(move |tx| crate::guardrails::documents::find(tx, &text)).await? {
            route.labels[at].1 = id;
        }
        return Ok(());
    }
    if let Some(at) = label("promptIdentifier").filter(|_| of_agents) {
        let text = route.labels[at].1.clone();
        if let Some(id) = app.store.read(move |tx| find_prompt(tx, &text)).await? {
            route.labels[at].1 = id;
        }
        return Ok(());
    }
    let (agent_at, alias_at, version_at) = (label("agentId"), label("agentAliasId"), label("agentVersion"));
    let part_at = PARTS.iter().find_map(|(member, kind)| Some((label(member)?, *kind)));
    let Some(agent_at) = agent_at.filter(|_| of_agents) else { return Ok(()) };
    let agent_text = route.labels[agent_at].1.clone();
    let alias_text = alias_at.map(|at| route.labels[at].1.clone());
    let is_known = app.prepared.knows(&agent_text, alias_text.as_deref());
    if is_known && part_at.is_none() {
        return Ok(());
    }
    let part = part_at.zip(version_at).map(|((at, kind), version_at)| Part {
        kind,
        version: route.labels[version_at].1.clone(),
        text: route.labels[at].1.clone(),
    });
    let found = app.store.read(move |tx| find(tx, &agent_text, alias_text.as_deref(), part.as_ref())).await?;
    if let Some(agent_id) = found.agent {
        app.prepared.found(&agent_id);
        route.labels[agent_at].1 = agent_id;
    }
    if let (Some(at), Some(alias_id)) = (alias_at, found.alias) {
        route.labels[at].1 = alias_id;
    }
    if let (Some((at, _)), Some(part_id)) = (part_at, found.part) {
        route.labels[at].1 = part_id;
    }
    Ok(())
}

/// The ids of an agent and an alias of it, each given by id or name, or the caller's error.
pub async fn agent_and_alias(app: &App, agent_text: &str, alias_text: &str) -> OpResult<(String, String)> {
    let (agent_text, alias_text) = (agent_text.to_owned(), alias_text.to_owned());
    let work = move |tx: &ReadTx<'_>| {
        let (agent_id, alias_id) = ids(tx, Some(&agent_text), Some(&alias_text))?;
        let (agent_id, alias_id) = (agent_id.unwrap_or(agent_text), alias_id.unwrap_or(alias_text));
        alias(tx, &agent(tx, &agent_id)?, &alias_id, String::new())?;
        Ok::<_, ApiError>((agent_id, alias_id))
    };
    app.store.read(work).await
}

/// The ids behind the names of an agent and its alias; what is neither id nor name stays as it is.
pub fn ids(tx: &ReadTx<'_>, agent: Option<&str>, alias: Option<&str>) -> OpResult<(Option<String>, Option<String>)> {
    let Some(agent) = agent else { return Ok((None, alias.map(str::to_owned))) };
    let agent_id = find_agent(tx, agent)?.unwrap_or_else(|| agent.to_owned());
    let alias_id = match alias {
        Some(alias) => Some(find_alias(tx, &agent_id, alias)?.unwrap_or_else(|| alias.to_owned())),
        None => None,
    };
    Ok((Some(agent_id), alias_id))
}

/// A label that names a part of an agent.
struct Part {
    kind: Kind,
    version: String,
    text: String,
}

struct Found {
    agent: Option<String>,
    alias: Option<String>,
    part: Option<String>,
}

fn find(tx: &ReadTx<'_>, agent_text: &str, alias_text: Option<&str>, part: Option<&Part>) -> Result<Found, ApiError> {
    let agent = find_agent(tx, agent_text)?;
    let alias = match (&agent, alias_text) {
        (Some(agent_id), Some(text)) => find_alias(tx, agent_id, text)?,
        _ => None,
    };
    let part = match (&agent, part) {
        (Some(agent_id), Some(part)) => find_part(tx, agent_id, part)?,
        _ => None,
    };
    Ok(Found { agent, alias, part })
}

fn find_agent(tx: &ReadTx<'_>, text: &str) -> OpResult<Option<String>> {
    if text.len() > NAME_BYTES_MAX {
        return Ok(None);
    }
    if tx.exists(Kind::Agent, "", text)? {
        return Ok(Some(text.to_owned()));
    }
    if let Some(stored) = tx.find_by_name::<super::documents::StoredAgent>(Kind::Agent, "", text)? {
        return Ok(Some(stored.agent.agent_id));
    }
    tagged(tx, text, |resource| Some(resource.strip_prefix("agent/")?.to_owned()))
}

fn find_alias(tx: &ReadTx<'_>, agent_id: &str, text: &str) -> OpResult<Option<String>> {
    if text.len() > NAME_BYTES_MAX || text == TEST_ALIAS_ID || tx.exists(Kind::AgentAlias, agent_id, text)? {
        return Ok(None);
    }
    if let Some(alias) = tx.find_by_name::<api::AgentAlias>(Kind::AgentAlias, agent_id, text)? {
        return Ok(Some(alias.agent_alias_id));
    }
    tagged(tx, text, |resource| {
        let (of_agent, alias_id) = resource.strip_prefix("agent-alias/")?.split_once('/')?;
        (of_agent == agent_id).then(|| alias_id.to_owned())
    })
}

fn find_part(tx: &ReadTx<'_>, agent_id: &str, part: &Part) -> OpResult<Option<String>> {
    let (kind, parent, text) = (part.kind, version_parent(agent_id, &part.version), part.text.as_str());
    if text.len() > NAME_BYTES_MAX || tx.exists(kind, &parent, text)? {
        return Ok(None);
    }
    // Associations have the id of their knowledge base, which alone has a name.
    match kind {
        Kind::AgentKnowledgeBase => Ok(tx.find_id_by_name(Kind::KnowledgeBase, "", text)?),
        _ => Ok(tx.find_id_by_name(kind, &parent, text)?),
    }
}

fn find_prompt(tx: &ReadTx<'_>, text: &str) -> OpResult<Option<String>> {
    if text.len() > NAME_BYTES_MAX || text.starts_with("arn:") || tx.exists(Kind::Prompt, "", text)? {
        return Ok(None);
    }
    if let Some(stored) = tx.find_by_name::<super::prompts::StoredPrompt>(Kind::Prompt, "", text)? {
        return Ok(Some(stored.prompt.id));
    }
    tagged(tx, text, |resource| resource.strip_prefix("prompt/").filter(|id| !id.contains(':')).map(str::to_owned))
}

/// The id of the one resource of a kind that a tag gives this name.
fn tagged(tx: &ReadTx<'_>, name: &str, id_of: impl Fn(&str) -> Option<String>) -> OpResult<Option<String>> {
    let arns = tags::named(tx, name)?;
    let mut ids = arns.iter().filter_map(|arn| id_of(arn.splitn(6, ':').nth(5)?));
    Ok(match (ids.next(), ids.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    })
}
