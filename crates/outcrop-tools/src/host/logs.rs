//! What functions print: into the log line by line, and a tail of it for failures.

use crate::failure::head;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest line, in bytes; the rest of a longer one is dropped.
const LINE_BYTES_MAX: usize = 4096;
/// Lines kept.
const LINES_MAX: usize = 50;
/// Lambda's `LogResult`: the last 4 KB.
const TAIL_BYTES_MAX: usize = 4096;

/// The last lines of one process. Cheap to clone; clones share the lines.
#[derive(Clone, Debug)]
pub(super) struct Logs {
    function: Arc<str>,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<String>,
    /// All lines ever, kept or not.
    count: u64,
    /// Marks set so far: a new event begins with each.
    marks: u64,
}

impl Logs {
    pub(super) fn new(function: Arc<str>) -> Self {
        Self { function, lines: Arc::default() }
    }

    /// A mark for [`Logs::since`]: what comes after it.
    ///
    /// What was printed before it without a line's end is not kept: it belongs to an earlier event, perhaps of somebody
    /// else.
    pub(super) fn mark(&self) -> u64 {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.marks += 1;
        lines.count
    }

    fn count(&self) -> u64 {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    fn marks(&self) -> u64 {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).marks
    }

    /// The last lines after a mark, at most 4 KB.
    pub(super) fn since(&self, mark: u64) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = usize::try_from(lines.count.saturating_sub(mark)).unwrap_or(usize::MAX).min(lines.kept.len());
        let mut text = String::new();
        for line in lines.kept.iter().skip(lines.kept.len() - fresh) {
            text.push_str(line);
            text.push('\n');
        }
        crate::failure::tail_of(&text, TAIL_BYTES_MAX).to_owned()
    }

    /// Waits until what the process printed before it answered has been read: a few milliseconds at most.
    pub(super) async fn settle(&self) {
        let mut last = self.count();
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let now = self.count();
            if now == last {
                return;
            }
            last = now;
        }
    }

    /// Reads one of the process's streams to its end. Nothing is kept of an unreadable one.
    pub(super) async fn read(self, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 8 * 1024];
        let mut line = Vec::new();
        let mut begun = self.marks();
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            let marks = self.marks();
            if marks != begun && !line.is_empty() {
                self.show(&line);
                line.clear();
            }
            begun = marks;
            let mut parts = buffer[..length].split(|byte| *byte == b'\n');
            // `split` yields at least one part: the continuation of the line begun before.
            extend(&mut line, parts.next().unwrap_or_default());
            for part in parts {
                self.add(&line);
                line.clear();
                extend(&mut line, part);
            }
        }
        match self.marks() == begun {
            _ if line.is_empty() => {}
            true => self.add(&line),
            false => self.show(&line),
        }
    }

    /// Into the log, and nowhere else.
    fn show(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        tracing::info!(target: "outcrop::function", function = &*self.function, "{}", head(text.trim_end(), LINE_BYTES_MAX));
    }

    fn add(&self, line: &[u8]) {
        self.show(line);
        let text = String::from_utf8_lossy(line);
        let text = head(text.trim_end(), LINE_BYTES_MAX);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.kept.len() == LINES_MAX {
            lines.kept.pop_front();
        }
        lines.kept.push_back(text.to_owned());
        lines.count += 1;
    }
}

fn extend(line: &mut Vec<u8>, part: &[u8]) {
    let room = LINE_BYTES_MAX.saturating_sub(line.len());
    line.extend_from_slice(&part[..part.len().min(room)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn an_unfinished_line_of_an_earlier_event_is_not_kept() {
        let logs = Logs::new("orders".into());
        let (mut writer, reader) = tokio::io::duplex(64);
        let reading = logs.clone().read(reader);
        let writing = async {
            writer.write_all(b"whole\nsecret without end").await.unwrap();
            while logs.count() == 0 {
                tokio::task::yield_now().await;
            }
            let mark = logs.mark();
            writer.write_all(b"next\n").await.unwrap();
            drop(writer);
            mark
        };
        let ((), mark) = tokio::join!(reading, writing);
        assert_eq!((logs.since(0).as_str(), logs.since(mark).as_str()), ("whole\nnext\n", "next\n"));
    }

    #[tokio::test]
    async fn keeps_the_last_lines() {
        let logs = Logs::new("orders".into());
        logs.clone().read(&b"one\r\ntwo\n\nlast without end"[..]).await;
        assert_eq!(logs.since(0), "one\ntwo\n\nlast without end\n");
        let mark = logs.mark();
        assert_eq!((mark, logs.since(mark).as_str()), (4, ""));
        logs.clone().read(&b"five \xff\n"[..]).await;
        assert_eq!(logs.since(mark), "five \u{fffd}\n");
        let flood = "x".repeat(100_000) + "\n" + &"y\n".repeat(48);
        logs.clone().read(flood.as_bytes()).await;
        assert!(logs.since(mark).len() <= TAIL_BYTES_MAX);
        assert!(logs.since(mark).ends_with("y\ny\n"));
        logs.clone().read("z\n".repeat(1000).as_bytes()).await;
        assert_eq!(logs.since(mark), "z\n".repeat(50));
    }
}
