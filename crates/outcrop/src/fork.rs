//! `outcrop fork`: a new session from a point of another; a turn that is forked within goes on and is shown.

use crate::chat::{self, Style};
use crate::client::{Client, ClientError, Opened, Signer, encoded, with_query};
use crate::serve::Failure;
use crate::trace::mend;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Largest file with an instruction, in bytes.
const INSTRUCTION_BYTES_MAX: u64 = 256 * 1024;

/// What to fork, and what to go on with.
#[derive(Clone, Debug)]
pub(crate) struct ForkOptions {
    /// The session to fork.
    pub session: String,
    /// Turn, and step within it; the end of the last finished turn when absent.
    pub at: Option<(u32, Option<u32>)>,
    /// Id of the new session.
    pub new_session: String,
    /// Alias to go on through.
    pub alias: Option<String>,
    /// Version to go on as.
    pub agent_version: Option<String>,
    /// Model to go on with.
    pub model: Option<String>,
    /// Instruction to go on with.
    pub instruction: Option<String>,
    /// Agent of the session that is forked.
    pub agent: Option<String>,
    /// Alias of the session that is forked.
    pub from_alias: Option<String>,
    /// The server's address.
    pub endpoint: String,
    /// How it is shown who asks.
    pub signer: Signer,
    /// JSON instead of text for people.
    pub json: bool,
    /// Whether to show the steps of a turn that goes on.
    pub trace: bool,
    /// Colours and width.
    pub style: Style,
}

/// The instruction in a file.
pub(crate) fn instruction(file: &Path) -> Result<String, Failure> {
    let refuse = |why: String| Failure::Usage(format!("--instruction-file: {}: {why}", file.display()));
    let metadata = std::fs::metadata(file).map_err(|error| refuse(error.to_string()))?;
    if metadata.len() > INSTRUCTION_BYTES_MAX {
        return Err(refuse(format!("has more than {INSTRUCTION_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))
}

/// Forks, and shows what comes of it.
pub(crate) async fn run(options: ForkOptions, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let client = Client::new(&options.endpoint).signed_by(options.signer.clone());
    let failed = |error: ClientError| Failure::Failed(mend(&error));
    let which: Vec<(&str, String)> = [("agentId", &options.agent), ("agentAliasId", &options.from_alias)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .collect();
    let path = with_query(&format!("/outcrop/sessions/{}/fork", encoded(&options.session)), &which, None);
    match client.post_open(&path, &body(&options)).await.map_err(failed)? {
        Opened::Json(fork) => {
            let shown = if options.json { fork.to_string() } else { told(&fork, &options) };
            // A reader that is gone has nothing to be told.
            let _ = writeln!(out, "{shown}");
            Ok(())
        }
        Opened::Stream(mut stream) => {
            if !options.json {
                let _ = writeln!(out, "{} goes on in {}", options.session, options.new_session);
            }
            match chat::show(&mut stream, options.style, options.json, out).await {
                Ok(None) | Err(chat::Stop::Closed) => Ok(()),
                Ok(Some(_)) if options.json => Ok(()),
                Ok(Some(_)) => {
                    let mend = "answer it from a program with returnControlInvocationResults";
                    Err(Failure::Failed(format!(
                        "the agent returned control and waits in {}: {mend}",
                        options.new_session
                    )))
                }
                Err(chat::Stop::Failed(message)) => Err(Failure::Failed(message)),
            }
        }
    }
}

fn body(options: &ForkOptions) -> Value {
    let mut body = json!({"newSessionId": options.new_session});
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body[name] = value;
        }
    };
    let text = |value: &Option<String>| value.clone().map(Value::from);
    put("turn", options.at.map(|(turn, _)| turn.into()));
    put("step", options.at.and_then(|(_, step)| step).map(Value::from));
    put("agentAliasId", text(&options.alias));
    put("agentVersion", text(&options.agent_version));
    put("foundationModel", text(&options.model));
    put("instruction", text(&options.instruction));
    if options.at.is_some_and(|(_, step)| step.is_some()) {
        put("enableTrace", Some(options.trace.into()));
        put("streamFinalResponse", Some(true.into()));
    }
    body
}

fn told(fork: &Value, options: &ForkOptions) -> String {
    let text = |name: &str| fork[name].as_str().unwrap_or_default();
    let (agent, alias, session) = (text("agentId"), text("agentAliasId"), text("sessionId"));
    format!(
        "{session} goes on from {} after turn {}\n`outcrop chat {agent}/{alias} --session {session}` talks with it",
        options.session, fork["turns"]
    )
}
