//! The canonical form of a request: what client and server must agree on to the byte.

use super::{ALGORITHM, Request, Scope, key};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::borrow::Cow;

/// Everything but letters, digits and `-._~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same in a path.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The parameter of a presigned URL that cannot be part of what is signed.
pub(super) const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

/// The string to sign of a request.
pub(super) fn string_to_sign(
    request: Request<'_>,
    amz_date: &str,
    scope: &Scope,
    signed_headers: &[&str],
    payload_hash: &str,
) -> String {
    let canonical = canonical_request(request, &scope.service, signed_headers, payload_hash);
    format!("{ALGORITHM}\n{amz_date}\n{scope}\n{}", key::sha256_hex(&canonical))
}

/// Bytes, because header values need not be text.
pub(super) fn canonical_request(
    request: Request<'_>,
    service: &str,
    signed_headers: &[&str],
    payload_hash: &str,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let path = canonical_path(request.path, service);
    let query = canonical_query(request.query);
    for line in [request.method, &path, &query] {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    for name in signed_headers {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        for (index, value) in request.values(name).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_folded(&mut out, value);
        }
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.join(";").as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload_hash.as_bytes());
    out
}

/// S3 signs the path as it is sent. Everyone else takes out `.`, `..` and empty segments and encodes once more.
fn canonical_path<'a>(path: &'a str, service: &str) -> Cow<'a, str> {
    let path = if path.is_empty() { "/" } else { path };
    if service == "s3" {
        return Cow::Borrowed(path);
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let slash = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    let normal = format!("/{}{slash}", segments.join("/"));
    Cow::Owned(percent_encode(normal.as_bytes(), RESERVED_IN_PATH).to_string())
}

/// Parameters in one spelling, sorted by name and value; the signature itself left out.
fn canonical_query(query: &str) -> String {
    // A plus means itself to one reader and a blank to another. One that came as such stands as it came, so that a
    // signature for `%2B` does not hold for it.
    let between_plus =
        |text: &str| percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), RESERVED).to_string();
    let spelled = |text: &str| text.split('+').map(between_plus).collect::<Vec<_>>().join("+");
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (spelled(name), spelled(value)))
        .filter(|(name, _)| name != SIGNATURE_PARAMETER)
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A value with runs of white space made one blank and none at its ends.
fn push_folded(out: &mut Vec<u8>, value: &[u8]) {
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}
