//! Histories of sessions at work, kept in memory, so that a turn that goes on reads nothing it has just written.
//!
//! What a turn has ended with is never changed, and an entry holds ended turns only: those before a number. So an entry is
//! never wrong; it may be behind, when turns of its session were run elsewhere or ended on another way, and then the turns
//! it lacks are read and added. Whatever is not here is in the journal.

use super::History;
use moka::sync::Cache;
use outcrop_planner::turn::{Earlier, Turn};
use outcrop_ports::{ContentBlock, Message};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of histories that are kept, as far as they can be told.
const KEPT_BYTES_MAX: u64 = 32 << 20;
/// Longest history that is kept: beyond it reading is a small part of what its turns cost.
const HISTORY_BYTES_MAX: usize = 4 << 20;
/// Time without a turn after which a history makes room.
const IDLE: Duration = Duration::from_secs(10 * 60);
/// What a message takes beside its texts.
const MESSAGE_BYTES: usize = 200;

/// Histories by the store's number of their session.
pub struct Histories {
    kept: Cache<i64, Arc<Kept>>,
}

struct Kept {
    /// What the turns before this one left.
    before: u32,
    earlier: Earlier,
    bytes: usize,
}

impl Default for Histories {
    fn default() -> Self {
        let weight = |_: &i64, kept: &Arc<Kept>| u32::try_from(kept.bytes).unwrap_or(u32::MAX);
        Self { kept: Cache::builder().weigher(weight).max_capacity(KEPT_BYTES_MAX).time_to_idle(IDLE).build() }
    }
}

impl Histories {
    /// What is known of the turns before this one: the first turn that is not in it, and what those before left.
    pub(super) fn before(&self, session: i64, turn: u32) -> (u32, History) {
        let kept = self.kept.get(&session).filter(|kept| kept.before <= turn);
        kept.map_or_else(
            || (1, History::default()),
            |kept| (kept.before, History { earlier: kept.earlier.clone(), attributes: None }),
        )
    }

    /// The history before a turn was read whole.
    pub(super) fn read(&self, session: i64, turn: u32, earlier: &Earlier) {
        let bytes = bytes(&earlier.messages);
        self.keep(session, Kept { before: turn, earlier: earlier.clone(), bytes });
    }

    /// A turn has its end in the journal.
    pub(super) fn ended(&self, session: i64, number: u32, turn: &Turn) {
        let (mut earlier, before) = match (number, self.kept.get(&session)) {
            (1, _) => (Earlier::default(), 0),
            (_, Some(kept)) if kept.before == number => (kept.earlier.clone(), kept.bytes),
            // What it was begun with is not here any more.
            _ => return self.forget(session),
        };
        let messages: Vec<Arc<Message>> = turn.new_messages().iter().map(without_contents).collect();
        let bytes = before + bytes(&messages);
        earlier.push(number, messages, turn.left());
        earlier.custom.extend(turn.custom_turn());
        self.keep(session, Kept { before: number + 1, earlier, bytes });
    }

    /// The number stands for another session from now on, or the end of its turns is not known here.
    pub(super) fn forget(&self, session: i64) {
        self.kept.invalidate(&session);
    }

    fn keep(&self, session: i64, kept: Kept) {
        // The journal cuts what is far too long; what is kept here must be what is read there.
        if kept.bytes > HISTORY_BYTES_MAX {
            return self.forget(session);
        }
        self.kept.insert(session, Arc::new(kept));
    }
}

/// The message as it is read from the journal: files by their hashes only.
fn without_contents(message: &Arc<Message>) -> Arc<Message> {
    let has_content = |block: &ContentBlock| block.file().is_some_and(|file| file.data.is_some());
    if !message.content.iter().any(has_content) {
        return message.clone();
    }
    let mut message = Message::clone(message);
    for block in &mut message.content {
        if let ContentBlock::Document(file) | ContentBlock::Image(file) = block {
            file.data = None;
        }
    }
    Arc::new(message)
}

fn bytes(messages: &[Arc<Message>]) -> usize {
    let of_block = |block: &ContentBlock| match block {
        ContentBlock::Text(text) => text.len(),
        ContentBlock::ToolUse(tool_use) => tool_use.input.to_string().len(),
        ContentBlock::ToolResult(result) => result.content.iter().map(|content| content.words().len()).sum(),
        ContentBlock::ReasoningContent(reasoning) => reasoning.text.len(),
        ContentBlock::Document(file) | ContentBlock::Image(file) => file.name.len(),
    };
    messages.iter().map(|message| MESSAGE_BYTES + message.content.iter().map(of_block).sum::<usize>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_planner::turn::Left;
    use outcrop_ports::{File, Role};

    fn earlier(turns: u32) -> Earlier {
        let mut earlier = Earlier::default();
        for turn in 1..=turns {
            let messages = vec![Message::user(format!("question {turn}")), Message::assistant("answer")];
            earlier.push(turn, messages.into_iter().map(Arc::new).collect(), Left::default());
        }
        earlier
    }

    #[test]
    fn a_history_serves_turns_after_it_and_none_before() {
        let histories = Histories::default();
        histories.read(7, 4, &earlier(3));
        let (from, known) = histories.before(7, 4);
        assert_eq!((from, known.earlier), (4, earlier(3)));
        // Behind: the rest is read.
        assert_eq!(histories.before(7, 6).0, 4);
        // Ahead: of no use to whoever looks back.
        assert_eq!(histories.before(7, 3).0, 1);
        assert_eq!(histories.before(8, 4).0, 1);
        histories.forget(7);
        assert_eq!(histories.before(7, 4).0, 1);
    }

    #[test]
    fn long_histories_are_not_kept() {
        let histories = Histories::default();
        let mut long = earlier(1);
        long.push(2, vec![Arc::new(Message::user("x".repeat(HISTORY_BYTES_MAX)))], Left::default());
        histories.read(7, 3, &long);
        assert_eq!(histories.before(7, 3).0, 1);
    }

    #[test]
    fn contents_of_files_are_left_out() {
        let file = File {
            name: "a.txt".into(),
            media_type: "text/plain".into(),
            hash: "00".into(),
            bytes: 3,
            is_text: true,
            data: Some(b"abc".as_slice().into()),
        };
        let message = Message { role: Role::User, content: vec![ContentBlock::Document(file)] };
        let kept = without_contents(&Arc::new(message.clone()));
        let read: Message = serde_json::from_slice(&serde_json::to_vec(&message).unwrap()).unwrap();
        assert_eq!(*kept, read);
    }
}
