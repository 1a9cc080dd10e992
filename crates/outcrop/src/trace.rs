//! `outcrop trace`: what an agent did in a turn, read back from the server.

use crate::chat::{Detail, Renderer, Style};
use crate::client::{Client, ClientError, Signer, encoded, with_query};
use crate::serve::Failure;
use serde_json::{Value, json};
use std::io::{ErrorKind, Write};

/// What to show and how.
#[derive(Clone, Debug)]
pub(crate) struct TraceOptions {
    /// The session; only a list of sessions needs none.
    pub session: Option<String>,
    /// The turn; the last when absent.
    pub turn: Option<u32>,
    /// Whether to list instead.
    pub list: bool,
    /// Whether to show everything whole.
    pub full: bool,
    /// The session's agent, by id or name.
    pub agent: Option<String>,
    /// The session's alias, by id or name.
    pub alias: Option<String>,
    /// The server's address.
    pub endpoint: String,
    /// How it is shown who asks.
    pub signer: Signer,
    /// JSON instead of text for people.
    pub json: bool,
    /// Colours and width.
    pub style: Style,
}

/// Prints a trace or a list. A reader that goes away (`| head`) ends it without an error.
pub(crate) async fn run(options: TraceOptions, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let client = Client::new(&options.endpoint).signed_by(options.signer.clone());
    let done = match (&options.session, options.list) {
        (None, _) => sessions(&client, &options, out).await,
        (Some(session), true) => turns(&client, session, &options, out).await,
        (Some(session), false) => trace(&client, session, &options, out).await,
    };
    match done {
        Err(Stop::Closed) | Ok(()) => Ok(()),
        Err(Stop::Failed(message)) => Err(Failure::Failed(message)),
    }
}

enum Stop {
    /// Nobody reads any more.
    Closed,
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
        Self::Failed(mend(&error))
    }
}

/// What went wrong, and what to do about it in this command's own words.
pub(crate) fn mend(error: &ClientError) -> String {
    let ClientError::Service { code, message, .. } = error else { return error.to_string() };
    match code.as_str() {
        "ResourceNotFoundException" if message.starts_with("There is no session") => {
            format!("{message} `outcrop trace --list` shows the sessions there are.")
        }
        "ValidationException" if message.starts_with("Several sessions") => {
            let message = message.split(" Say which").next().unwrap_or(message);
            format!("{message} Say which with --agent and --alias.")
        }
        "UnknownOperationException" => "the server is of an older version, which keeps no traces".to_owned(),
        _ => error.to_string(),
    }
}

async fn sessions(client: &Client, options: &TraceOptions, out: &mut (dyn Write + Send)) -> Result<(), Stop> {
    each_page(client, "/outcrop/sessions", &which(options), "sessions", options, out, |session| {
        let text = |name: &str| session[name].as_str().unwrap_or_default();
        let turns = session["turns"].as_u64().unwrap_or(0);
        let plural = if turns == 1 { "" } else { "s" };
        let of = format!("{}/{}", text("agentId"), text("agentAliasId"));
        let fork = match session["forkOf"]["sessionId"].as_str() {
            Some(parent) => format!(", fork of {parent}"),
            None => String::new(),
        };
        format!("{}  {of}  {turns} turn{plural}, {}, {}{fork}", text("sessionId"), text("status"), text("lastActiveAt"))
    })
    .await
}

async fn turns(
    client: &Client,
    session: &str,
    options: &TraceOptions,
    out: &mut (dyn Write + Send),
) -> Result<(), Stop> {
    let path = format!("/outcrop/sessions/{}", encoded(session));
    each_page(client, &path, &which(options), "turnList", options, out, |turn| {
        let text = |name: &str| turn[name].as_str().unwrap_or_default();
        let count = |value: &Value| value.as_u64().unwrap_or(0);
        let calls = count(&turn["totals"]["modelCalls"]);
        let plural = if calls == 1 { "" } else { "s" };
        let seconds = count(&turn["totalTimeMs"]) as f64 / 1000.0;
        let said = one_line(text("inputText"));
        let end =
            turn["answer"]["text"].as_str().or(turn["error"]["message"].as_str()).map(one_line).unwrap_or_default();
        format!(
            "{:>3}  {:<9}  {}  {seconds:.2} s, {calls} model call{plural}  {said} → {end}",
            count(&turn["turn"]),
            text("status"),
            text("startedAt"),
        )
    })
    .await
}

/// Prints a list, a line for each item; with `--json` each line is the JSON of an item.
async fn each_page(
    client: &Client,
    path: &str,
    which: &[(&str, String)],
    items: &str,
    options: &TraceOptions,
    out: &mut (dyn Write + Send),
    line: impl Fn(&Value) -> String,
) -> Result<(), Stop> {
    let (mut token, mut any) = (None, false);
    loop {
        let page = client.read(&with_query(path, which, token.as_deref())).await?;
        for item in page[items].as_array().into_iter().flatten() {
            any = true;
            match options.json {
                true => writeln!(out, "{item}")?,
                false => writeln!(out, "{}", crate::chat::clean(&line(item)))?,
            }
        }
        token = page["nextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            if !any && !options.json {
                writeln!(out, "no sessions")?;
            }
            return Ok(());
        }
    }
}

async fn trace(
    client: &Client,
    session: &str,
    options: &TraceOptions,
    out: &mut (dyn Write + Send),
) -> Result<(), Stop> {
    let which = which(options);
    let of_session = format!("/outcrop/sessions/{}", encoded(session));
    let turn = match options.turn {
        Some(turn) => u64::from(turn),
        None => {
            let first: Vec<(&str, String)> = which.iter().cloned().chain([("maxResults", "1".to_owned())]).collect();
            client.read(&with_query(&of_session, &first, None)).await?["turns"].as_u64().unwrap_or(1)
        }
    };
    let path = format!("{of_session}/turns/{turn}/trace");
    let mut page = client.read(&with_query(&path, &which, None)).await?;
    if options.json {
        let mut entries = page["entries"].as_array().cloned().unwrap_or_default();
        while let Some(token) = page["nextToken"].as_str() {
            let next = client.read(&with_query(&path, &which, Some(token))).await?;
            entries.extend(next["entries"].as_array().cloned().unwrap_or_default());
            page["nextToken"] = next["nextToken"].clone();
        }
        if let Some(members) = page.as_object_mut() {
            members.remove("nextToken");
        }
        page["entries"] = json!(entries);
        writeln!(out, "{page}")?;
        return Ok(());
    }
    writeln!(out, "{}", crate::chat::clean(&head(&page)))?;
    let detail = if options.full { Detail::Full } else { Detail::Short };
    let mut renderer = Renderer::kept(options.style, detail);
    loop {
        for entry in page["entries"].as_array().into_iter().flatten() {
            out.write_all(renderer.entry(entry).as_bytes())?;
        }
        let Some(token) = page["nextToken"].as_str().map(str::to_owned) else { break };
        page = client.read(&with_query(&path, &which, Some(&token))).await?;
    }
    renderer.took(&page);
    out.write_all(renderer.finish().as_bytes())?;
    Ok(())
}

fn head(page: &Value) -> String {
    let text = |name: &str| page[name].as_str().unwrap_or_default();
    format!(
        "turn {} of {}, {}/{} version {}, {}, {}",
        page["turn"],
        text("sessionId"),
        text("agentId"),
        text("agentAliasId"),
        text("agentVersion"),
        text("status"),
        text("startedAt"),
    )
}

fn which(options: &TraceOptions) -> Vec<(&'static str, String)> {
    let given = [("agentId", &options.agent), ("agentAliasId", &options.alias)];
    given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
