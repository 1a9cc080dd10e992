//! Bodies with the content coding `aws-chunked`: chunks, each with a signature if the request says so, and trailers.
//!
//! ```text
//! 1000;chunk-signature=SIGNATURE CRLF 4096 bytes CRLF … 0;chunk-signature=SIGNATURE CRLF
//! x-amz-checksum-crc32:VALUE CRLF x-amz-trailer-signature:SIGNATURE CRLF CRLF
//! ```
//! It is independent of HTTP's own chunks, and around them or not. Clients of S3 send their checksums this way.

use super::Scope;
use super::key::{SigningKey, sha256_hex};

/// Longest line with a chunk's size, and longest trailer section.
const LINE_BYTES_MAX: usize = 4 * 1024;
const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// Verifies the signatures of chunks and trailers; from [`Claim::verify`](super::Claim::verify).
#[derive(Clone, Debug)]
pub struct ChunkSignatures {
    pub(super) key: SigningKey,
    pub(super) amz_date: String,
    pub(super) scope: Scope,
    /// The request's own signature, which the first chunk's builds on.
    pub(super) seed: String,
    /// Whether the trailers are signed, too.
    pub(super) trailer: bool,
}

/// A decoded body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The content.
    pub body: Vec<u8>,
    /// Checksums that came after it, names in lower case: `x-amz-checksum-…`, no others.
    pub trailers: Vec<(String, String)>,
}

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// It is not in this form, or ends early.
    #[error("the body is not well-formed aws-chunked: {0}")]
    Malformed(&'static str),
    /// A chunk or the trailer is not what was signed, or has no signature.
    #[error("the signature of a chunk or of the trailer does not match")]
    Signature,
}

/// Decodes a whole body. With `signatures` every chunk is verified, without them they are passed over.
///
/// The result is never longer than what came in.
pub fn decode(encoded: &[u8], signatures: Option<&ChunkSignatures>) -> Result<Decoded, ChunkError> {
    let mut rest = encoded;
    let mut body = Vec::with_capacity(encoded.len());
    let mut previous = signatures.map(|signatures| signatures.seed.clone()).unwrap_or_default();
    loop {
        let (line, after) = take_line(rest).ok_or(ChunkError::Malformed("a chunk does not begin with a line"))?;
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let size = parse_size(size)?;
        let Some((chunk, after)) = after.split_at_checked(size) else {
            return Err(ChunkError::Malformed("a chunk is longer than what there is"));
        };
        if let Some(signatures) = signatures {
            let signature = extension.strip_prefix("chunk-signature=").ok_or(ChunkError::Signature)?;
            let text = signatures.string_to_sign_of_chunk(&previous, chunk);
            if !signatures.key.verify(&text, signature) {
                return Err(ChunkError::Signature);
            }
            signature.clone_into(&mut previous);
        }
        if size == 0 {
            let trailers = trailers(after, &previous, signatures)?;
            return Ok(Decoded { body, trailers });
        }
        body.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n").ok_or(ChunkError::Malformed("a chunk does not end where it says"))?;
    }
}

impl ChunkSignatures {
    fn string_to_sign_of_chunk(&self, previous: &str, chunk: &[u8]) -> String {
        let Self { amz_date, scope, .. } = self;
        let (nothing, hash) = (sha256_hex(b""), sha256_hex(chunk));
        format!("AWS4-HMAC-SHA256-PAYLOAD\n{amz_date}\n{scope}\n{previous}\n{nothing}\n{hash}")
    }

    fn string_to_sign_of_trailer(&self, previous: &str, trailer: &[u8]) -> String {
        let Self { amz_date, scope, .. } = self;
        let hash = sha256_hex(trailer);
        format!("AWS4-HMAC-SHA256-TRAILER\n{amz_date}\n{scope}\n{previous}\n{hash}")
    }
}

/// What stands after the last chunk: `name:value` lines, and their signature.
fn trailers(
    section: &[u8],
    previous: &str,
    signatures: Option<&ChunkSignatures>,
) -> Result<Vec<(String, String)>, ChunkError> {
    let malformed = ChunkError::Malformed("the trailer cannot be read");
    if section.len() > TRAILER_BYTES_MAX {
        return Err(malformed);
    }
    // Clients differ in how many line ends they put between; none is part of a value.
    let text = std::str::from_utf8(section).map_err(|_| malformed)?;
    // A body that breaks off within its trailer must not pass for one with a shorter checksum.
    if !text.ends_with("\r\n") {
        return Err(malformed);
    }
    let mut found = Vec::new();
    let mut signature = None;
    let mut signed = String::new();
    for line in text.split('\n').map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(malformed)?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        if name == "x-amz-trailer-signature" {
            signature = Some(value);
        } else if name.starts_with("x-amz-checksum-") && signature.is_none() {
            signed.push_str(&format!("{name}:{value}\n"));
            found.push((name, value.to_owned()));
        } else {
            return Err(malformed);
        }
    }
    if let Some(signatures) = signatures.filter(|signatures| signatures.trailer || !found.is_empty()) {
        let text = signatures.string_to_sign_of_trailer(previous, signed.as_bytes());
        if !signature.is_some_and(|signature| signatures.key.verify(&text, signature)) {
            return Err(ChunkError::Signature);
        }
    }
    Ok(found)
}

/// A line up to CRLF, and what is after it.
fn take_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let head = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let end = head.windows(2).position(|pair| pair == b"\r\n")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 2..]))
}

/// Hexadecimal, at most fifteen digits, so that it fits.
fn parse_size(text: &str) -> Result<usize, ChunkError> {
    let is_number = (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let size = usize::from_str_radix(text, 16).ok().filter(|_| is_number);
    size.ok_or(ChunkError::Malformed("a chunk's size is no hexadecimal number"))
}
