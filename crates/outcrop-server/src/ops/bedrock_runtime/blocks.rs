//! Blocks of Converse's messages in our words.

use crate::errors::{self, OpResult};
use crate::objects::ObjectError;
use crate::ops::OpContext;
use outcrop_api::bedrock_runtime as api;
use outcrop_ports::{ContentBlock, File, Reasoning, Takes, ToolResult, ToolResultContent, ToolResultStatus, ToolUse};
use outcrop_store::snapshot_hash;
use serde_json::Value;
use std::sync::Arc;

/// Most bytes of one file. The service takes less; local models take more.
const FILE_BYTES_MAX: u64 = 25 * 1024 * 1024;

/// Where a block stands, for errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) message: usize,
    pub(super) block: usize,
    pub(super) is_user: bool,
}

impl Place {
    fn path(self) -> String {
        format!("messages.{}.content.{}", self.message, self.block)
    }
}

/// The blocks that a block of the wire comes to; none for one that says nothing to a model.
pub(super) async fn read(
    cx: &OpContext,
    takes: Takes,
    block: api::ContentBlock,
    place: Place,
) -> OpResult<Vec<ContentBlock>> {
    let path = place.path();
    Ok(match block {
        api::ContentBlock::Text(text) => {
            // What a model wrote may be blank beside its tool calls; it is left out, as models want it.
            if text.trim().is_empty() {
                if place.is_user {
                    return Err(errors::validation(format!(
                        "The text field in the ContentBlock object at {path} is blank. Add text to the text field, and try again."
                    )));
                }
                return Ok(Vec::new());
            }
            vec![ContentBlock::Text(text)]
        }
        api::ContentBlock::Image(image) => vec![ContentBlock::Image(self::image(cx, takes, image, &path).await?)],
        api::ContentBlock::Document(document) => {
            vec![ContentBlock::Document(self::document(cx, takes, document, &path).await?)]
        }
        api::ContentBlock::ToolUse(tool_use) => {
            if !tool_use.input.is_object() {
                return Err(errors::validation(format!(
                    "The format of the value at {path}.toolUse.input is invalid. Provide a json object for the field and try again."
                )));
            }
            let tool_use = ToolUse { tool_use_id: tool_use.tool_use_id, name: tool_use.name, input: tool_use.input };
            if tool_use.is_too_deep() {
                return Err(errors::validation(format!(
                    "The value at {path}.toolUse.input is nested more than {} levels deep.",
                    ToolUse::INPUT_DEPTH_MAX
                )));
            }
            vec![ContentBlock::ToolUse(tool_use)]
        }
        api::ContentBlock::ToolResult(result) => {
            vec![ContentBlock::ToolResult(tool_result(cx, takes, result, &path).await?)]
        }
        api::ContentBlock::ReasoningContent(reasoning) => vec![ContentBlock::ReasoningContent(match reasoning {
            api::ReasoningContentBlock::ReasoningText(words) => {
                Reasoning { signature: words.signature, ..Reasoning::plain(words.text) }
            }
            api::ReasoningContentBlock::RedactedContent(blob) => {
                let secret = serde_json::to_value(&blob).ok().and_then(|text| text.as_str().map(str::to_owned));
                Reasoning { redacted: secret, ..Reasoning::default() }
            }
        })],
        api::ContentBlock::GuardContent(content) => guarded_text(content).map(ContentBlock::Text).into_iter().collect(),
        api::ContentBlock::SearchResult(found) => vec![ContentBlock::Text(search_result(found))],
        api::ContentBlock::CitationsContent(cited) => {
            let text: String =
                cited.content.into_iter().flatten().map(|api::CitationGeneratedContent::Text(text)| text).collect();
            if text.trim().is_empty() { Vec::new() } else { vec![ContentBlock::Text(text)] }
        }
        // Where points stand is noted by who reads the message.
        api::ContentBlock::CachePoint(_) => Vec::new(),
        api::ContentBlock::Video(_) => return Err(unsupported(&path, "video")),
        api::ContentBlock::Audio(_) => return Err(unsupported(&path, "audio")),
        api::ContentBlock::ToolAddition(_) => return Err(unsupported(&path, "toolAddition")),
        api::ContentBlock::ToolRemoval(_) => return Err(unsupported(&path, "toolRemoval")),
    })
}

/// To the model, what a guardrail looks at is text like any other. Pictures in it are not passed on.
pub(super) fn guarded_text(content: api::GuardrailConverseContentBlock) -> Option<String> {
    match content {
        api::GuardrailConverseContentBlock::Text(text) => Some(text.text).filter(|text| !text.trim().is_empty()),
        api::GuardrailConverseContentBlock::Image(_) => None,
    }
}

fn unsupported(path: &str, kind: &str) -> errors::ApiError {
    errors::validation(format!(
        "This model doesn't support the {kind} content block that you provided at {path}. Remove it and try again."
    ))
}

fn search_result(found: api::SearchResultBlock) -> String {
    let text: Vec<String> = found.content.into_iter().map(|block| block.text).collect();
    format!("{} ({})\n{}", found.title, found.source, text.join("\n"))
}

async fn tool_result(cx: &OpContext, takes: Takes, result: api::ToolResultBlock, path: &str) -> OpResult<ToolResult> {
    let mut content = Vec::with_capacity(result.content.len());
    for (index, block) in result.content.into_iter().enumerate() {
        let path = format!("{path}.toolResult.content.{index}");
        content.push(match block {
            api::ToolResultContentBlock::Text(text) => ToolResultContent::Text(text),
            api::ToolResultContentBlock::Json(value @ (Value::Object(_) | Value::Array(_))) => {
                ToolResultContent::Json(value)
            }
            api::ToolResultContentBlock::Json(_) => {
                return Err(errors::validation(format!(
                    "The format of the value at {path}.json is invalid. Provide a json object for the field and try again."
                )));
            }
            api::ToolResultContentBlock::Image(image) => {
                ToolResultContent::Image(self::image(cx, takes, image, &path).await?)
            }
            api::ToolResultContentBlock::Document(document) => {
                ToolResultContent::Document(self::document(cx, takes, document, &path).await?)
            }
            api::ToolResultContentBlock::SearchResult(found) => ToolResultContent::Text(search_result(found)),
            api::ToolResultContentBlock::Video(_) => return Err(unsupported(&path, "video")),
        });
    }
    let status = match result.status {
        Some(api::ToolResultStatus::Error) => ToolResultStatus::Error,
        Some(api::ToolResultStatus::Success) | None => ToolResultStatus::Success,
    };
    Ok(ToolResult { tool_use_id: result.tool_use_id, content, status })
}

async fn image(cx: &OpContext, takes: Takes, image: api::ImageBlock, path: &str) -> OpResult<File> {
    if !takes.images {
        return Err(errors::validation(format!(
            "This model doesn't support the image content block that you provided at {path}. If it does, set images = true in its [[model]] entry."
        )));
    }
    let data = match image.source {
        api::ImageSource::Bytes(blob) => blob.0.as_ref().into(),
        api::ImageSource::S3Location(location) => object(cx, &location, path).await?,
    };
    let media_type = format!("image/{}", image.format);
    if data.is_empty() {
        return Err(errors::validation(format!("The image at {path} is empty.")));
    }
    Ok(file("image".to_owned(), media_type, false, data))
}

async fn document(cx: &OpContext, takes: Takes, document: api::DocumentBlock, path: &str) -> OpResult<File> {
    if document.citations.as_ref().is_some_and(|citations| citations.enabled) {
        return Err(errors::validation(format!(
            "Citations are not supported for the document at {path}. Remove its citations field and try again."
        )));
    }
    check_name(&document.name, path)?;
    let format = document.format.unwrap_or(api::DocumentFormat::Txt);
    let (mut data, is_given_as_text): (Arc<[u8]>, bool) = match document.source {
        api::DocumentSource::Bytes(blob) => (blob.0.as_ref().into(), false),
        api::DocumentSource::S3Location(location) => (object(cx, &location, path).await?, false),
        api::DocumentSource::Text(text) => (text.into_bytes().into(), true),
        api::DocumentSource::Content(blocks) => {
            let text: Vec<String> = blocks.into_iter().map(|api::DocumentContentBlock::Text(text)| text).collect();
            (text.join("\n").into_bytes().into(), true)
        }
    };
    if let Some(context) = document.context.filter(|_| is_given_as_text) {
        let text = format!("{context}\n\n{}", String::from_utf8_lossy(&data));
        data = text.into_bytes().into();
    }
    if data.is_empty() {
        return Err(errors::validation(format!("The document at {path} is empty.")));
    }
    let (media_type, is_text) = match format {
        _ if is_given_as_text => ("text/plain", true),
        api::DocumentFormat::Txt => ("text/plain", true),
        api::DocumentFormat::Md => ("text/markdown", true),
        api::DocumentFormat::Csv => ("text/csv", true),
        api::DocumentFormat::Html => ("text/html", true),
        api::DocumentFormat::Pdf => ("application/pdf", false),
        api::DocumentFormat::Doc => ("application/msword", false),
        api::DocumentFormat::Docx => ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", false),
        api::DocumentFormat::Xls => ("application/vnd.ms-excel", false),
        api::DocumentFormat::Xlsx => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", false),
    };
    if is_text && std::str::from_utf8(&data).is_err() {
        return Err(errors::validation(format!("The document at {path} is not UTF-8 text, as {format} has to be.")));
    }
    if !is_text && !takes.documents {
        return Err(errors::validation(format!(
            "This model doesn't support documents of the format {format}, as at {path}. If its endpoint reads them, set documents = true in its [[model]] entry. Text (txt, md, csv, html) is read by every model."
        )));
    }
    Ok(file(document.name, media_type.to_owned(), is_text, data))
}

/// The service's rule for names, which go to the model as they are.
fn check_name(name: &str, path: &str) -> OpResult<()> {
    let is_fine = |c: char| c.is_alphanumeric() || c.is_whitespace() || "-()[]".contains(c);
    let has_gap = name.chars().zip(name.chars().skip(1)).any(|(one, next)| one.is_whitespace() && next.is_whitespace());
    if name.chars().all(is_fine) && !has_gap {
        return Ok(());
    }
    Err(errors::validation(format!(
        "The document file name at {path} can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive whitespace character."
    )))
}

async fn object(cx: &OpContext, location: &api::S3Location, path: &str) -> OpResult<Arc<[u8]>> {
    let Some((bucket, key)) = location.uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) else {
        return Err(errors::validation(format!("The uri at {path} is not of the form s3://bucket/key.")));
    };
    match cx.objects.read_bytes(bucket, key, FILE_BYTES_MAX).await {
        Ok(data) => Ok(data.into()),
        Err(error @ ObjectError::Io(..)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an object cannot be read");
            Err(errors::internal())
        }
        Err(error) => Err(errors::validation(format!("The file at {path} cannot be used: {error}."))),
    }
}

fn file(name: String, media_type: String, is_text: bool, data: Arc<[u8]>) -> File {
    File { name, media_type, hash: snapshot_hash(&data), bytes: data.len() as u64, is_text, data: Some(data) }
}
