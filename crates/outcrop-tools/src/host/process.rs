//! The child process of an instance: its command, its environment, its end.

use super::code::{self, Code};
use super::{Function, Shared};
use crate::failure::Failure;
use crate::functions::Runtime;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use tokio::process::{Child, Command};

/// Where programs are looked for by functions.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Starts the process that will ask `address` for events. It leads a process group of its own.
pub(super) async fn start(
    shared: &Shared,
    function: &Function,
    code: &Code,
    address: SocketAddr,
) -> Result<Child, Failure> {
    let runtime = function.local.runtime;
    let mut command = match runtime {
        Runtime::Python => {
            let interpreter = shared.python.place().await?;
            let mut command = Command::new(interpreter);
            // No compiled modules are written, so that running a folder in place leaves it as it was.
            command.args(["-B", "-X", "utf8"]).arg(shared.runtime_folder.join("bootstrap.py"));
            set_environment(&mut command, shared, function, code, address, interpreter.parent());
            command
        }
        Runtime::NodeJs => {
            let interpreter = shared.node.place().await?;
            let mut command = Command::new(interpreter);
            command.arg(shared.runtime_folder.join("bootstrap.mjs"));
            set_environment(&mut command, shared, function, code, address, interpreter.parent());
            command
        }
        Runtime::Provided => {
            let mut command = Command::new(code.root.join("bootstrap"));
            set_environment(&mut command, shared, function, code, address, None);
            command
        }
    };
    command
        .current_dir(&code.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            let what = if runtime == Runtime::Provided { "the executable `bootstrap`" } else { "its interpreter" };
            Failure::unreachable("could not be started", format!("{what} of {}: {error}", function.name))
        })
}

/// Ends the process and all it started, unless they left its group. Does nothing when they are gone.
pub(super) fn kill_group(leader: Option<u32>) {
    let leader = leader.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(leader) = leader {
        // The only failure is that nobody is left.
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

/// How a process ended, in Lambda's words.
pub(super) fn status_text(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => match signal {
            6 => "signal: aborted".to_owned(),
            9 => "signal: killed".to_owned(),
            11 => "signal: segmentation fault".to_owned(),
            15 => "signal: terminated".to_owned(),
            other => format!("signal: {other}"),
        },
        (None, None) => status.to_string(),
    }
}

/// Nothing is inherited. What the function declares wins over our stand-ins for region, credentials and the like, but
/// not over what tells it who it is.
fn set_environment(
    command: &mut Command,
    shared: &Shared,
    function: &Function,
    code: &Code,
    address: SocketAddr,
    interpreter_folder: Option<&Path>,
) {
    let local = &function.local;
    let region = shared.config.home.region.as_str();
    let search_path = match interpreter_folder.and_then(Path::to_str) {
        Some(folder) => format!("{folder}:{SEARCH_PATH}"),
        None => SEARCH_PATH.to_owned(),
    };
    let log_group = format!("/aws/lambda/{}", function.name);
    let day = shared.clock.now().to_string().chars().take(10).collect::<String>().replace('-', "/");
    let log_stream = format!("{day}/[$LATEST]{}", shared.ids.uuid().replace('-', ""));

    command.env_clear();
    command.envs([
        ("PATH", search_path.as_str()),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
    ]);
    let declares_credentials = |variables: &BTreeMap<String, String>| variables.contains_key("AWS_ACCESS_KEY_ID");
    if !declares_credentials(&local.environment) && !declares_credentials(&shared.config.environment) {
        let credentials = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
        command.envs(credentials.map(|name| (name, "local")));
    }
    let harmless =
        |(name, value): &(&String, &String)| !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
    command.envs(shared.config.environment.iter().filter(harmless));
    command.envs(local.environment.iter().filter(harmless));
    command.envs([
        ("_HANDLER", local.handler.as_str()),
        ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", local.memory_mb.to_string().as_str()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", log_group.as_str()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream.as_str()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", local.runtime).as_str()),
    ]);
    let variable = match local.runtime {
        Runtime::Python => "PYTHONPATH",
        Runtime::NodeJs | Runtime::Provided => "NODE_PATH",
    };
    let mut folders = code::module_folders(&code.layers, local.runtime);
    if !folders.is_empty() {
        folders.extend(local.environment.get(variable).into_iter().flat_map(|own| std::env::split_paths(own)));
        // A path with a colon in it cannot be on the list; there is none among ours.
        if let Ok(list) = std::env::join_paths(folders) {
            command.env(variable, list);
        }
    }
    command.env("LAMBDA_TASK_ROOT", &code.root);
    command.env("LAMBDA_RUNTIME_DIR", &shared.runtime_folder);
}
