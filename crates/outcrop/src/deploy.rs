//! `outcrop deploy`: makes a server hold what a CloudFormation template says.
//!
//! ```text
//! template.rs    YAML or JSON → nodes that know their lines
//! document.rs    the sections, the resources                  parameters.rs  values from the command line
//! evaluate.rs    Ref, Fn::Sub, conditions, …                  order.rs       what needs what
//! wanted.rs      properties → members of the API, by convert.rs; groups.rs, names.rs: rules; code by package.rs
//! check.rs       all of these before anything is changed: every mistake is reported at once, with its line
//! apply.rs       calls the server, resource by resource, and keeps record.rs up to date
//! ```

mod apply;
mod check;
mod collaborators;
mod convert;
mod document;
mod evaluate;
mod groups;
mod names;
mod order;
mod package;
mod parameters;
mod record;
mod report;
mod resource;
mod template;
mod wanted;

pub(crate) use report::DeployReport;

use crate::client::{Client, ClientError, Signer};
use apply::{Apply, Failure};
use check::{Checked, check};
use evaluate::Place;
use outcrop_ports::{Clock, Ids};
use record::StackRecord;
use report::Reporter;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use template::{Problem, TEMPLATE_BYTES_MAX};

/// What to deploy, where and how.
#[derive(Clone)]
pub(crate) struct DeployOptions {
    /// The template; names of local code in it are relative to its folder.
    pub template: PathBuf,
    /// The server's address.
    pub endpoint: String,
    /// How it is shown who deploys.
    pub signer: Signer,
    /// Name of the stack: letters, digits and hyphens, beginning with a letter, at most 128.
    pub stack: String,
    /// Values of the template's parameters.
    pub parameters: Vec<(String, String)>,
    /// Whether an alias without `RoutingConfiguration` cuts a new version when its agent has changed. CloudFormation
    /// leaves the alias where it is; for work on an agent that is seldom what one wants.
    pub refresh_aliases: bool,
    /// One JSON object at the end instead of lines for people.
    pub json: bool,
    /// Tells the time for the stack's record.
    pub clock: Arc<dyn Clock>,
    /// Makes tokens for the server.
    pub ids: Arc<dyn Ids>,
}

/// Why nothing, or not everything, was deployed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DeployError {
    /// The template or the command line is wrong; nothing was changed (exit status 2).
    Template(Vec<TemplateError>),
    /// It did not work; deploying again continues (exit status 1).
    Failed(String),
}

/// One mistake in a template. Prints as `template.yaml:12: Resources.Agent.Properties.Foo: unsupported property`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TemplateError {
    /// The template as it was named.
    pub file: PathBuf,
    /// Line, from 1; 0 when the mistake is not in the file.
    pub line: usize,
    /// Column, from 1; 0 when the mistake is not in the file.
    pub column: usize,
    /// Path of the value; empty for the file as a whole.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Deploys a template and tells about it on `out`.
///
/// Everything that is wrong with the template is found before the server is changed. Deploying the same template again
/// changes nothing. Dropping the future stops between two calls; deploying again continues from there.
pub(crate) async fn run(options: DeployOptions, out: &mut (dyn Write + Send)) -> Result<DeployReport, DeployError> {
    check_stack_name(&options)?;
    let source = read_template(&options.template).map_err(|problem| options.wrong(vec![problem]))?;
    let client = Client::new(&options.endpoint).signed_by(options.signer.clone());
    let place = find_place(&client, &options.stack).await;
    // A wrong template is told even when there is no server; then with the place a server has by default.
    let assumed = place.as_ref().map_or_else(|_| default_place(&options.stack), Place::clone);
    let mut checked = check(&source, folder_of(&options.template), &options.parameters, assumed)
        .map_err(|problems| options.wrong(problems))?;
    let place = place.map_err(|error| failed(&error))?;
    let record_path = format!("/outcrop/stacks/{}", options.stack);
    let record = client.get::<StackRecord>(&record_path).await.map_err(|error| failed(&error))?.unwrap_or_default();
    let wanted = checked.order.iter().map(|live| (live.id.as_str(), live.kind.name()));
    let known = record.resources.iter().map(|(id, recorded)| (id.as_str(), recorded.r#type.as_str()));
    let mut reporter = Reporter::new(out, options.json, &options.stack, wanted.chain(known));
    let DeployOptions { refresh_aliases, clock, ids, .. } = &options;
    let (refresh_aliases, clock, ids) = (*refresh_aliases, clock.as_ref(), ids.as_ref());
    let mut apply = Apply { client: &client, record_path, place, record, refresh_aliases, clock, ids, claimed: false };
    let told = deploy(&mut apply, &mut checked, &mut reporter).await;
    told.map_err(|Failure(reason)| DeployError::Failed(reason))?;
    reporter.finish(&apply.record.outputs).map_err(|error| DeployError::Failed(Failure::from(error).0))
}

/// The files and folders that a deployment of the template reads: itself and local code.
///
/// Of a template that cannot be read, only itself: it is what will be mended.
pub(crate) fn inputs(template: &Path) -> Vec<PathBuf> {
    let mut found = vec![template.to_owned()];
    let Ok(source) = read_template(template) else { return found };
    let Ok(root) = template::parse(&source) else { return found };
    let document = document::Document::read(&root, &mut Vec::new());
    let folder = folder_of(template);
    let globals = document.function_globals.iter();
    let code = document.resources.iter().map(|resource| &resource.properties).chain(globals);
    for name in code.flat_map(|properties| ["Code", "CodeUri"].map(|key| properties.get(key)?.text())).flatten() {
        let path = folder.join(name);
        if !name.starts_with("s3://") && !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

async fn deploy(apply: &mut Apply<'_>, checked: &mut Checked, reporter: &mut Reporter<'_>) -> Result<(), Failure> {
    apply.run(checked, reporter).await?;
    let mut recorded: Vec<&str> = Vec::new();
    for live in &checked.order {
        if live.kind.recorded_properties().is_some() && !recorded.contains(&live.kind.name()) {
            recorded.push(live.kind.name());
        }
    }
    if !recorded.is_empty() {
        let names = recorded.join(", ");
        reporter.note(format!("{names}: kept in the stack's record only; rights are not enforced here"))?;
    }
    Ok(())
}

/// What the server says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    region: String,
    account_id: String,
}

/// Region and account as they appear in the server's ARNs.
async fn find_place(client: &Client, stack: &str) -> Result<Place, ClientError> {
    let about = client.get::<About>("/outcrop/about").await?;
    Ok(match about {
        Some(About { region, account_id }) => Place { region, account_id, stack: stack.to_owned() },
        None => default_place(stack),
    })
}

fn default_place(stack: &str) -> Place {
    Place { region: "us-east-1".to_owned(), account_id: "000000000000".to_owned(), stack: stack.to_owned() }
}

fn check_stack_name(options: &DeployOptions) -> Result<(), DeployError> {
    let name = &options.stack;
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if letters && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.len() <= 128 {
        return Ok(());
    }
    let message = format!("stack name `{name}`: letters, digits and hyphens, beginning with a letter, at most 128");
    Err(options.wrong(vec![outside(message)]))
}

fn read_template(path: &Path) -> Result<String, Problem> {
    let mut source = String::new();
    let file = std::fs::File::open(path).map_err(|error| outside(format!("cannot be read: {error}")))?;
    // One byte more than allowed, so that parsing sees that it is too long.
    let read = file.take(TEMPLATE_BYTES_MAX as u64 + 1).read_to_string(&mut source);
    read.map_err(|error| outside(format!("cannot be read: {error}")))?;
    Ok(source)
}

/// A problem that has no line.
fn outside(message: String) -> Problem {
    Problem { line: 0, column: 0, path: String::new(), message }
}

fn folder_of(template: &Path) -> PathBuf {
    template.parent().map(Path::to_owned).unwrap_or_default()
}

fn failed(error: &ClientError) -> DeployError {
    DeployError::Failed(error.to_string())
}

impl DeployOptions {
    fn wrong(&self, problems: Vec<Problem>) -> DeployError {
        let told = problems.into_iter().map(|Problem { line, column, path, message }| TemplateError {
            file: self.template.clone(),
            line,
            column,
            path,
            message,
        });
        DeployError::Template(told.collect())
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        if !self.path.is_empty() {
            write!(f, " {}:", self.path)?;
        }
        write!(f, " {}", self.message)
    }
}

impl fmt::Display for DeployError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(errors) => {
                let lines: Vec<String> = errors.iter().map(TemplateError::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for DeployError {}

#[cfg(test)]
mod tests;
