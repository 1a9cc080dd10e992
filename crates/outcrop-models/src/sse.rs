//! Server-sent events: bytes however split in, the data of whole events out.

use outcrop_ports::{ModelError, ModelErrorKind};

/// Largest event read; a model's piece is some hundred bytes, a whole tool call some kilobytes.
const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Reads an event stream piece by piece. Only `data` lines matter here: the providers say in the data what it is.
#[derive(Debug, Default)]
pub(crate) struct SseReader {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_carriage_return: bool,
}

/// An event is larger than [`EVENT_BYTES_MAX`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than {EVENT_BYTES_MAX} bytes")]
pub(crate) struct EventTooLarge;

impl From<EventTooLarge> for ModelError {
    fn from(error: EventTooLarge) -> Self {
        Self::new(ModelErrorKind::BadReply, error.to_string())
    }
}

impl SseReader {
    /// Takes the next bytes and hands the data of each event that they complete to `on_event`.
    pub(crate) fn push<E: From<EventTooLarge>>(
        &mut self,
        mut bytes: &[u8],
        on_event: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.after_carriage_return) && *first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.keep(bytes)?;
                return Ok(());
            };
            self.keep(&bytes[..end])?;
            self.after_carriage_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.end_line(on_event)?;
        }
        Ok(())
    }

    /// The stream has ended: hands over an event that lacks its blank line, as some servers end.
    pub(crate) fn finish<E: From<EventTooLarge>>(
        &mut self,
        on_event: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.line.is_empty() {
            self.end_line(on_event)?;
        }
        self.end_line(on_event)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), EventTooLarge> {
        if self.line.len() + self.data.len() + bytes.len() > EVENT_BYTES_MAX {
            return Err(EventTooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line<E>(&mut self, on_event: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if self.line.is_empty() {
            let complete = std::mem::take(&mut self.has_data);
            let outcome = if complete { on_event(&self.data) } else { Ok(()) };
            self.data.clear();
            return outcome;
        }
        if let Some(value) = data_of(&self.line) {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
            self.has_data = true;
        }
        self.line.clear();
        Ok(())
    }
}

/// The value of a `data` line; `None` for comments and other fields.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).strip_prefix(b"data")?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, EventTooLarge> {
        let mut events = Vec::new();
        let mut reader = SseReader::default();
        let mut keep = |data: &[u8]| {
            events.push(String::from_utf8_lossy(data).into_owned());
            Ok(())
        };
        for piece in pieces {
            reader.push(piece, &mut keep)?;
        }
        reader.finish::<EventTooLarge>(&mut keep)?;
        Ok(events)
    }

    #[track_caller]
    fn check(stream: &str, expected: &[&str]) {
        assert_eq!(read([stream.as_bytes()]).unwrap(), expected, "{stream:?}");
    }

    #[test]
    fn events() {
        check("", &[]);
        check("data: a\n\ndata:b\n\n", &["a", "b"]);
        check("data: a\r\n\r\ndata: b\r\rdata: c\n\n", &["a", "b", "c"]);
        check(": ping\n\nevent: x\nid: 1\ndata: a\ndata: b\nretry: 5\n\n", &["a\nb"]);
        check("data\n\ndatum: no\n\ndata:  two blanks\n\n", &["", " two blanks"]);
        check("\u{feff}data: a\n\n\n\n", &["a"]);
        check("data: no blank line\n", &["no blank line"]);
        check("data: no line end", &["no line end"]);
    }

    #[test]
    fn too_large() {
        let line = vec![b'a'; EVENT_BYTES_MAX / 2];
        assert_eq!(read([b"data: ".as_slice(), &line, &line]), Err(EventTooLarge));
        assert_eq!(read([b"data: ".as_slice(), &line, b"\ndata: ", &line]), Err(EventTooLarge));
    }

    proptest! {
        #[test]
        fn however_split(stream in "(data: ?[a-c ]{0,3}|:x|event: e|\r|\n|\r\n|\r\n\r\n|\n\n){0,12}", cuts in prop::collection::vec(0_usize..100, 0..8)) {
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            prop_assert_eq!(read(pieces), read([bytes]));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read([bytes.as_slice()]);
        }
    }
}
