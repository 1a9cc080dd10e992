//! Prompts as they are stored, and how requests name them.

use crate::App;
use crate::errors::{self, ApiError, OpResult};
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, PutError, ReadTx, Resource, Tx};
use serde::{Deserialize, Serialize};

/// The version that can be changed.
pub const DRAFT: &str = "DRAFT";

/// A prompt with what its document does not show.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredPrompt {
    /// The draft as it is served.
    pub prompt: api::GetPromptResponse,
    /// Number of the last version made. Numbers are not used again.
    #[serde(default)]
    pub last_version: u32,
}

/// A prompt as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// The version, where the request says one.
    pub version: Option<String>,
}

impl Named {
    /// From an identifier (an id, an ARN, or an ARN with a version) and the version that a request gives beside it.
    pub fn new(app: &App, identifier: &str, version: Option<String>) -> OpResult<Self> {
        let resource = match identifier.strip_prefix("arn:") {
            None => identifier,
            Some(_) => identifier.strip_prefix(&app.arn("prompt/")).ok_or_else(errors::not_found)?,
        };
        let (id, inside) = match resource.split_once(':') {
            Some((id, version)) => (id, Some(version.to_owned())),
            None => (resource, None),
        };
        match (&inside, &version) {
            (Some(inside), Some(beside)) if inside != beside => Err(errors::invalid_field(
                "promptVersion",
                format!("The promptIdentifier names version {inside} and promptVersion is {beside}. Give one of them."),
            )),
            _ => Ok(Self { id: id.to_owned(), version: version.or(inside) }),
        }
    }

    /// The id, for an operation that concerns the draft alone.
    pub fn draft(self) -> OpResult<String> {
        match self.version {
            Some(version) => Err(errors::invalid_field(
                "promptIdentifier",
                format!(
                    "Version {version} cannot be changed, and versions are made from the draft. Leave the version out."
                ),
            )),
            None => Ok(self.id),
        }
    }
}

/// ARN of a prompt.
pub fn arn(app: &App, id: &str) -> String {
    app.arn(&format!("prompt/{id}"))
}

/// The prompt, or the caller's error.
pub fn prompt(tx: &ReadTx<'_>, id: &str) -> OpResult<StoredPrompt> {
    tx.get(Kind::Prompt, "", id)?.ok_or_else(errors::not_found)
}

/// The draft or a version of it, or the caller's error.
pub fn version(tx: &ReadTx<'_>, id: &str, version: Option<&str>) -> OpResult<api::GetPromptResponse> {
    match version {
        None | Some(DRAFT) => Ok(prompt(tx, id)?.prompt),
        Some(number) => tx.get(Kind::PromptVersion, id, number)?.ok_or_else(errors::not_found),
    }
}

/// Whether there is such a prompt, or such a version of it.
pub fn exists(tx: &ReadTx<'_>, id: &str, version: Option<&str>) -> OpResult<bool> {
    Ok(match version {
        None => tx.exists(Kind::Prompt, "", id)?,
        Some(number) => tx.exists(Kind::PromptVersion, id, number)?,
    })
}

/// Puts a new or changed draft.
pub fn put(tx: &mut Tx<'_>, stored: &StoredPrompt) -> OpResult<()> {
    let prompt = &stored.prompt;
    let resource = Resource {
        kind: Kind::Prompt,
        parent: "",
        id: &prompt.id,
        name: Some(&prompt.name),
        created_at: prompt.created_at,
        updated_at: prompt.updated_at,
    };
    tx.put(&resource, stored).map_err(|error| match error {
        PutError::NameTaken | PutError::IdTaken => name_taken(&prompt.name),
        PutError::Store(error) => error.into(),
    })
}

fn name_taken(name: &str) -> ApiError {
    errors::conflict(format!("A prompt with the name {name} already exists. Choose another name."))
}
