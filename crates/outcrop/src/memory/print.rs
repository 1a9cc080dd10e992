//! What an agent remembers, for people.

use super::{Memory, MemoryLine, SessionLine};
use crate::chat::{Style, Target};
use anstyle::AnsiColor;
use serde_json::Value;

pub(super) fn list(memories: &[MemoryLine], target: &Target) -> String {
    if memories.is_empty() {
        return format!("{target} remembers nothing yet\n");
    }
    let width = memories.iter().map(|one| one.memory_id.len()).max().unwrap_or_default();
    let line = |one: &MemoryLine| {
        let sessions = counted(u64::from(one.sessions), "session");
        format!("{:width$}  {sessions}, the last began {}\n", one.memory_id, minute(&one.last_session_start_time))
    };
    memories.iter().map(line).collect()
}

pub(super) fn memory(memory: &Memory, style: Style) -> String {
    if memory.sessions.is_empty() && memory.pending.is_empty() {
        return format!("nothing is remembered under {}\n", memory.memory_id);
    }
    let mut parts: Vec<String> = memory.sessions.iter().map(|one| session(one, style)).collect();
    for one in &memory.pending {
        let attempts = match one.attempts {
            0 => "not tried yet".to_owned(),
            count => format!("tried {}, next {}", times(count), minute(&one.next_attempt_at)),
        };
        let head = heading(&one.session_id, style);
        parts.push(format!("{head}  ended {}, waits to be summed up: {attempts}\n", minute(&one.ended_at)));
    }
    parts.join("\n")
}

pub(super) fn session(session: &SessionLine, style: Style) -> String {
    let head = heading(&session.session_id, style);
    let (began, until) = (minute(&session.session_start_time), minute(&session.session_expiry_time));
    let mut text = format!("{head}  began {began}, kept until {until}\n");
    for line in session.summary_text.lines() {
        // What a model wrote must not move the cursor.
        let clean: String = line.chars().filter(|c| !c.is_control()).collect();
        text.push_str(&format!("  {clean}\n"));
    }
    text
}

pub(super) fn deleted(answer: &Value) -> String {
    match answer["deleted"].as_u64() {
        Some(0) | None => "nothing was remembered there\n".to_owned(),
        Some(count) => format!("forgot {}\n", counted(count, "session")),
    }
}

fn heading(text: &str, style: Style) -> String {
    let bold = AnsiColor::Cyan.on_default().bold();
    if style.color { format!("{bold}{text}{bold:#}") } else { text.to_owned() }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// `2026-01-01T10:00:00.123Z` to `2026-01-01 10:00`.
fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}
