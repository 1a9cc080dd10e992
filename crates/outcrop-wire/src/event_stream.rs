//! Frames of `application/vnd.amazon.eventstream`.
//!
//! ```text
//! u32 total length | u32 headers length | u32 CRC-32 of the first 8 bytes | headers | payload | u32 CRC-32 of all before
//! header: u8 name length | name | u8 type | value          (type 7: u16 length, UTF-8)
//! ```
//! All integers big-endian, CRC-32 as in zlib. Source: recorded traffic of the service and botocore's parser.

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes around headers and payload: prelude (8), its checksum (4), the message's checksum (4).
const OVERHEAD: usize = 16;
/// Largest message that is read: AWS's limit of 24 MiB.
pub const MESSAGE_BYTES_MAX: usize = 24 * 1024 * 1024;
/// Largest header block: AWS's limit of 128 KiB.
pub const HEADERS_BYTES_MAX: usize = 128 * 1024;

/// One message: string headers in order, and the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names and values in the order of the wire. Headers of types other than string are read and left out.
    pub headers: Vec<(String, String)>,
    /// The payload as it came.
    pub payload: Bytes,
}

impl Message {
    /// The value of a header, by exact name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Writes an event: `:event-type`, `:content-type: application/json`, `:message-type: event`, in this order.
pub fn encode_event(event_type: &str, payload: &[u8]) -> Bytes {
    encode(&[(":event-type", event_type), (":content-type", "application/json"), (":message-type", "event")], payload)
}

/// Writes a modelled error in mid-stream; `exception_type` is the union member's name, such as `validationException`.
pub fn encode_exception(exception_type: &str, payload: &[u8]) -> Bytes {
    let headers =
        [(":exception-type", exception_type), (":content-type", "application/json"), (":message-type", "exception")];
    encode(&headers, payload)
}

/// Writes any message with string headers.
///
/// # Panics
/// When a header's name or value is longer than its length field can say, or the message is over 4 GiB: names are
/// ours, and payloads are bounded long before.
pub fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let headers_length: usize = headers.iter().map(|(name, value)| 1 + name.len() + 1 + 2 + value.len()).sum();
    let total = OVERHEAD + headers_length + payload.len();
    let mut out = BytesMut::with_capacity(total);
    out.put_u32(u32::try_from(total).expect("a message is bounded far below 4 GiB"));
    out.put_u32(u32::try_from(headers_length).expect("headers are few and short"));
    out.put_u32(crc32fast::hash(&out));
    for (name, value) in headers {
        out.put_u8(u8::try_from(name.len()).expect("header names are short"));
        out.put_slice(name.as_bytes());
        out.put_u8(7);
        out.put_u16(u16::try_from(value.len()).expect("header values are short"));
        out.put_slice(value.as_bytes());
    }
    out.put_slice(payload);
    out.put_u32(crc32fast::hash(&out));
    out.freeze()
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A length field contradicts another or a limit.
    #[error("event-stream message with impossible lengths")]
    Lengths,
    /// The checksum of the prelude or of the whole does not fit.
    #[error("event-stream checksum does not match")]
    Checksum,
    /// The header block cannot be read.
    #[error("event-stream header cannot be read")]
    Header,
}

/// Cuts messages out of a byte stream, however it was split.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// True when no bytes of an unfinished message wait.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The next whole message; `None` when more bytes are needed. After an error the stream is of no use.
    pub fn next_message(&mut self) -> Result<Option<Message>, DecodeError> {
        let Some((prelude, _)) = self.buffer.split_first_chunk::<12>() else { return Ok(None) };
        let (total, headers_length, checksum) = (be32(prelude, 0), be32(prelude, 4), be32(prelude, 8));
        if crc32fast::hash(&prelude[..8]) != checksum {
            return Err(DecodeError::Checksum);
        }
        let (total, headers_length) = (total as usize, headers_length as usize);
        let too_large = total > MESSAGE_BYTES_MAX || headers_length > HEADERS_BYTES_MAX;
        if too_large || total < OVERHEAD || headers_length > total - OVERHEAD {
            return Err(DecodeError::Lengths);
        }
        if self.buffer.len() < total {
            return Ok(None);
        }
        let frame = self.buffer.split_to(total).freeze();
        if crc32fast::hash(&frame[..total - 4]) != be32(&frame, total - 4) {
            return Err(DecodeError::Checksum);
        }
        let headers = read_headers(&frame[12..12 + headers_length])?;
        Ok(Some(Message { headers, payload: frame.slice(12 + headers_length..total - 4) }))
    }
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn read_headers(mut block: &[u8]) -> Result<Vec<(String, String)>, DecodeError> {
    let mut headers = Vec::new();
    while !block.is_empty() {
        let name_length = usize::from(take(&mut block, 1)?[0]);
        let name = text(take(&mut block, name_length)?)?;
        let kind = take(&mut block, 1)?[0];
        let value_length = match kind {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            6 | 7 => {
                let length = take(&mut block, 2)?;
                usize::from(u16::from_be_bytes([length[0], length[1]]))
            }
            9 => 16,
            _ => return Err(DecodeError::Header),
        };
        let value = take(&mut block, value_length)?;
        if kind == 7 {
            headers.push((name, text(value)?));
        }
    }
    Ok(headers)
}

fn take<'a>(block: &mut &'a [u8], length: usize) -> Result<&'a [u8], DecodeError> {
    let (taken, rest) = block.split_at_checked(length).ok_or(DecodeError::Header)?;
    *block = rest;
    Ok(taken)
}

fn text(bytes: &[u8]) -> Result<String, DecodeError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| DecodeError::Header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Both vectors were accepted by botocore's own parser.
    #[test]
    fn writes_what_botocore_reads() {
        let chunk = encode_event("chunk", br#"{"bytes":"SGVsbG8="}"#);
        assert_eq!(
            hex(&chunk),
            "0000006f0000004b9f4ea7ed0b3a6576656e742d74797065070005\
             6368756e6b0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e\
             0d3a6d6573736167652d747970650700056576656e747b226279746573223a22534756736247383d227d0b6e5dde"
        );
        let exception = encode_exception("validationException", br#"{"message":"no"}"#);
        assert_eq!(exception.len(), 129);
        assert_eq!(hex(&exception[..12]), "0000008100000061d3111785");
        assert_eq!(hex(&exception[125..]), "0f22556e");
    }

    proptest! {
        #[test]
        fn reads_back_what_it_wrote_however_split(
            frames in prop::collection::vec(("[a-z]{1,20}", prop::collection::vec(any::<u8>(), 0..300)), 1..5),
            cut in 1usize..64,
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(name, payload)| encode_event(name, payload)).collect();
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for piece in bytes.chunks(cut) {
                decoder.push(piece);
                while let Some(message) = decoder.next_message().unwrap() {
                    seen.push((message.header(":event-type").unwrap().to_owned(), message.payload.to_vec()));
                }
            }
            prop_assert!(decoder.is_empty());
            prop_assert_eq!(seen, frames);
        }

        #[test]
        fn a_flipped_bit_never_passes(payload in prop::collection::vec(any::<u8>(), 0..100), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = encode_event("chunk", &payload).to_vec();
            let index = at.index(bytes.len());
            bytes[index] ^= 1 << bit;
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            prop_assert!(!matches!(decoder.next_message(), Ok(Some(_))));
        }

        #[test]
        fn never_panics_on_noise(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next_message() {}
        }

        #[test]
        fn header_blocks_of_noise_never_panic(block in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_headers(&block);
        }
    }
}
