//! `outcrop chat`: a conversation with an agent in the terminal, or one message, with every step shown as it happens.

mod control;
mod render;
mod target;

pub(crate) use render::{Detail, Renderer, Style, clean};
pub(crate) use target::{Target, resolve};

use crate::client::{Client, ClientError, EventStream, Signer, StreamEvent};
use control::Request;
use outcrop_api::bedrock_agent_runtime::{InvokeAgent, InvokeAgentRequest};
use serde_json::{Value, json};
use std::io::{BufRead, ErrorKind, Read, Write};

/// Longest line of input, in bytes.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// What to talk to and how.
#[derive(Clone, Debug)]
pub(crate) struct ChatOptions {
    /// `AGENT` or `AGENT/ALIAS`, each an id or a name. None: the only agent there is, and its only alias.
    pub agent: Option<String>,
    /// The server's address.
    pub endpoint: String,
    /// How it is shown who talks.
    pub signer: Signer,
    /// One message instead of a conversation.
    pub message: Option<String>,
    /// The session's id; the same id continues an earlier conversation.
    pub session: String,
    /// One JSON object per event and line instead of text for people.
    pub json: bool,
    /// Whether to show the steps, and not the answer alone.
    pub trace: bool,
    /// Colours and width.
    pub style: Style,
}

/// The user's side.
pub(crate) struct ChatIo<'a> {
    /// What the user writes. Reading blocks the thread: run the future where it may (`block_on`).
    pub input: &'a mut (dyn BufRead + Send),
    /// Whether a person can be asked: input and output are a terminal.
    pub interactive: bool,
    /// What the user sees.
    pub out: &'a mut (dyn Write + Send),
}

/// Why a conversation ended badly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChatError {
    /// The command line is wrong (exit status 2).
    #[error("{0}")]
    Usage(String),
    /// It did not work (exit status 1).
    #[error("{0}")]
    Failed(String),
}

/// Talks until the input ends, or answers one message.
///
/// A failed turn ends the command, except in a conversation with a person, which goes on. A reader that goes away
/// (`| head`) ends it without an error. Dropping the future ends the running turn.
pub(crate) async fn run(options: ChatOptions, mut io: ChatIo<'_>) -> Result<(), ChatError> {
    let client = Client::new(&options.endpoint).signed_by(options.signer.clone());
    let target = target::resolve(&client, options.agent.as_deref()).await?;
    let mut chat = Chat { client, target, options };
    let ended = match chat.options.message.take() {
        Some(message) => chat.turn(&mut io, &message).await,
        None => chat.conversation(&mut io).await,
    };
    match ended {
        Err(Stop::Closed) | Ok(()) => Ok(()),
        Err(Stop::Failed(message)) => Err(ChatError::Failed(message)),
    }
}

/// Why a turn stopped.
pub(crate) enum Stop {
    /// Nobody reads any more.
    Closed,
    /// It did not work.
    Failed(String),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed(format!("the terminal cannot be used: {error}")),
        }
    }
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Self::Failed(error.to_string())
    }
}

struct Chat {
    client: Client,
    target: Target,
    options: ChatOptions,
}

impl Chat {
    async fn conversation(&mut self, io: &mut ChatIo<'_>) -> Result<(), Stop> {
        let greets = io.interactive && !self.options.json;
        if greets {
            writeln!(io.out, "{}, session {}; Ctrl-D ends it", self.target, self.options.session)?;
        }
        let mut between = "";
        loop {
            let prompt = if greets { "\n> " } else { "" };
            let Some(line) = ask(io, prompt)? else {
                // The shell's prompt shall not stand beside ours.
                if greets {
                    writeln!(io.out)?;
                }
                return Ok(());
            };
            match line.as_str() {
                "" => continue,
                "exit" | "quit" | "/exit" | "/quit" if io.interactive => return Ok(()),
                _ => {}
            }
            io.out.write_all(between.as_bytes())?;
            between = if greets || self.options.json { "" } else { "\n" };
            match self.turn(io, &line).await {
                // A person may try again.
                Err(Stop::Failed(message)) if greets => writeln!(io.out, "{message}")?,
                other => other?,
            }
        }
    }

    /// One question to its answer, with as many returns of control as the agent wants between them.
    async fn turn(&self, io: &mut ChatIo<'_>, message: &str) -> Result<(), Stop> {
        let mut said = json!({ "inputText": message });
        loop {
            let Some(payload) = self.stream(io, said).await? else { return Ok(()) };
            let results = answers(io, &control::requests(&payload))?;
            let state = json!({"invocationId": payload["invocationId"], "returnControlInvocationResults": results});
            said = json!({ "sessionState": state });
        }
    }

    /// Sends, shows the events, and gives back the payload of a `returnControl`.
    async fn stream(&self, io: &mut ChatIo<'_>, said: Value) -> Result<Option<Value>, Stop> {
        let mut stream = self.client.open::<InvokeAgent>(&self.request(said)?).await?;
        show(&mut stream, self.options.style, self.options.json, io.out).await
    }

    fn request(&self, said: Value) -> Result<InvokeAgentRequest, Stop> {
        let mut request = json!({
            "agentId": self.target.agent_id,
            "agentAliasId": self.target.alias_id,
            "sessionId": self.options.session,
            "enableTrace": self.options.trace,
            "streamingConfigurations": {"streamFinalResponse": true},
        });
        if let (Value::Object(request), Value::Object(said)) = (&mut request, said) {
            request.extend(said);
        }
        // Fails when the agent asks in a form that its own interface does not have.
        serde_json::from_value(request).map_err(|error| Stop::Failed(format!("cannot answer the agent: {error}")))
    }
}

/// Shows the events of a turn, and gives back the payload of a `returnControl`.
pub(crate) async fn show(
    stream: &mut EventStream,
    style: Style,
    json: bool,
    out: &mut (dyn Write + Send),
) -> Result<Option<Value>, Stop> {
    let mut renderer = Renderer::new(style);
    let mut returned = None;
    while let Some(event) = stream.next().await? {
        let text = if json { json_line(&event) } else { renderer.event(&event) };
        out.write_all(text.as_bytes())?;
        out.flush()?;
        if event.is_exception {
            let message = event.payload["message"].as_str().unwrap_or("no message");
            return Err(Stop::Failed(format!("the turn failed: {}: {message}", event.name)));
        }
        if event.name == "returnControl" {
            returned = Some(event.payload);
        }
    }
    if !json {
        out.write_all(renderer.finish().as_bytes())?;
        out.flush()?;
    }
    Ok(returned)
}

/// Asks the user for what the agent wants to know.
fn answers(io: &mut ChatIo<'_>, requests: &[Request]) -> Result<Vec<Value>, Stop> {
    if !io.interactive {
        let titles: Vec<String> = requests.iter().map(Request::title).collect();
        let asked = titles.join(", ");
        let mend = "run `outcrop chat` in a terminal to answer it, or answer from a program with returnControlInvocationResults";
        return Err(Stop::Failed(format!("the agent returned control and waits for the result of {asked}: {mend}")));
    }
    let mut results = Vec::new();
    for request in requests {
        let needs = request.needs();
        let mut confirmed = None;
        if needs.confirmation {
            let reply = ask(io, &format!("run {}? [y/N] ", request.title()))?;
            confirmed = Some(matches!(reply.as_deref(), Some("y" | "Y" | "yes")));
        }
        let wants_result = needs.result && confirmed != Some(false);
        let result = match wants_result {
            true => Some(ask(io, &format!("result for {}> ", request.name()))?.ok_or(Stop::Closed)?),
            false => None,
        };
        results.push(request.answer(confirmed, result.as_deref()));
    }
    Ok(results)
}

/// One line of input without white space around it; `None` at the end of input.
fn ask(io: &mut ChatIo<'_>, prompt: &str) -> Result<Option<String>, Stop> {
    write!(io.out, "{prompt}")?;
    io.out.flush()?;
    let mut line = Vec::new();
    let read = (&mut *io.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    Ok((read > 0).then(|| String::from_utf8_lossy(&line).trim().to_owned()))
}

/// `{"event": …, "payload": …}`, with the decoded `text` of a chunk.
fn json_line(event: &StreamEvent) -> String {
    let mut line = json!({"event": event.name, "payload": event.payload});
    if event.name == "chunk" {
        line["text"] = Value::from(event.text());
    }
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALENDAR: &str = r#"{"invocationInputs": [{"functionInvocationInput": {
        "actionGroup": "Client", "function": "open_calendar", "actionInvocationType": "USER_CONFIRMATION_AND_RESULT"}}]}"#;

    fn check(input: &str, interactive: bool, expected: Result<(&str, Value), &str>) {
        let mut out = Vec::new();
        let mut reader = input.as_bytes();
        let mut io = ChatIo { input: &mut reader, interactive, out: &mut out };
        let requests = control::requests(&serde_json::from_str(CALENDAR).unwrap());
        let found = answers(&mut io, &requests);
        match (found, expected) {
            (Ok(results), Ok((seen, result))) => {
                assert_eq!(String::from_utf8(out).unwrap(), seen);
                assert_eq!(results[0]["functionResult"], result);
            }
            (Err(Stop::Failed(message)), Err(start)) => assert!(message.starts_with(start), "{message}"),
            (found, _) => panic!("unexpected: {}", if found.is_ok() { "answers" } else { "an error" }),
        }
    }

    #[test]
    fn a_person_is_asked_and_a_pipe_is_told() {
        let group = json!({"actionGroup": "Client", "function": "open_calendar"});
        let with = |more: Value| {
            let mut all = group.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        check(
            "y\n free on Monday \n",
            true,
            Ok((
                "run open_calendar()? [y/N] result for open_calendar> ",
                with(json!({"confirmationState": "CONFIRM", "responseBody": {"TEXT": {"body": "free on Monday"}}})),
            )),
        );
        check("\n", true, Ok(("run open_calendar()? [y/N] ", with(json!({"confirmationState": "DENY"})))));
        check(
            "",
            false,
            Err("the agent returned control and waits for the result of open_calendar(): run `outcrop chat`"),
        );
    }

    #[test]
    fn json_lines_carry_the_text() {
        let chunk = StreamEvent::new("chunk", json!({"bytes": "SGk="}));
        assert_eq!(json_line(&chunk), "{\"event\":\"chunk\",\"payload\":{\"bytes\":\"SGk=\"},\"text\":\"Hi\"}\n");
    }
}
