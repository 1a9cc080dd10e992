//! Where the schema of an answer comes from.

use crate::App;
use crate::errors::{self, OpResult};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use outcrop_planner::turn::answer_schema::{SCHEMA_BYTES_MAX, check_schema};
use serde_json::Value;
use std::sync::Arc;

/// Longest header, in bytes as it is sent.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// The JSON Schema of an answer, or where it is.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerSchema {
    /// Here, and checked.
    Inline(Arc<Value>),
    /// In the settings, under this name.
    Named(String),
    /// In the object store.
    Object {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
}

impl AnswerSchema {
    /// A schema as a header holds it: JSON, percent-encoded or in base64.
    pub(super) fn of_header(text: &str) -> Result<Self, String> {
        if text.len() > HEADER_BYTES_MAX {
            return Err(format!("has more than {HEADER_BYTES_MAX} bytes"));
        }
        let bytes = match text.starts_with(['{', '%']) {
            true => percent_encoding::percent_decode_str(text).collect(),
            false => base64(text).ok_or("is neither base64 nor percent-encoded JSON")?,
        };
        let schema = serde_json::from_slice(&bytes).map_err(|error| format!("holds no JSON: {error}"))?;
        checked(schema).map(Self::Inline)
    }

    /// What a tag names.
    pub(super) fn of_tag(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("s3://") {
            let (bucket, key) = name.split_once('/').unwrap_or_default();
            if bucket.is_empty() || key.is_empty() {
                return Err(format!("has no bucket and key: s3://BUCKET/KEY, and was {text:?}"));
            }
            return Ok(Self::Object { bucket: bucket.to_owned(), key: key.to_owned() });
        }
        let is_name = !text.is_empty()
            && text.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character));
        match is_name {
            true => Ok(Self::Named(text.to_owned())),
            false => Err(format!("is the name of a configured schema or s3://BUCKET/KEY, and was {text:?}")),
        }
    }

    /// The schema itself.
    ///
    /// # Errors
    /// ValidationException when there is none of the name, when the object cannot be read, or when it is no schema.
    pub async fn load(&self, app: &App) -> OpResult<Arc<Value>> {
        match self {
            Self::Inline(schema) => Ok(schema.clone()),
            Self::Named(name) => app.settings.answer_schemas.get(name).cloned().ok_or_else(|| {
                errors::validation(format!(
                    "There is no answer schema {name}: the configuration has no [[answer_schema]] of this name."
                ))
            }),
            Self::Object { bucket, key } => {
                let refuse = |why: String| errors::validation(format!("The answer schema s3://{bucket}/{key} {why}."));
                let bytes = app.objects.read_bytes(bucket, key, SCHEMA_BYTES_MAX as u64).await;
                let bytes =
                    bytes.map_err(|error| errors::validation(format!("The answer schema cannot be used: {error}.")))?;
                let schema = serde_json::from_slice(&bytes).map_err(|error| refuse(format!("is no JSON: {error}")))?;
                checked(schema).map_err(refuse)
            }
        }
    }
}

fn checked(schema: Value) -> Result<Arc<Value>, String> {
    match check_schema(&schema) {
        Ok(()) => Ok(Arc::new(schema)),
        Err(problems) => Err(format!("is no schema that can be kept to: {}", problems.join("; "))),
    }
}

/// Either alphabet, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = |alphabet| GeneralPurpose::new(alphabet, config);
    engine(&alphabet::STANDARD).decode(text).or_else(|_| engine(&alphabet::URL_SAFE).decode(text)).ok()
}
