//! What an export or import tells.

use super::Bundle;
use super::fetch::Named;
use outcrop_server::transfer::{AgentImport, ImportedAgent};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{Result, Write};
use std::path::Path;

/// What was done about an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    /// It was written into the folder.
    Export,
    /// It was not there.
    Create,
    /// It took the place of one with its name.
    Replace,
    /// It was there as it is.
    #[serde(rename = "unchanged")]
    Keep,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    agents: Vec<AgentReport>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentReport {
    action: Action,
    agent_id: String,
    agent_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    agent_status: String,
    versions: Vec<u32>,
    aliases: BTreeMap<String, String>,
}

/// Writes lines for people as things happen, or one JSON object at the end.
pub(super) struct Reporter<'a> {
    out: &'a mut (dyn Write + Send),
    json: bool,
    width: usize,
    report: Report,
}

impl<'a> Reporter<'a> {
    /// Starts a report about the agents of a bundle.
    pub(super) fn new(out: &'a mut (dyn Write + Send), json: bool, bundle: &Bundle) -> Self {
        let width = bundle.agents.iter().map(|agent| agent.name().len()).max().unwrap_or_default();
        Self { out, json, width, report: Report::default() }
    }

    /// Tells about an agent that came in.
    pub(super) fn imported(&mut self, action: Action, agent: &ImportedAgent, made: &AgentImport) -> Result<()> {
        self.agent(action, agent, &made.agent_id, &made.agent_status)?;
        if let Some(last) = self.report.agents.last_mut() {
            last.aliases.clone_from(&made.aliases);
        }
        let notes: Vec<String> = made.notes.iter().map(|note| format!("{}: {note}", made.agent_name)).collect();
        self.notes(&notes)
    }

    /// Tells about an agent.
    pub(super) fn agent(&mut self, action: Action, agent: &ImportedAgent, id: &str, status: &str) -> Result<()> {
        let versions: Vec<u32> = agent.versions.keys().copied().collect();
        if !self.json {
            let parts = [
                count(versions.len(), "version"),
                count(agent.aliases.len(), "alias"),
                count(agent.draft.action_groups.len(), "action group"),
                count(agent.draft.collaborators.len(), "collaborator"),
                count(agent.draft.knowledge_bases.len(), "knowledge base"),
            ];
            let parts: Vec<String> =
                parts.into_iter().flatten().chain((!status.is_empty()).then(|| status.to_owned())).collect();
            let line = format!(
                "  {:<9}  {:<width$}  {id}  {}",
                action.text(),
                agent.name(),
                parts.join(", "),
                width = self.width
            );
            writeln!(self.out, "{}", line.trim_end())?;
            self.out.flush()?;
        }
        let aliases = agent.aliases.iter().filter_map(|one| Some((one.name().to_owned(), one.agent_alias_id.clone()?)));
        self.report.agents.push(AgentReport {
            action,
            agent_id: id.to_owned(),
            agent_name: agent.name().to_owned(),
            agent_status: status.to_owned(),
            versions,
            aliases: aliases.collect(),
        });
        Ok(())
    }

    /// Tells what one should know.
    pub(super) fn notes(&mut self, notes: &[String]) -> Result<()> {
        for note in notes {
            if !self.json {
                writeln!(self.out, "  note: {note}")?;
            }
            self.report.notes.push(note.clone());
        }
        Ok(())
    }

    /// Ends the report.
    pub(super) fn finish(mut self, folder: Option<&Path>) -> Result<()> {
        self.report.folder = folder.map(|folder| folder.display().to_string());
        if self.json {
            writeln!(self.out, "{}", serde_json::to_string(&self.report)?)?;
        } else if let Some(folder) = folder {
            writeln!(self.out, "exported to {}", folder.display())?;
        } else if self.report.agents.iter().all(|agent| agent.action == Action::Keep) {
            writeln!(self.out, "nothing to change")?;
        }
        self.out.flush()
    }
}

impl Action {
    fn text(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Keep => "unchanged",
        }
    }
}

fn count(count: usize, what: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        more if what.ends_with('s') => Some(format!("{more} {what}es")),
        more => Some(format!("{more} {what}s")),
    }
}
