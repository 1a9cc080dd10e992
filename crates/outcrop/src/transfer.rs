//! `outcrop export` and `outcrop import`: agents as a folder of readable files, and back.
//!
//! ```text
//! fetch.rs    a server → a bundle, through the API that everybody uses; AWS is such a server: aws.rs
//! objects.rs  schemas in S3
//! layout.rs   a bundle → files            parse.rs  files → a bundle, with everything that is wrong with them
//! files.rs    files ↔ the disk            shapes.rs AWS's tables: what is content, and what a file must not have
//! compare.rs  what differs between two agents
//! report.rs   what is told
//! ```
//!
//! A bundle goes into a server through one door, `POST /outcrop/import`, whole or not at all;
//! [`outcrop_server::transfer`] says why.

mod aws;
mod compare;
mod fetch;
mod files;
mod layout;
mod objects;
mod parse;
mod report;
mod shapes;

use crate::client::{Client, ClientError, Signer};
use fetch::Named;
use objects::Objects;
use outcrop_server::transfer::{ImportRequest, ImportResponse, ImportedAgent};
use report::{Action, Reporter};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What to export and where to.
#[derive(Clone, Debug)]
pub(crate) struct ExportOptions {
    /// Agents, by id or name.
    pub agents: Vec<String>,
    /// The server's address.
    pub endpoint: String,
    /// How it is shown who exports.
    pub signer: Signer,
    /// The folder. None: one named after the first agent.
    pub to: Option<PathBuf>,
    /// Whether agents that these work with are exported too.
    pub collaborators: bool,
    /// Whether an export that is there is replaced.
    pub force: bool,
    /// One JSON object at the end instead of lines for people.
    pub json: bool,
}

/// What to import and where to.
#[derive(Clone, Debug)]
pub(crate) struct ImportOptions {
    /// Where it comes from.
    pub from: Source,
    /// The address of the server that it goes to.
    pub endpoint: String,
    /// How it is shown who imports.
    pub signer: Signer,
    /// Another name for the agent.
    pub name: Option<String>,
    /// Whether agents that have the names and differ are replaced.
    pub replace: bool,
    /// Whether all ids are made anew.
    pub new_ids: bool,
    /// One JSON object at the end instead of lines for people.
    pub json: bool,
}

/// Where an import comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The folder of an export.
    Folder(PathBuf),
    /// AWS.
    Aws(AwsSource),
}

/// What to read from AWS, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct AwsSource {
    /// Agents, by id or name.
    pub agents: Vec<String>,
    /// Profile and region.
    pub user: outcrop_aws::AwsOptions,
    /// Another address than AWS's own.
    pub endpoint: Option<String>,
    /// Whether agents that these work with are read too.
    pub collaborators: bool,
    /// Only written into this folder, and whether an export that is there is replaced.
    pub to: Option<(PathBuf, bool)>,
}

/// Agents in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bundle {
    /// Names of the agents that were asked for; the others work with them.
    roots: Vec<String>,
    /// By name.
    agents: Vec<ImportedAgent>,
    /// What one should know.
    notes: Vec<String>,
    /// ARNs of agents by name; only of a bundle that comes from a server.
    arns: BTreeMap<String, String>,
}

/// Why nothing was exported or imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransferError {
    /// The command line or the folder is wrong; nothing was changed (exit status 2).
    #[error("{0}")]
    Usage(String),
    /// It did not work (exit status 1).
    #[error("{0}")]
    Failed(String),
}

impl From<ClientError> for TransferError {
    fn from(error: ClientError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<fetch::FetchError> for TransferError {
    fn from(error: fetch::FetchError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<std::io::Error> for TransferError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(format!("cannot write the output: {error}"))
    }
}

/// Writes agents into a folder.
pub(crate) async fn export(options: ExportOptions, out: &mut (dyn Write + Send)) -> Result<(), TransferError> {
    if let Some(folder) = &options.to {
        files::check_target(folder, options.force)?;
    }
    let client = Client::new(&options.endpoint).signed_by(options.signer);
    let objects = Objects::new(client.clone());
    let bundle = fetch::fetch(&client, Some(&objects), &options.agents, options.collaborators).await?;
    let folder = options.to.unwrap_or_else(|| PathBuf::from(bundle.roots.first().map_or("agents", String::as_str)));
    write(&bundle, &folder, options.force, options.json, out)
}

fn write(
    bundle: &Bundle,
    folder: &Path,
    force: bool,
    json: bool,
    out: &mut (dyn Write + Send),
) -> Result<(), TransferError> {
    files::write(folder, &layout::files(bundle), force)?;
    let mut reporter = Reporter::new(out, json, bundle);
    for agent in &bundle.agents {
        reporter.agent(Action::Export, agent, agent.agent_id.as_deref().unwrap_or_default(), "")?;
    }
    reporter.notes(&bundle.notes)?;
    Ok(reporter.finish(Some(folder))?)
}

/// Brings the agents of a folder into a server.
///
/// Agents that are there as they are in the folder stay as they are: importing twice changes nothing.
pub(crate) async fn import(options: ImportOptions, out: &mut (dyn Write + Send)) -> Result<(), TransferError> {
    let mut bundle = match &options.from {
        Source::Folder(folder) => read(folder)?,
        Source::Aws(source) => {
            if let Some((folder, force)) = &source.to {
                files::check_target(folder, *force)?;
            }
            aws::fetch(source).await?
        }
    };
    if let Some(name) = &options.name {
        rename(&mut bundle, name)?;
    }
    if let Source::Aws(AwsSource { to: Some((folder, force)), .. }) = &options.from {
        return write(&bundle, folder, *force, options.json, out);
    }
    let client = Client::new(&options.endpoint).signed_by(options.signer.clone());
    let there = compare::agents_there(&client, &bundle).await?;
    let changed = changed(&bundle, &there, &options)?;
    let mut reporter = Reporter::new(out, options.json, &bundle);
    let names: Vec<String> = changed.agents.iter().map(|agent| agent.name().to_owned()).collect();
    let made = match changed.agents.is_empty() {
        true => ImportResponse::default(),
        false => send(&client, &changed).await?,
    };
    bundle.notes.extend(keep_schemas(&client, &changed).await);
    for agent in &bundle.agents {
        let made = made.agents.iter().find(|made| made.agent_name == agent.name());
        match (made, there.get(agent.name())) {
            (Some(made), _) => {
                let action = if made.replaced { Action::Replace } else { Action::Create };
                reporter.imported(action, agent, made)?;
            }
            (None, Some(there)) => {
                reporter.agent(Action::Keep, agent, there.agent.agent_id.as_deref().unwrap_or_default(), "")?;
            }
            (None, None) => {
                let message = format!("the server does not say what became of {}", names.join(", "));
                return Err(TransferError::Failed(message));
            }
        }
    }
    reporter.notes(&bundle.notes)?;
    Ok(reporter.finish(None)?)
}

fn read(folder: &Path) -> Result<Bundle, TransferError> {
    let wrong = |problems: Vec<String>| TransferError::Usage(problems.join("\n"));
    let files = files::read(folder).map_err(wrong)?;
    let within = |problem: String| format!("{}/{problem}", folder.display());
    let mut bundle = parse::bundle(&files).map_err(|problems| wrong(problems.into_iter().map(within).collect()))?;
    let schemas = bundle.agents.iter().flat_map(schema_problems).collect::<Vec<_>>();
    bundle.notes.extend(schemas);
    Ok(bundle)
}

/// OpenAPI documents that cannot be understood are kept: AWS may think otherwise.
fn schema_problems(agent: &ImportedAgent) -> Vec<String> {
    let mut problems = Vec::new();
    for group in &agent.draft.action_groups {
        let name = fetch::name_in(&group.members, "actionGroupName");
        let text = group.members.get("apiSchema").and_then(|schema| schema["payload"].as_str());
        if let Some(Err(message)) = text.map(|text| outcrop_server::check_api_schema(name, text)) {
            problems.push(format!("{}: {message}", agent.name()));
        }
    }
    problems
}

/// Gives the one agent that was asked for another name.
fn rename(bundle: &mut Bundle, name: &str) -> Result<(), TransferError> {
    let [root] = bundle.roots.as_slice() else {
        let roots = bundle.roots.join(", ");
        return Err(TransferError::Usage(format!("--name names one agent, and these are imported: {roots}")));
    };
    let root = root.clone();
    if bundle.agents.iter().any(|agent| agent.name() == name && root != name) {
        return Err(TransferError::Usage(format!("--name {name}: an agent that comes along is called so")));
    }
    for agent in &mut bundle.agents {
        let is_root = agent.name() == root;
        for content in agent.versions.values_mut().chain([&mut agent.draft]) {
            if is_root && fetch::name_in(&content.agent, "agentName") == root {
                content.agent.insert("agentName".to_owned(), name.into());
            }
            for alias in content.collaborators.iter_mut().filter_map(|one| one.alias.as_mut()) {
                if let Some(rest) = alias.strip_prefix(&root).filter(|rest| rest.starts_with('/')) {
                    *alias = format!("{name}{rest}");
                }
            }
        }
    }
    bundle.agents.sort_by(|one, other| one.name().cmp(other.name()));
    bundle.roots = vec![name.to_owned()];
    Ok(())
}

/// The request for what is not there yet, or not as it should be.
fn changed(
    bundle: &Bundle,
    there: &BTreeMap<String, compare::There>,
    options: &ImportOptions,
) -> Result<ImportRequest, TransferError> {
    let mut request = ImportRequest { new_ids: options.new_ids, replace: options.replace, agents: Vec::new() };
    let mut clashes = Vec::new();
    for agent in &bundle.agents {
        match there.get(agent.name()) {
            Some(there) if there.differences.is_empty() => {}
            Some(there) if !options.replace => clashes.push(there.clash(agent.name())),
            _ => request.agents.push(agent.clone()),
        }
    }
    if !clashes.is_empty() {
        clashes.push("import under another name with --name, or replace what is there with --replace".to_owned());
        return Err(TransferError::Failed(clashes.join("\n")));
    }
    // What stays as it is is named by its ARN.
    let kept: Vec<&compare::There> = there.values().filter(|there| there.differences.is_empty()).collect();
    for content in request.agents.iter_mut().flat_map(|agent| agent.versions.values_mut().chain([&mut agent.draft])) {
        for collaborator in &mut content.collaborators {
            let arn = collaborator.alias.as_ref().and_then(|alias| kept.iter().find_map(|there| there.arn_of(alias)));
            if let Some(arn) = arn {
                collaborator.alias = None;
                collaborator.members.insert("agentDescriptor".to_owned(), serde_json::json!({ "aliasArn": arn }));
            }
        }
    }
    Ok(request)
}

/// Puts schemas that groups name in the object store there, where they are missing. Gives what one should know.
async fn keep_schemas(client: &Client, request: &ImportRequest) -> Vec<String> {
    let objects = Objects::new(client.clone());
    let contents = request.agents.iter().flat_map(|agent| agent.versions.values().chain([&agent.draft]));
    let mut texts = BTreeMap::new();
    for group in contents.flat_map(|content| &content.action_groups) {
        if let (Some(text), Some(place)) = (&group.schema_text, fetch::object_of(&group.members)) {
            // Of versions that differ in it, the draft's is the last.
            texts.insert(place, text);
        }
    }
    let mut notes = Vec::new();
    for ((bucket, key), text) in texts {
        match objects.keep(&bucket, &key, text).await {
            Ok(true) => {}
            Ok(false) => {
                notes.push(format!("s3://{bucket}/{key} is another schema than the folder's; it stays as it is"));
            }
            Err(reason) => notes.push(format!("the schema s3://{bucket}/{key} could not be put there: {reason}")),
        }
    }
    notes
}

async fn send(client: &Client, request: &ImportRequest) -> Result<ImportResponse, TransferError> {
    let sent = client.post::<_, ImportResponse>("/outcrop/import", request).await;
    sent.map_err(|error| match error {
        ClientError::Service { code, message, .. } if code == "ValidationException" => TransferError::Usage(message),
        error if error.is_not_implemented() => TransferError::Failed(format!(
            "{} is no Outcrop of this age: agents go in through its /outcrop/import ({error})",
            client.endpoint()
        )),
        error => error.into(),
    })
}

#[cfg(test)]
mod tests;
