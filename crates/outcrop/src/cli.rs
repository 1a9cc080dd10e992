//! The command line.

mod cost;
mod guardrail;
mod kept;

pub(crate) use cost::Cost;
pub(crate) use guardrail::GuardrailCommand;
pub(crate) use kept::{Fork, Trace};

use crate::cancel::CancelOptions;
use crate::chat::{ChatOptions, Style};
use crate::client::Signer;
use crate::deploy::DeployOptions;
use crate::dev::DevOptions;
use crate::memory::{Deed, MemoryOptions, Summary};
use crate::serve::{Failure, ServeOptions};
use crate::store::{BackupOptions, RestoreOptions, StoreOptions};
use crate::transfer::{AwsSource, ExportOptions, ImportOptions, Source};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

const LISTEN: &str = "127.0.0.1:7600";
const ENDPOINT: &str = "http://127.0.0.1:7600";

/// Agents for Amazon Bedrock, above ground: the AWS wire, served here, on any model.
#[derive(Debug, Parser)]
#[command(
    name = "outcrop",
    version,
    propagate_version = true,
    after_help = "\
Environment: OUTCROP_LISTEN, OUTCROP_DATA, OUTCROP_CONFIG, OUTCROP_ENDPOINT stand in for their flags; \
OUTCROP_LOG filters the log (such as `debug` or `outcrop_server=debug,info`); NO_COLOR turns colours off. \
The commands that talk to a server sign with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, \
or send AWS_BEARER_TOKEN_BEDROCK."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the AWS API on one port
    Serve(Serve),
    /// Serve, deploy a folder's template, and deploy again when something is saved
    Dev(Dev),
    /// Make a server hold what a CloudFormation template says
    Deploy(Deploy),
    /// Talk with an agent in the terminal and see each step
    Chat(Chat),
    /// Look at what an agent remembers of its users, and put it right
    #[command(subcommand)]
    Memory(MemoryCommand),
    /// Call off the turn that runs in a session, or that waits there for results
    Cancel(Cancel),
    /// Show what an agent did in a turn that is over, or runs
    Trace(Trace),
    /// Show what models cost: by model, agent, session or day
    Cost(Cost),
    /// Go on from a point of a session in a new one: with another alias, model or instruction
    Fork(Fork),
    /// Try a guardrail on texts
    #[command(subcommand)]
    Guardrail(GuardrailCommand),
    /// Write an agent into a folder of readable files
    Export(Export),
    /// Bring agents into a server, from a folder or from AWS
    Import(Import),
    /// Check, measure, back up or restore what a server keeps
    #[command(subcommand)]
    Store(StoreCommand),
    /// Check the configuration file or print its JSON schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address and port to listen on; port 0 lets the system choose
    #[arg(long, env = "OUTCROP_LISTEN", default_value = LISTEN, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Folder for state
    #[arg(long, env = "OUTCROP_DATA", default_value = ".outcrop", value_name = "FOLDER")]
    data: PathBuf,
    /// Configuration file [default: outcrop.toml, if it exists]
    #[arg(long, env = "OUTCROP_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Serve {
    pub(crate) fn options(&self) -> ServeOptions {
        ServeOptions {
            listen: self.listen,
            data: self.data.clone(),
            config: self.config.clone().or_else(crate::default_config),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Folder with template.yaml and, if you like, outcrop.toml
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Address and port to listen on; port 0 lets the system choose
    #[arg(long, env = "OUTCROP_LISTEN", default_value = LISTEN, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Folder for state [default: .outcrop in the folder]
    #[arg(long, env = "OUTCROP_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Configuration file [default: outcrop.toml in the folder, if it exists]
    #[arg(long, env = "OUTCROP_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// A parameter of the template
    #[arg(long = "parameter", value_name = "KEY=VALUE", value_parser = key_value)]
    parameters: Vec<(String, String)>,
}

impl Dev {
    pub(crate) fn options(self) -> DevOptions {
        let in_folder = self.folder.join("outcrop.toml");
        let serve = ServeOptions {
            listen: self.listen,
            data: self.data.unwrap_or_else(|| self.folder.join(".outcrop")),
            config: self.config.or_else(|| in_folder.is_file().then_some(in_folder)),
        };
        DevOptions { folder: self.folder, serve, parameters: self.parameters }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// CloudFormation or SAM template, YAML or JSON
    template: PathBuf,
    /// Where the server is
    #[arg(long, env = "OUTCROP_ENDPOINT", default_value = ENDPOINT, value_name = "URL")]
    endpoint: String,
    /// Name of the stack [default: the name of the template's folder]
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// A parameter of the template
    #[arg(long = "parameter", value_name = "KEY=VALUE", value_parser = key_value)]
    parameters: Vec<(String, String)>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Deploy {
    pub(crate) fn options(self) -> Result<DeployOptions, Failure> {
        let full = std::path::absolute(&self.template).map_err(|error| Failure::Usage(error.to_string()))?;
        let folder = full.parent().map(std::path::Path::to_owned).unwrap_or_default();
        Ok(DeployOptions {
            template: self.template,
            signer: Signer::from_environment(&crate::environment, &self.endpoint),
            endpoint: self.endpoint,
            stack: self.stack.unwrap_or_else(|| crate::dev::stack_name(&folder)),
            parameters: self.parameters,
            refresh_aliases: false,
            json: self.json,
            clock: std::sync::Arc::new(crate::ambient::SystemClock),
            ids: std::sync::Arc::new(crate::ambient::RandomIds),
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// Agent, and alias after a slash; ids or names [default: the only one]
    #[arg(value_name = "AGENT[/ALIAS]")]
    agent: Option<String>,
    /// Where the server is
    #[arg(long, env = "OUTCROP_ENDPOINT", default_value = ENDPOINT, value_name = "URL")]
    endpoint: String,
    /// Ask this and end
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
    /// Continue this session [default: a new one]
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Print each event as a line of JSON
    #[arg(long)]
    json: bool,
    /// Print the answer only, without the steps
    #[arg(long)]
    quiet: bool,
}

impl Chat {
    pub(crate) fn options(self, new_session: String, style: Style) -> ChatOptions {
        ChatOptions {
            agent: self.agent,
            signer: Signer::from_environment(&crate::environment, &self.endpoint),
            endpoint: self.endpoint,
            message: self.message,
            session: self.session.unwrap_or(new_session),
            json: self.json,
            trace: !self.quiet,
            style,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemoryCommand {
    /// Memory ids with something remembered under them
    List {
        /// Agent, and alias after a slash; ids or names [default: the only one]
        #[arg(value_name = "AGENT[/ALIAS]")]
        agent: Option<String>,
        #[command(flatten)]
        at: MemoryServer,
    },
    /// What is remembered, session by session
    Show {
        /// Agent, and alias after a slash; ids or names
        #[arg(value_name = "AGENT[/ALIAS]")]
        agent: String,
        /// The memory id
        memory_id: String,
        /// One session of it
        session_id: Option<String>,
        #[command(flatten)]
        at: MemoryServer,
    },
    /// Replace the summary of a session
    Edit {
        /// Agent, and alias after a slash; ids or names
        #[arg(value_name = "AGENT[/ALIAS]")]
        agent: String,
        /// The memory id
        memory_id: String,
        /// The session
        session_id: String,
        /// The summary; `-` reads it from standard input
        #[arg(long, value_name = "TEXT", required_unless_present = "topics", conflicts_with = "topics")]
        text: Option<String>,
        /// A topic of the summary; several make several lines
        #[arg(long = "topic", value_name = "NAME=TEXT", value_parser = key_value)]
        topics: Vec<(String, String)>,
        #[command(flatten)]
        at: MemoryServer,
    },
    /// Forget a memory id, or one session of it
    Delete {
        /// Agent, and alias after a slash; ids or names
        #[arg(value_name = "AGENT[/ALIAS]")]
        agent: String,
        /// The memory id
        memory_id: String,
        /// Only this session
        session_id: Option<String>,
        #[command(flatten)]
        at: MemoryServer,
    },
}

/// What the commands on memories share.
#[derive(Debug, Args)]
pub(crate) struct MemoryServer {
    /// Where the server is
    #[arg(long, env = "OUTCROP_ENDPOINT", default_value = ENDPOINT, value_name = "URL")]
    endpoint: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl MemoryCommand {
    pub(crate) fn options(self, style: Style) -> Result<MemoryOptions, Failure> {
        let (agent, deed, at) = match self {
            Self::List { agent, at } => (agent, Deed::List, at),
            Self::Show { agent, memory_id, session_id, at } => (Some(agent), Deed::Show { memory_id, session_id }, at),
            Self::Edit { agent, memory_id, session_id, text, topics, at } => {
                let summary = match text {
                    Some(text) if text == "-" => Summary::Text(crate::standard_input()?),
                    Some(text) => Summary::Text(text),
                    None => Summary::Topics(topics),
                };
                (Some(agent), Deed::Edit { memory_id, session_id, summary }, at)
            }
            Self::Delete { agent, memory_id, session_id, at } => {
                (Some(agent), Deed::Delete { memory_id, session_id }, at)
            }
        };
        let signer = Signer::from_environment(&crate::environment, &at.endpoint);
        Ok(MemoryOptions { agent, endpoint: at.endpoint, signer, json: at.json, style, deed })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The session, as the client named it
    session: String,
    /// Its agent, by id or name, where several have a session of this id
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// And its alias
    #[arg(long, value_name = "ALIAS", requires = "agent")]
    alias: Option<String>,
    /// Where the server is
    #[arg(long, env = "OUTCROP_ENDPOINT", default_value = ENDPOINT, value_name = "URL")]
    endpoint: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Cancel {
    pub(crate) fn options(self) -> CancelOptions {
        CancelOptions {
            session: self.session,
            agent: self.agent,
            alias: self.alias,
            signer: Signer::from_environment(&crate::environment, &self.endpoint),
            endpoint: self.endpoint,
            json: self.json,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Agents, by id or name
    #[arg(value_name = "AGENT", required = true, value_delimiter = ',')]
    agents: Vec<String>,
    /// The folder; what stands there beside an export is left alone [default: the agent's name]
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Where the server is
    #[arg(long, env = "OUTCROP_ENDPOINT", default_value = ENDPOINT, value_name = "URL")]
    endpoint: String,
    /// Leave out the agents that these work with
    #[arg(long)]
    no_collaborators: bool,
    /// Replace an export that is in the folder
    #[arg(long)]
    force: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(crate) fn options(self) -> ExportOptions {
        ExportOptions {
            agents: self.agents,
            signer: Signer::from_environment(&crate::environment, &self.endpoint),
            endpoint: self.endpoint,
            to: self.to,
            collaborators: !self.no_collaborators,
            force: self.force,
            json: self.json,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Folder that `outcrop export` wrote
    #[arg(required_unless_present = "from_aws", conflicts_with = "from_aws")]
    folder: Option<PathBuf>,
    /// Read these agents from AWS instead, by id or name, with your own credentials
    #[arg(long, value_name = "AGENT", value_delimiter = ',')]
    from_aws: Vec<String>,
    /// Profile of the AWS credentials [default: as with every AWS tool]
    #[arg(long, value_name = "NAME", requires = "from_aws")]
    profile: Option<String>,
    /// AWS region [default: as with every AWS tool]
    #[arg(long, value_name = "REGION", requires = "from_aws")]
    region: Option<String>,
    /// Where AWS is, if not where AWS says
    #[arg(long, env = "AWS_ENDPOINT_URL_BEDROCK_AGENT", value_name = "URL")]
    aws_endpoint: Option<String>,
    /// Leave out the agents that these work with
    #[arg(long, requires = "from_aws")]
    no_collaborators: bool,
    /// Only write what was read from AWS into this folder
    #[arg(long, value_name = "FOLDER", requires = "from_aws", conflicts_with_all = ["name", "replace", "new_ids"])]
    to: Option<PathBuf>,
    /// Replace an export that is in the folder
    #[arg(long, requires = "to")]
    force: bool,
    /// Where the server is
    #[arg(long, env = "OUTCROP_ENDPOINT", default_value = ENDPOINT, value_name = "URL")]
    endpoint: String,
    /// Give the agent another name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace agents of the same names; they keep their ids, and aliases theirs
    #[arg(long)]
    replace: bool,
    /// Have all ids made anew [default: ids of the export are kept where they are free]
    #[arg(long)]
    new_ids: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Import {
    pub(crate) fn options(self) -> ImportOptions {
        let from = match self.folder {
            Some(folder) => Source::Folder(folder),
            None => Source::Aws(AwsSource {
                agents: self.from_aws,
                user: outcrop_aws::AwsOptions { profile: self.profile, region: self.region },
                endpoint: self.aws_endpoint,
                collaborators: !self.no_collaborators,
                to: self.to.map(|folder| (folder, self.force)),
            }),
        };
        ImportOptions {
            from,
            signer: Signer::from_environment(&crate::environment, &self.endpoint),
            endpoint: self.endpoint,
            name: self.name,
            replace: self.replace,
            new_ids: self.new_ids,
            json: self.json,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Say whether the store is whole; the server may run
    Check(WhichStore),
    /// Say how much there is and where the bytes are; the server may run
    Stats(WhichStore),
    /// Copy the store into a new folder; the server may run
    Backup(Backup),
    /// Put a backup in the place of the store; the server must not run
    Restore(Restore),
}

#[derive(Debug, Args)]
pub(crate) struct WhichStore {
    /// Folder for state
    #[arg(long, env = "OUTCROP_DATA", default_value = ".outcrop", value_name = "FOLDER")]
    data: PathBuf,
    /// Configuration file [default: outcrop.toml, if it exists]
    #[arg(long, env = "OUTCROP_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl WhichStore {
    pub(crate) fn options(&self) -> StoreOptions {
        let config = self.config.clone().or_else(crate::default_config);
        StoreOptions { data: self.data.clone(), config, json: self.json }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The folder to make
    #[arg(value_name = "FOLDER")]
    to: PathBuf,
    /// Copy the objects folder, too
    #[arg(long)]
    objects: bool,
    #[command(flatten)]
    store: WhichStore,
}

impl Backup {
    pub(crate) fn options(&self) -> BackupOptions {
        BackupOptions { store: self.store.options(), to: self.to.clone(), objects: self.objects }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Folder that `outcrop store backup` made
    #[arg(value_name = "FOLDER")]
    from: PathBuf,
    /// Put aside what is there
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    store: WhichStore,
}

impl Restore {
    pub(crate) fn options(&self) -> RestoreOptions {
        RestoreOptions { store: self.store.options(), from: self.from.clone(), replace: self.replace }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say whether the configuration file is fine
    Check {
        /// Configuration file [default: outcrop.toml, if it exists]
        #[arg(long, env = "OUTCROP_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
        /// Folder for state
        #[arg(long, env = "OUTCROP_DATA", default_value = ".outcrop", value_name = "FOLDER")]
        data: PathBuf,
    },
    /// Print the JSON schema of the configuration file
    Schema,
}

impl Cli {
    /// What is logged when nobody says.
    pub(crate) fn log_default(&self) -> &'static str {
        match self.command {
            Command::Serve(_) | Command::Dev(_) => "info",
            _ => "warn",
        }
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_well_formed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
