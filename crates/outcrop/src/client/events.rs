//! Event streams on the receiving side.

use super::ClientError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_http::HttpStream;
use outcrop_wire::event_stream::{Decoder, Message};
use serde_json::{Map, Value};

/// One event of a stream, as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StreamEvent {
    /// The union's member: `chunk`, `trace`, `validationException`, …
    pub name: String,
    /// The member's JSON.
    pub payload: Value,
    /// True for an error in mid-stream; nothing follows it.
    pub is_exception: bool,
}

impl StreamEvent {
    /// An event that is no exception.
    #[cfg(test)]
    pub(crate) fn new(name: &str, payload: Value) -> Self {
        Self { name: name.to_owned(), payload, is_exception: false }
    }

    /// The text of a `chunk`; empty for anything else. What is not UTF-8 is replaced.
    pub(crate) fn text(&self) -> String {
        let bytes = self.payload["bytes"].as_str().and_then(|text| STANDARD.decode(text).ok());
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }
}

/// A stream of events being read. Dropping it closes the connection, which ends the turn on the server.
#[derive(Debug)]
pub(crate) struct EventStream {
    stream: HttpStream,
    decoder: Decoder,
    endpoint: String,
    /// An error frame was read: nothing after it counts.
    ended: bool,
}

impl EventStream {
    pub(super) fn new(stream: HttpStream, endpoint: String) -> Self {
        Self { stream, decoder: Decoder::default(), endpoint, ended: false }
    }

    /// The next event, `None` after the last. Fails when the connection breaks or sends something else.
    ///
    /// Dropping the future loses no event.
    pub(crate) async fn next(&mut self) -> Result<Option<StreamEvent>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        loop {
            let message = self.decoder.next_message();
            if let Some(message) = message.map_err(|error| ClientError::BadReply(error.to_string()))? {
                let event = event(&message)?;
                self.ended = event.is_exception;
                return Ok(Some(event));
            }
            let piece = self.stream.next().await.map_err(|error| ClientError::of_http(&self.endpoint, &error))?;
            match piece {
                Some(bytes) => self.decoder.push(&bytes),
                None if self.decoder.is_empty() => return Ok(None),
                None => return Err(ClientError::BadReply("the stream broke off within an event".to_owned())),
            }
        }
    }
}

fn event(message: &Message) -> Result<StreamEvent, ClientError> {
    let kind = message.header(":message-type").unwrap_or("event");
    let name = match kind {
        "exception" => message.header(":exception-type"),
        "error" => message.header(":error-code"),
        _ => message.header(":event-type"),
    };
    let Some(name) = name else {
        return Err(ClientError::BadReply("an event without a name".to_owned()));
    };
    let payload = match kind {
        "error" => {
            let text = message.header(":error-message").unwrap_or_default();
            Value::Object(Map::from_iter([("message".to_owned(), Value::from(text))]))
        }
        _ if message.payload.is_empty() => Value::Object(Map::new()),
        _ => serde_json::from_slice(&message.payload)
            .map_err(|error| ClientError::BadReply(format!("event `{name}` is not JSON: {error}")))?,
    };
    Ok(StreamEvent { name: name.to_owned(), payload, is_exception: kind != "event" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_wire::event_stream::{encode, encode_event, encode_exception};
    use serde_json::json;

    fn check(frame: &[u8], expected: Result<(&str, Value, bool), &str>) {
        let mut decoder = Decoder::default();
        decoder.push(frame);
        let message = decoder.next_message().unwrap().unwrap();
        let found = event(&message).map(|event| (event.name, event.payload, event.is_exception));
        let expected = expected.map(|(name, payload, failed)| (name.to_owned(), payload, failed));
        assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn frames_become_events() {
        check(&encode_event("chunk", br#"{"bytes":"SGk="}"#), Ok(("chunk", json!({"bytes": "SGk="}), false)));
        check(&encode_event("chunk", b""), Ok(("chunk", json!({}), false)));
        check(
            &encode_exception("throttlingException", br#"{"message":"slow"}"#),
            Ok(("throttlingException", json!({"message": "slow"}), true)),
        );
        let error = [(":message-type", "error"), (":error-code", "Internal"), (":error-message", "oh")];
        check(&encode(&error, b""), Ok(("Internal", json!({"message": "oh"}), true)));
        check(&encode(&[], b"{}"), Err("the server's answer cannot be read: an event without a name"));
        assert_eq!(StreamEvent::new("chunk", json!({"bytes": "SGk="})).text(), "Hi");
    }
}
