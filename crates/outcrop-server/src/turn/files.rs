//! Files in messages: kept once for a session, put in on the way to a model.

use crate::App;
use crate::errors::OpResult;
use outcrop_ports::{ContentBlock, File, Message, ModelRequest};
use outcrop_store::SessionFile;
use std::collections::HashMap;
use std::sync::Arc;

/// Contents of the session's files by hash, as far as this turn needed them; `None` for one that is gone.
pub(super) type Files = HashMap<String, Option<Arc<[u8]>>>;

/// The contents that a turn begins with.
pub(super) fn to_keep(blocks: &[ContentBlock]) -> Vec<SessionFile> {
    let files = blocks.iter().filter_map(ContentBlock::file);
    files.filter_map(|file| Some(SessionFile { hash: file.hash.clone(), body: file.data.clone()? })).collect()
}

/// Puts contents where messages of earlier turns only name them. A file that is gone is said to be.
pub(super) async fn put_in(
    app: &Arc<App>,
    session: i64,
    request: &mut ModelRequest,
    known: &mut Files,
) -> OpResult<()> {
    let lacks = |message: &&mut Arc<Message>| {
        message.content.iter().filter_map(ContentBlock::file).any(|file| file.data.is_none())
    };
    for message in request.messages.iter_mut().filter(lacks) {
        for block in &mut Arc::make_mut(message).content {
            let Some(file) = block.file().filter(|file| file.data.is_none()) else { continue };
            let hash = file.hash.clone();
            if !known.contains_key(&hash) {
                let body = app.store.session_file(session, hash.clone()).await?;
                known.insert(hash.clone(), body.map(Into::into));
            }
            put(block, known.get(&hash).cloned().flatten());
        }
    }
    Ok(())
}

fn put(block: &mut ContentBlock, body: Option<Arc<[u8]>>) {
    match (body, &mut *block) {
        (Some(body), ContentBlock::Document(file) | ContentBlock::Image(file)) => file.data = Some(body),
        (None, ContentBlock::Document(File { name, .. }) | ContentBlock::Image(File { name, .. })) => {
            *block = ContentBlock::Text(format!("(The file {name} was shown here and is no longer kept.)"));
        }
        _ => {}
    }
}
