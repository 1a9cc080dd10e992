//! Whether an agent that has the name is the agent of the folder.

use super::fetch::{self, Named};
use super::files::Files;
use super::layout::{self, IDS};
use super::{Bundle, TransferError};
use crate::client::Client;
use outcrop_server::transfer::ImportedAgent;
use std::collections::BTreeMap;

/// Differences that are told.
const TOLD_MAX: usize = 5;

/// An agent that is on the server under the name of one of a bundle.
#[derive(Clone, Debug)]
pub(super) struct There {
    /// As it is there.
    pub(super) agent: ImportedAgent,
    /// Files in which it differs from the one of the bundle, without the folder of the agent.
    pub(super) differences: Vec<String>,
    arn: String,
}

/// Agents on the server that have names of the bundle's.
pub(super) async fn agents_there(client: &Client, bundle: &Bundle) -> Result<BTreeMap<String, There>, TransferError> {
    let mut found = BTreeMap::new();
    let ours = files_by_agent(bundle);
    for agent in &bundle.agents {
        let name = agent.name();
        let Some(id) = fetch::named(client, name).await? else { continue };
        // Those it works with are read too: only so are they known by name.
        let there = fetch::fetch(client, None, &[id], true).await?;
        let theirs = files_by_agent(&there);
        let differences = differences(ours.get(name), theirs.get(name));
        let Some(agent) = there.agents.into_iter().find(|agent| agent.name() == name) else { continue };
        let arn = there.arns.get(name).cloned().unwrap_or_default();
        found.insert(name.to_owned(), There { agent, differences, arn });
    }
    Ok(found)
}

impl There {
    /// What is said when it is in the way.
    pub(super) fn clash(&self, name: &str) -> String {
        let id = self.agent.agent_id.as_deref().unwrap_or_default();
        let more = self.differences.len().saturating_sub(TOLD_MAX);
        let mut told = self.differences.iter().take(TOLD_MAX).cloned().collect::<Vec<_>>().join(", ");
        if more > 0 {
            told = format!("{told} and {more} more");
        }
        format!("an agent {name} is there already ({id}) and differs in {told}")
    }

    /// ARN of one of its aliases, given as `AGENT/ALIAS`.
    pub(super) fn arn_of(&self, alias: &str) -> Option<String> {
        let (agent, alias) = alias.split_once('/')?;
        if agent != self.agent.name() {
            return None;
        }
        let known = self.agent.aliases.iter().find(|one| one.name() == alias);
        let id = match known {
            Some(known) => known.agent_alias_id.as_deref()?,
            None if alias == fetch::TEST_ALIAS => alias,
            None => return None,
        };
        Some(format!("{}/{id}", self.arn.replacen(":agent/", ":agent-alias/", 1)))
    }
}

/// Files of each agent by their name in its folder, without ids and without texts that only accompany a reference.
fn files_by_agent(bundle: &Bundle) -> BTreeMap<String, Files> {
    let mut by_agent = BTreeMap::new();
    for agent in &bundle.agents {
        let mut agent = agent.clone();
        for content in agent.versions.values_mut().chain([&mut agent.draft]) {
            content.action_groups.iter_mut().for_each(|group| group.schema_text = None);
            content.knowledge_bases.iter_mut().for_each(|base| drop(base.shift_remove(fetch::BASE_NAME)));
        }
        let name = agent.name().to_owned();
        let alone = Bundle { agents: vec![agent], ..Bundle::default() };
        let files = layout::files(&alone).into_iter().filter_map(|(path, content)| {
            let inner = path.strip_prefix("agents/")?.split_once('/')?.1.to_owned();
            (!inner.ends_with(IDS)).then_some((inner, content))
        });
        by_agent.insert(name, files.collect());
    }
    by_agent
}

fn differences(ours: Option<&Files>, theirs: Option<&Files>) -> Vec<String> {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return Vec::new() };
    let names: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)).cloned().collect()
}
