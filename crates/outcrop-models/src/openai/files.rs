//! Files of the user's in Chat Completions: texts as text, pictures and documents as parts of their own.

use crate::files::{as_text, base64};
use outcrop_ports::{ContentBlock, File, ToolResultContent};
use serde_json::{Value, json};

/// What the user says with files; `None` when there are none. Text alone is one text, which every server takes.
///
/// Files of tool results are among it: results themselves are text here.
pub(super) fn parts(content: &[ContentBlock]) -> Option<Value> {
    let content: Vec<ContentBlock> = content.iter().flat_map(shown).collect();
    content.iter().find_map(ContentBlock::file)?;
    let parts: Vec<Value> = content.iter().filter_map(part).collect();
    if parts.iter().all(|part| part["type"] == "text") {
        let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        return Some(Value::String(texts.join("\n\n")));
    }
    Some(Value::Array(parts))
}

fn shown(block: &ContentBlock) -> Vec<ContentBlock> {
    let ContentBlock::ToolResult(result) = block else { return vec![block.clone()] };
    let files = result.content.iter().filter_map(|content| match content {
        ToolResultContent::Image(file) => Some(ContentBlock::Image(file.clone())),
        ToolResultContent::Document(file) => Some(ContentBlock::Document(file.clone())),
        ToolResultContent::Text(_) | ToolResultContent::Json(_) => None,
    });
    files.collect()
}

fn part(block: &ContentBlock) -> Option<Value> {
    match block {
        ContentBlock::Text(text) if !text.is_empty() => Some(json!({"type": "text", "text": text})),
        ContentBlock::Image(file) => Some(json!({"type": "image_url", "image_url": {"url": address(file)}})),
        ContentBlock::Document(file) => Some(match file.text() {
            Some(text) => json!({"type": "text", "text": as_text(file, text)}),
            None => json!({"type": "file", "file": {"filename": file.name, "file_data": address(file)}}),
        }),
        _ => None,
    }
}

/// The content as a `data:` address.
fn address(file: &File) -> String {
    format!("data:{};base64,{}", file.media_type, base64(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, media_type: &str, data: &[u8], is_text: bool) -> File {
        File {
            name: name.into(),
            media_type: media_type.into(),
            hash: String::new(),
            bytes: data.len() as u64,
            is_text,
            data: Some(data.into()),
        }
    }

    #[test]
    fn files_become_parts() {
        let words = ContentBlock::Text("What is it?".into());
        let table = ContentBlock::Document(file("a\"b.csv", "text/csv", b"a,b\n1,2", true));
        let picture = ContentBlock::Image(file("p.png", "image/png", b"\x89PNG", false));
        let paper = ContentBlock::Document(file("p.pdf", "application/pdf", b"%PDF", false));
        assert_eq!(parts(std::slice::from_ref(&words)), None);
        assert_eq!(
            parts(&[table.clone(), words.clone()]),
            Some(json!("<document name=\"a_b.csv\">\na,b\n1,2\n</document>\n\nWhat is it?"))
        );
        assert_eq!(
            parts(&[picture, paper, table, words]),
            Some(json!([
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
                {"type": "file", "file": {"filename": "p.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
                {"type": "text", "text": "<document name=\"a_b.csv\">\na,b\n1,2\n</document>"},
                {"type": "text", "text": "What is it?"},
            ]))
        );
    }
}
