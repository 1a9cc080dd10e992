//! `sessionState.files`: what the caller wants the model to see beside its words.

use crate::errors::{self, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_ports::{ContentBlock, File, Takes};
use outcrop_store::snapshot_hash;
use std::sync::Arc;

/// Most files of one request, as AWS documents it.
const FILES_MAX: usize = 5;
/// Most bytes of the files of one request together, as AWS documents it.
const FILES_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 255;

/// Endings of names, media types, and what they are; the first of an ending or type counts.
const FORMATS: [(&str, &str, Kind); 25] = [
    ("txt", "text/plain", Kind::Text),
    ("log", "text/plain", Kind::Text),
    ("md", "text/markdown", Kind::Text),
    ("csv", "text/csv", Kind::Text),
    ("tsv", "text/tab-separated-values", Kind::Text),
    ("html", "text/html", Kind::Text),
    ("htm", "text/html", Kind::Text),
    ("json", "application/json", Kind::Text),
    ("jsonl", "application/jsonl", Kind::Text),
    ("yaml", "application/yaml", Kind::Text),
    ("yml", "application/yaml", Kind::Text),
    ("yaml", "application/x-yaml", Kind::Text),
    ("xml", "application/xml", Kind::Text),
    ("py", "text/x-python", Kind::Text),
    ("png", "image/png", Kind::Image),
    ("jpg", "image/jpeg", Kind::Image),
    ("jpeg", "image/jpeg", Kind::Image),
    ("jpg", "image/jpg", Kind::Image),
    ("gif", "image/gif", Kind::Image),
    ("webp", "image/webp", Kind::Image),
    ("pdf", "application/pdf", Kind::Document),
    ("doc", "application/msword", Kind::Document),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Kind::Document),
    ("xls", "application/vnd.ms-excel", Kind::Document),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Kind::Document),
];

/// What can be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Every model reads it.
    Text,
    /// Models that see read it.
    Image,
    /// Some endpoints read it.
    Document,
}

/// Reads and checks the files; `model_id` is the model that will see them.
///
/// # Errors
/// A ValidationException that names the file and what is wrong with it.
pub(super) async fn read(cx: &OpContext, model_id: &str, files: Vec<api::InputFile>) -> OpResult<Vec<ContentBlock>> {
    if files.len() > FILES_MAX {
        return Err(errors::validation(format!(
            "A request has at most {FILES_MAX} files; this one has {}.",
            files.len()
        )));
    }
    let takes = cx.models.takes(model_id);
    let mut blocks = Vec::with_capacity(files.len());
    let mut left = FILES_BYTES_MAX;
    for file in files {
        let name = file.name.clone();
        let refuse = |why: String| errors::validation(format!("The file {name} cannot be used: {why}"));
        if file.use_case == api::FileUseCase::CodeInterpreter {
            return Err(refuse(
                "the code interpreter is not built yet, so there is nothing to do with useCase CODE_INTERPRETER. Use CHAT to show a file to the model.".to_owned(),
            ));
        }
        check_name(&name).map_err(refuse)?;
        let (data, media_type) = content(cx, file.source, left).await.map_err(refuse)?;
        left -= data.len();
        blocks.push(block(&name, data, media_type.as_deref(), takes, model_id).map_err(refuse)?);
    }
    Ok(blocks)
}

fn check_name(name: &str) -> Result<(), String> {
    let is_fine =
        !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control);
    is_fine
        .then_some(())
        .ok_or_else(|| format!("a name has 1 to {NAME_CHARS_MAX} characters and no control characters."))
}

/// The content, and the media type that the caller gave.
async fn content(cx: &OpContext, source: api::FileSource, left: usize) -> Result<(Arc<[u8]>, Option<String>), String> {
    let too_large = || format!("the files of a request have at most {FILES_BYTES_MAX} bytes together.");
    match (source.source_type, source.byte_content, source.s3_location) {
        (api::FileSourceType::ByteContent, Some(content), _) => {
            let data: Arc<[u8]> = content.data.0.as_ref().into();
            if data.len() > left { Err(too_large()) } else { Ok((data, Some(content.media_type))) }
        }
        (api::FileSourceType::S3, _, Some(location)) => {
            let Some((bucket, key)) = location.uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) else {
                return Err("its uri is not of the form s3://bucket/key.".to_owned());
            };
            match cx.objects.read_bytes(bucket, key, left as u64).await {
                Ok(data) => Ok((data.into(), None)),
                Err(crate::objects::ObjectError::TooLarge(..)) => Err(too_large()),
                Err(error) => Err(format!("{error}.")),
            }
        }
        (api::FileSourceType::ByteContent, None, _) => Err("its source has no byteContent.".to_owned()),
        (api::FileSourceType::S3, _, None) => Err("its source has no s3Location.".to_owned()),
    }
}

fn block(
    name: &str,
    data: Arc<[u8]>,
    media_type: Option<&str>,
    takes: Takes,
    model_id: &str,
) -> Result<ContentBlock, String> {
    if data.is_empty() {
        return Err("it is empty.".to_owned());
    }
    let (media_type, kind) = format_of(name, media_type)?;
    let is_text = kind == Kind::Text;
    match kind {
        Kind::Text if std::str::from_utf8(&data).is_err() => return Err(format!("{media_type} must be UTF-8 text.")),
        Kind::Image if !is_picture(&media_type, &data) => return Err(format!("its content is not {media_type}.")),
        Kind::Image if !takes.images => {
            return Err(format!(
                "the model {model_id} takes no pictures as far as is known. If it does, set images = true in its [[model]] entry."
            ));
        }
        Kind::Document if !takes.documents => {
            return Err(format!(
                "{media_type} can be passed on only to an endpoint that reads it (documents = true in the model's [[model]] entry), and the one of {model_id} is not known to. Text files (txt, md, csv, html, json, yaml, xml) are read by every model."
            ));
        }
        _ => {}
    }
    let file = File {
        name: name.to_owned(),
        media_type,
        hash: snapshot_hash(&data),
        bytes: data.len() as u64,
        is_text,
        data: Some(data),
    };
    Ok(if kind == Kind::Image { ContentBlock::Image(file) } else { ContentBlock::Document(file) })
}

/// By the media type, where the caller gave one that says something, else by the ending of the name.
fn format_of(name: &str, media_type: Option<&str>) -> Result<(String, Kind), String> {
    let given = media_type.map(|given| given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let given = given.filter(|given| !given.is_empty() && given != "application/octet-stream");
    if let Some(given) = &given {
        if let Some((_, known, kind)) = FORMATS.iter().find(|(_, known, _)| known == given) {
            let known = if *known == "image/jpg" { "image/jpeg" } else { known };
            return Ok((known.to_owned(), *kind));
        }
        if given.starts_with("text/") {
            return Ok((given.clone(), Kind::Text));
        }
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let by_ending = ending.and_then(|ending| FORMATS.iter().find(|(known, _, _)| *known == ending));
    match (by_ending, given) {
        (Some((_, media_type, kind)), None) => Ok(((*media_type).to_owned(), *kind)),
        (_, Some(given)) => Err(format!("its media type {given} is none of: {}.", endings())),
        (None, None) => Err(format!("its name has none of the endings that are known: {}.", endings())),
    }
}

fn endings() -> String {
    let mut endings: Vec<&str> = FORMATS.iter().map(|(ending, _, _)| *ending).collect();
    endings.dedup();
    endings.join(", ")
}

/// Whether the content begins as that of such a picture does.
fn is_picture(media_type: &str, data: &[u8]) -> bool {
    match media_type {
        "image/png" => data.starts_with(b"\x89PNG\r\n\x1a\n"),
        "image/jpeg" => data.starts_with(b"\xff\xd8\xff"),
        "image/gif" => data.starts_with(b"GIF8"),
        _ => data.starts_with(b"RIFF") && data.get(8..12) == Some(b"WEBP"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, media_type: Option<&str>, data: &[u8], takes: Takes, expected: &str) {
        let made = block(name, data.into(), media_type, takes, "m");
        let told = match made {
            Ok(ContentBlock::Image(file)) => format!("image {}", file.media_type),
            Ok(ContentBlock::Document(file)) => format!("document {} {}", file.media_type, file.is_text),
            Ok(other) => format!("{other:?}"),
            Err(why) => why,
        };
        assert!(told.starts_with(expected), "{told}");
    }

    #[test]
    fn files_are_what_their_type_or_name_says() {
        let none = Takes::default();
        let all = Takes { images: true, documents: true };
        check("a.csv", Some("text/csv; charset=utf-8"), b"a,b", none, "document text/csv true");
        check("a.CSV", None, b"a,b", none, "document text/csv true");
        check("a", Some("TEXT/X-RUST"), b"fn", none, "document text/x-rust true");
        check("a.txt", Some("application/octet-stream"), b"a", none, "document text/plain true");
        check("a.txt", Some("text/plain"), b"\xff\xfe", none, "text/plain must be UTF-8 text.");
        check("a.png", None, b"\x89PNG\r\n\x1a\n", all, "image image/png");
        check("a.png", None, b"\x89PNG\r\n\x1a\n", none, "the model m takes no pictures");
        check("a.jpg", Some("image/jpg"), b"\xff\xd8\xff", all, "image image/jpeg");
        check("a.png", None, b"GIF89a", all, "its content is not image/png.");
        check("a.webp", None, b"RIFF1234WEBP", all, "image image/webp");
        check("a.pdf", None, b"%PDF", all, "document application/pdf false");
        check("a.pdf", None, b"%PDF", none, "application/pdf can be passed on only to");
        check("a.exe", None, b"MZ", all, "its name has none of the endings");
        check("a.txt", Some("application/zip"), b"PK", all, "its media type application/zip is none of");
        check("a.txt", None, b"", all, "it is empty.");
    }
}
