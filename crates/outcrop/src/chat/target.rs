//! Which agent and which alias.

use super::ChatError;
use crate::client::{Client, ClientError};
use outcrop_api::bedrock_agent::{
    AgentAliasSummary, AgentSummary, GetAgent, GetAgentAlias, GetAgentAliasRequest, GetAgentRequest, ListAgentAliases,
    ListAgentAliasesRequest, ListAgents, ListAgentsRequest,
};
use std::fmt;

/// The alias that every agent has for its draft.
const TEST_ALIAS: &str = "TSTALIASID";
/// Most pages of a list that are read: enough to tell one from many, and to suggest names.
const PAGES_MAX: usize = 10;
/// Most names in a message.
const NAMES_MAX: usize = 20;

/// An agent to talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub agent_id: String,
    pub agent_name: String,
    pub alias_id: String,
    pub alias_name: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent_id, agent_name, alias_id, alias_name } = self;
        write!(f, "{agent_name} ({agent_id}), alias {alias_name} ({alias_id})")
    }
}

/// Finds `AGENT[/ALIAS]`, each an id or a name; what is left out must be the only one there is.
pub(crate) async fn resolve(client: &Client, wanted: Option<&str>) -> Result<Target, ChatError> {
    let (agent, alias) = parts(wanted)?;
    let (agent_id, agent_name) = match agent {
        Some(agent) => named_agent(client, agent).await?,
        None => only_agent(client).await?,
    };
    let (alias_id, alias_name) = match alias {
        Some(alias) => named_alias(client, &agent_id, alias).await?,
        None => only_alias(client, &agent_id).await?,
    };
    Ok(Target { agent_id, agent_name, alias_id, alias_name })
}

fn parts(wanted: Option<&str>) -> Result<(Option<&str>, Option<&str>), ChatError> {
    let Some(wanted) = wanted else { return Ok((None, None)) };
    let (agent, alias) = wanted.split_once('/').map_or((wanted, None), |(agent, alias)| (agent, Some(alias)));
    if agent.is_empty() || alias.is_some_and(|alias| alias.is_empty() || alias.contains('/')) {
        return Err(ChatError::Usage(format!("`{wanted}` is not AGENT or AGENT/ALIAS")));
    }
    Ok((Some(agent), alias))
}

/// Asking by name is left to the server, which also knows names that no list shows.
async fn named_agent(client: &Client, name: &str) -> Result<(String, String), ChatError> {
    let request = GetAgentRequest { agent_id: name.to_owned() };
    match client.call::<GetAgent>(&request).await {
        Ok(found) => Ok((found.agent.agent_id, found.agent.agent_name)),
        Err(error) if is_unknown(&error) => {
            let names = list_agents(client).await?.into_iter().map(|agent| agent.agent_name);
            Err(ChatError::Failed(format!("no agent `{name}` at {}; {}", client.endpoint(), suggest(names.collect()))))
        }
        Err(error) => Err(failed(&error)),
    }
}

async fn only_agent(client: &Client) -> Result<(String, String), ChatError> {
    let mut agents = list_agents(client).await?;
    match (agents.pop(), agents.is_empty()) {
        (Some(agent), true) => Ok((agent.agent_id, agent.agent_name)),
        (None, _) => {
            let mend = "deploy one with `outcrop deploy template.yaml`";
            Err(ChatError::Failed(format!("no agents at {}: {mend}", client.endpoint())))
        }
        (Some(last), false) => {
            let names = agents.into_iter().map(|agent| agent.agent_name).chain([last.agent_name]);
            Err(ChatError::Failed(format!("which agent? {}", suggest(names.collect()))))
        }
    }
}

async fn named_alias(client: &Client, agent_id: &str, name: &str) -> Result<(String, String), ChatError> {
    let request = GetAgentAliasRequest { agent_id: agent_id.to_owned(), agent_alias_id: name.to_owned() };
    match client.call::<GetAgentAlias>(&request).await {
        Ok(found) => Ok((found.agent_alias.agent_alias_id, found.agent_alias.agent_alias_name)),
        Err(error) if is_unknown(&error) => {
            let names = list_aliases(client, agent_id).await?.into_iter().map(|alias| alias.agent_alias_name);
            Err(ChatError::Failed(format!("the agent has no alias `{name}`; {}", suggest(names.collect()))))
        }
        Err(error) => Err(failed(&error)),
    }
}

/// The alias that is not for testing if there is exactly one, else the one for testing.
async fn only_alias(client: &Client, agent_id: &str) -> Result<(String, String), ChatError> {
    let aliases = list_aliases(client, agent_id).await?;
    let mut own = aliases.into_iter().filter(|alias| alias.agent_alias_id != TEST_ALIAS);
    match (own.next(), own.next()) {
        (Some(alias), None) => Ok((alias.agent_alias_id, alias.agent_alias_name)),
        _ => Ok((TEST_ALIAS.to_owned(), "AgentTestAlias".to_owned())),
    }
}

async fn list_agents(client: &Client) -> Result<Vec<AgentSummary>, ChatError> {
    let (mut agents, mut request) = (Vec::new(), ListAgentsRequest::default());
    for _ in 0..PAGES_MAX {
        let page = client.call::<ListAgents>(&request).await.map_err(|error| failed(&error))?;
        agents.extend(page.agent_summaries);
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    Ok(agents)
}

async fn list_aliases(client: &Client, agent_id: &str) -> Result<Vec<AgentAliasSummary>, ChatError> {
    let mut aliases = Vec::new();
    let mut request = ListAgentAliasesRequest { agent_id: agent_id.to_owned(), ..Default::default() };
    for _ in 0..PAGES_MAX {
        let page = client.call::<ListAgentAliases>(&request).await.map_err(|error| failed(&error))?;
        aliases.extend(page.agent_alias_summaries);
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    Ok(aliases)
}

/// A name that breaks the constraint of an id is answered with a ValidationException.
fn is_unknown(error: &ClientError) -> bool {
    error.is_not_found() || matches!(error, ClientError::Service { code, .. } if code == "ValidationException")
}

fn failed(error: &ClientError) -> ChatError {
    ChatError::Failed(error.to_string())
}

fn suggest(mut names: Vec<String>) -> String {
    names.sort();
    match names.len() {
        0 => "there is none".to_owned(),
        more if more > NAMES_MAX => format!("there are {more}, such as {}", names[..NAMES_MAX].join(", ")),
        _ => format!("there is {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_and_alias_are_told_apart() {
        assert_eq!(parts(None), Ok((None, None)));
        assert_eq!(parts(Some("support-bot")), Ok((Some("support-bot"), None)));
        assert_eq!(parts(Some("support-bot/PROD")), Ok((Some("support-bot"), Some("PROD"))));
        for wrong in ["", "/PROD", "a/", "a/b/c"] {
            assert_eq!(parts(Some(wrong)), Err(ChatError::Usage(format!("`{wrong}` is not AGENT or AGENT/ALIAS"))));
        }
    }
}
