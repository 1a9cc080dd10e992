//! Files of the user's, as providers want them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_ports::{ContentBlock, File, ModelError, ModelErrorKind, ModelRequest, ToolResultContent};

/// Makes sure that the files are there.
pub(crate) fn check(request: &ModelRequest) -> Result<(), ModelError> {
    let blocks = request.messages.iter().flat_map(|message| &message.content);
    let mut files = blocks.flat_map(|block| {
        let results = match block {
            ContentBlock::ToolResult(result) => result.content.as_slice(),
            _ => &[],
        };
        let of_results = results.iter().filter_map(|content| match content {
            ToolResultContent::Image(file) | ToolResultContent::Document(file) => Some(file),
            ToolResultContent::Text(_) | ToolResultContent::Json(_) => None,
        });
        block.file().into_iter().chain(of_results)
    });
    match files.find(|file| file.data.is_none()) {
        Some(file) => {
            Err(ModelError::new(ModelErrorKind::Invalid, format!("the content of the file {} is not there", file.name)))
        }
        None => Ok(()),
    }
}

/// The content in base64.
pub(crate) fn base64(file: &File) -> String {
    STANDARD.encode(file.data.as_deref().unwrap_or_default())
}

/// A text file as a text that says what it is.
pub(crate) fn as_text(file: &File, text: &str) -> String {
    let name = file.name.replace(['"', '<', '>', '\n', '\r'], "_");
    format!("<document name=\"{name}\">\n{text}\n</document>")
}
