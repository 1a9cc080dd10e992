//! `outcrop memory`: looks at what an agent remembers, and puts it right.

mod print;

use crate::chat::{ChatError, Style, Target, resolve};
use crate::client::{Client, ClientError, Signer, encoded};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;

/// What is wanted, and of whom.
#[derive(Clone, Debug)]
pub(crate) struct MemoryOptions {
    /// `AGENT` or `AGENT/ALIAS`, each an id or a name.
    pub agent: Option<String>,
    /// The server's address.
    pub endpoint: String,
    /// How it is shown who asks.
    pub signer: Signer,
    /// Print JSON.
    pub json: bool,
    /// Colours and width.
    pub style: Style,
    /// What is wanted.
    pub deed: Deed,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Which memory ids there are.
    List,
    /// What is remembered under one, or of one session.
    Show { memory_id: String, session_id: Option<String> },
    /// Other words for a session's summary.
    Edit { memory_id: String, session_id: String, summary: Summary },
    /// To forget.
    Delete { memory_id: String, session_id: Option<String> },
}

/// A summary as it is written.
#[derive(Clone, Debug)]
pub(crate) enum Summary {
    /// As one text.
    Text(String),
    /// By topics.
    Topics(Vec<(String, String)>),
}

/// A memory id and what is under it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct MemoryLine {
    memory_id: String,
    sessions: u32,
    last_session_start_time: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    memories: Vec<MemoryLine>,
    after: Option<String>,
}

/// What is remembered of one session.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionLine {
    session_id: String,
    session_start_time: String,
    session_expiry_time: String,
    summary_text: String,
}

/// A session that waits to be summed up.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct PendingLine {
    session_id: String,
    ended_at: String,
    attempts: u32,
    next_attempt_at: String,
}

/// What is under one memory id.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    memory_id: String,
    sessions: Vec<SessionLine>,
    pending: Vec<PendingLine>,
}

/// Does it and says what came of it.
pub(crate) async fn run(options: MemoryOptions, out: &mut (dyn Write + Send)) -> Result<(), ChatError> {
    let client = Client::new(&options.endpoint).signed_by(options.signer.clone());
    let target = resolve(&client, options.agent.as_deref()).await?;
    let base = format!("/outcrop/agents/{}/aliases/{}/memories", target.agent_id, target.alias_id);
    let text = told(&client, &base, &target, &options).await.map_err(|error| ChatError::Failed(error.to_string()))?;
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that is gone has nothing to be told.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(ChatError::Failed(format!("the answer cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

async fn told(client: &Client, base: &str, target: &Target, options: &MemoryOptions) -> Result<String, ClientError> {
    let style = options.style;
    Ok(match &options.deed {
        Deed::List => {
            let memories = all(client, base).await?;
            if options.json { json_text(&json!({"memories": memories})) } else { print::list(&memories, target) }
        }
        Deed::Show { memory_id, session_id: None } => {
            let path = format!("{base}/{}", encoded(memory_id));
            let memory: Memory = client.get(&path).await?.ok_or_else(|| gone(memory_id, None))?;
            if options.json { json_text(&memory) } else { print::memory(&memory, style) }
        }
        Deed::Show { memory_id, session_id: Some(session_id) } => {
            let path = format!("{base}/{}/{}", encoded(memory_id), encoded(session_id));
            let found: Option<SessionLine> = client.get(&path).await?;
            let session = found.ok_or_else(|| gone(memory_id, Some(session_id)))?;
            if options.json { json_text(&session) } else { print::session(&session, style) }
        }
        Deed::Edit { memory_id, session_id, summary } => {
            let path = format!("{base}/{}/{}", encoded(memory_id), encoded(session_id));
            client.put(&path, &body(summary)).await?;
            let found: Option<SessionLine> = client.get(&path).await?;
            let session = found.ok_or_else(|| gone(memory_id, Some(session_id)))?;
            if options.json { json_text(&session) } else { print::session(&session, style) }
        }
        Deed::Delete { memory_id, session_id } => {
            let tail = session_id.as_deref().map(|id| format!("/{}", encoded(id))).unwrap_or_default();
            let answer: Value = client.delete(&format!("{base}/{}{tail}", encoded(memory_id))).await?;
            if options.json { json_text(&answer) } else { print::deleted(&answer) }
        }
    })
}

async fn all(client: &Client, base: &str) -> Result<Vec<MemoryLine>, ClientError> {
    let mut memories = Vec::new();
    let mut after = String::new();
    loop {
        let page: Page = client
            .get(&format!("{base}?after={}", encoded(&after)))
            .await?
            .ok_or_else(|| ClientError::BadReply("the agent is gone".to_owned()))?;
        memories.extend(page.memories);
        match page.after {
            Some(next) => after = next,
            None => return Ok(memories),
        }
    }
}

fn body(summary: &Summary) -> Value {
    match summary {
        Summary::Text(text) => json!({"summaryText": text}),
        Summary::Topics(topics) => {
            let topics: Vec<Value> =
                topics.iter().map(|(topic, summary)| json!({"topic": topic, "summary": summary})).collect();
            json!({"topics": topics})
        }
    }
}

fn gone(memory_id: &str, session_id: Option<&str>) -> ClientError {
    let what = match session_id {
        Some(session_id) => format!("nothing is remembered of session `{session_id}` under `{memory_id}`"),
        None => format!("the agent with the memory `{memory_id}` is gone"),
    };
    ClientError::Service { code: "ResourceNotFoundException".to_owned(), message: what, status: 404 }
}

fn json_text(value: &impl Serialize) -> String {
    // Strings as keys and no failing members.
    serde_json::to_string_pretty(value).map(|text| text + "\n").unwrap_or_default()
}
