//! The recordings of a cassette: a folder with one JSON file each, named after the hash of its request.
//!
//! ```json
//! {
//!   "version": 1,
//!   "request": {"model": "…", "system": ["…"], "messages": […], …},
//!   "facts": {"contextTokens": 200000, "images": true, "documents": false, "isLanguageModel": true},
//!   "pieces": [{"text": "It "}, {"text": "has shipped."}],
//!   "reply": {"message": {…}, "stopReason": "end_turn", "usage": {…}}
//! }
//! ```
//!
//! Files are read when the cassette is opened, and written whole or not at all.

use super::Clean;
use outcrop_ports::{Delta, ModelReply, Takes};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Version of the files' form.
const VERSION: u32 = 1;
/// Most recordings of a cassette.
const RECORDINGS_MAX: usize = 20_000;
/// Largest recording that is read, in bytes.
const RECORDING_BYTES_MAX: u64 = 32 << 20;

/// Why a cassette cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CassetteError {
    /// A file or the folder cannot be read or written.
    #[error("{0}: {1}")]
    Io(String, #[source] io::Error),
    /// A file is no recording.
    #[error("{0}: is no recording: {1}; delete the file and record it again")]
    Unreadable(String, String),
    /// A file is of a version that this program does not know.
    #[error("{0}: is a recording of version {1}, this program knows {VERSION}: record it again")]
    Version(String, u32),
    /// There are more than are read.
    #[error("{0}: has more than {RECORDINGS_MAX} recordings; split it over several folders")]
    TooMany(String),
}

/// One answer, with everything it is found by and played from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Recording {
    version: u32,
    /// What was asked, in the form in which requests are compared.
    pub(super) request: Value,
    /// What the program asked of the model beside this request, since answers to that shape requests.
    pub(super) facts: Facts,
    /// The answer as it came.
    pub(super) pieces: Vec<Piece>,
    /// The answer, whole.
    pub(super) reply: ModelReply,
}

/// What was known of the model that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Facts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) context_tokens: Option<u32>,
    pub(super) images: bool,
    pub(super) documents: bool,
    pub(super) is_language_model: bool,
}

impl Facts {
    pub(super) fn takes(self) -> Takes {
        Takes { images: self.images, documents: self.documents }
    }
}

/// A piece of an answer, as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Piece {
    Text(String),
    Reasoning(String),
    ReasoningSignature(String),
    ReasoningRedacted(String),
    #[serde(rename_all = "camelCase")]
    ToolUse {
        tool_use_id: String,
        name: String,
    },
    #[serde(rename_all = "camelCase")]
    ToolUseInput {
        tool_use_id: String,
        json: String,
    },
}

impl From<Delta> for Piece {
    fn from(delta: Delta) -> Self {
        match delta {
            Delta::Text(text) => Self::Text(text),
            Delta::Reasoning(text) => Self::Reasoning(text),
            Delta::ReasoningSignature(seal) => Self::ReasoningSignature(seal),
            Delta::ReasoningRedacted(secret) => Self::ReasoningRedacted(secret),
            Delta::ToolUseStarted { tool_use_id, name } => Self::ToolUse { tool_use_id, name },
            Delta::ToolUseInput { tool_use_id, json } => Self::ToolUseInput { tool_use_id, json },
        }
    }
}

impl From<Piece> for Delta {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Text(text) => Self::Text(text),
            Piece::Reasoning(text) => Self::Reasoning(text),
            Piece::ReasoningSignature(seal) => Self::ReasoningSignature(seal),
            Piece::ReasoningRedacted(secret) => Self::ReasoningRedacted(secret),
            Piece::ToolUse { tool_use_id, name } => Self::ToolUseStarted { tool_use_id, name },
            Piece::ToolUseInput { tool_use_id, json } => Self::ToolUseInput { tool_use_id, json },
        }
    }
}

impl Recording {
    /// An answer as it is kept. Where it holds secrets it is kept without them, and in whole blocks: a secret may have
    /// come in several pieces.
    pub(super) fn new(request: Value, facts: Facts, reply: &ModelReply, heard: Vec<Piece>, clean: &Clean) -> Self {
        let mut blocks = serde_json::to_value(&reply.message.content).unwrap_or_default();
        let as_it_came = blocks.clone();
        clean(&mut blocks);
        let mut reply = reply.clone();
        let mut pieces = heard;
        let has_secrets = blocks != as_it_came;
        if has_secrets {
            reply.message.content = serde_json::from_value(blocks).unwrap_or_default();
        }
        if has_secrets || pieces.is_empty() {
            pieces = reply.message.content.iter().flat_map(Delta::of_block).map(Piece::from).collect();
        }
        Self { version: VERSION, request, facts, pieces, reply }
    }

    fn read(path: &Path) -> Result<Self, CassetteError> {
        let name = path.display().to_string();
        let read = || {
            if fs::metadata(path)?.len() > RECORDING_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 32 MB"));
            }
            fs::read(path)
        };
        let text = read().map_err(|error| CassetteError::Io(name.clone(), error))?;
        let document: Value = serde_json::from_slice(&text)
            .map_err(|error| CassetteError::Unreadable(name.clone(), error.to_string()))?;
        match document["version"].as_u64() {
            Some(1) => {}
            version => {
                let version = version.and_then(|version| u32::try_from(version).ok()).unwrap_or(0);
                return Err(CassetteError::Version(name, version));
            }
        }
        serde_json::from_value(document).map_err(|error| CassetteError::Unreadable(name, error.to_string()))
    }
}

/// A folder of recordings.
#[derive(Debug)]
pub(super) struct Cassette {
    folder: PathBuf,
    recordings: RwLock<BTreeMap<String, Arc<Recording>>>,
    facts: RwLock<HashMap<String, Facts>>,
}

impl Cassette {
    pub(super) fn open_or_make(folder: &Path) -> Result<Self, CassetteError> {
        fs::create_dir_all(folder).map_err(|error| CassetteError::Io(folder.display().to_string(), error))?;
        Self::open(folder)
    }

    pub(super) fn open(folder: &Path) -> Result<Self, CassetteError> {
        let name = folder.display().to_string();
        let io = |error| CassetteError::Io(name.clone(), error);
        let cassette = Self { folder: folder.to_owned(), recordings: RwLock::default(), facts: RwLock::default() };
        for entry in fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let Some(key) = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned) else { continue };
            if cassette.len() >= RECORDINGS_MAX {
                return Err(CassetteError::TooMany(name));
            }
            cassette.put(key, Arc::new(Recording::read(&path)?));
        }
        Ok(cassette)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn len(&self) -> usize {
        self.recordings.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<Recording>> {
        self.recordings.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// All recordings with their keys, in the order of those.
    pub(super) fn all(&self) -> Vec<(String, Arc<Recording>)> {
        let recordings = self.recordings.read().unwrap_or_else(PoisonError::into_inner);
        recordings.iter().map(|(key, recording)| (key.clone(), Arc::clone(recording))).collect()
    }

    /// What is known of a model that answered here.
    pub(super) fn facts(&self, model_id: &str) -> Option<Facts> {
        let facts = self.facts.read().unwrap_or_else(PoisonError::into_inner);
        facts.get(crate::catalog::reduce_model_id(model_id)).copied()
    }

    pub(super) fn is_of_language_model(&self) -> bool {
        self.facts.read().unwrap_or_else(PoisonError::into_inner).values().all(|facts| facts.is_language_model)
    }

    /// Keeps a recording: on disk first, then in memory.
    pub(super) async fn keep(&self, key: String, recording: Recording) -> Result<(), CassetteError> {
        let path = self.folder.join(format!("{key}.json"));
        let mut text = serde_json::to_string_pretty(&recording)
            .map_err(|error| CassetteError::Unreadable(path.display().to_string(), error.to_string()))?;
        text.push('\n');
        self.put(key, Arc::new(recording));
        let name = path.display().to_string();
        let written = tokio::task::spawn_blocking(move || write(&path, &text)).await;
        written.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| CassetteError::Io(name, error))
    }

    fn put(&self, key: String, recording: Arc<Recording>) {
        if let Some(model) = recording.request["model"].as_str() {
            let mut facts = self.facts.write().unwrap_or_else(PoisonError::into_inner);
            facts.insert(model.to_owned(), recording.facts);
        }
        self.recordings.write().unwrap_or_else(PoisonError::into_inner).insert(key, recording);
    }
}

/// Beside its place first, so that nobody ever sees half a file.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
