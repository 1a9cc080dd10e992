//! A request as the operations get it: its sender known, its body whole and decoded.
//!
//! Nothing of the signature is left on what comes out of here: no `Authorization`, no parameters of a presigned URL, no
//! `aws-chunked`, so that whatever answers need not know how a request was let in.

use super::authenticate::{self, Admission, Caller};
use crate::App;
use crate::errors::{self, ApiError};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use outcrop_api::{Protocol, services};
use outcrop_wire::sigv4::chunked::{self, ChunkError, ChunkSignatures};
use outcrop_wire::sigv4::{Refusal, is_presigned};
use std::time::Duration;

/// Time a client has to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(120);
/// Time a client that was refused has to send its body before the connection is closed on it.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest path with query that is looked at.
const TARGET_BYTES_MAX: usize = 16 * 1024;

/// A request of somebody who may call.
pub(super) struct Received {
    /// Method, path, query, headers.
    pub(super) head: Parts,
    /// The whole body, decoded.
    pub(super) body: Bytes,
    /// Who sent it.
    pub(super) caller: Caller,
    /// The form that the caller can read, where no operation tells it.
    pub(super) protocol: Protocol,
}

/// A request that gets no further.
pub(super) struct Refused {
    /// What the caller is told.
    pub(super) error: ApiError,
    /// Which service it says it was signed for.
    pub(super) signing_service: Option<String>,
    /// The form that the caller can read.
    pub(super) protocol: Protocol,
}

/// Lets a request in, or says why not.
pub(super) async fn receive(app: &App, request: Request<Incoming>) -> Result<Received, Refused> {
    let (head, body) = request.into_parts();
    let signing_service = authenticate::signing_service(&head);
    let protocol = protocol(&head, signing_service.as_deref());
    let refused = |error: ApiError| Refused { error, signing_service: signing_service.clone(), protocol };
    if head.uri.path_and_query().is_some_and(|target| target.as_str().len() > TARGET_BYTES_MAX) {
        let message = format!("The request's path and query are longer than {TARGET_BYTES_MAX} bytes.");
        return Err(refused(errors::validation(message)));
    }
    let admission = match authenticate::admit(&app.settings.auth, &head, app.clock.now()) {
        Ok(admission) => admission,
        Err(refusal) => {
            drain(body, app.settings.body_bytes_max).await;
            return Err(refused(refusal.into()));
        }
    };
    let body = read(body, app.settings.body_bytes_max).await.map_err(refused)?;
    let (head, body, caller) = open(admission, head, body).map_err(refused)?;
    Ok(Received { head, body, caller, protocol })
}

/// How the service speaks that a request is for, as far as its head tells: by its signature, or by how requests of the
/// service look.
fn protocol(head: &Parts, signing_service: Option<&str>) -> Protocol {
    let signed = services().find(|service| Some(service.signing_name) == signing_service);
    let kind = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    match signed {
        Some(service) => service.protocol,
        None if head.headers.contains_key("x-amz-target") => Protocol::Json { target_prefix: "" },
        None if is_form && head.uri.path() == "/" => Protocol::Query { version: "", namespace: "" },
        None => Protocol::RestJson,
    }
}

/// Verifies, decodes, and takes off what was only there for that.
fn open(admission: Admission<'_>, mut head: Parts, body: Bytes) -> Result<(Parts, Bytes, Caller), ApiError> {
    let (caller, signatures) = admission.finish(&head, &body)?;
    let body = match is_chunked(&head.headers) {
        true => decode(&mut head.headers, &body, signatures.as_ref())?,
        false => body,
    };
    head.headers.remove(AUTHORIZATION);
    if let Some(query) = head.uri.query().filter(|query| is_presigned(query)) {
        head.uri = without_signature(&head.uri, query);
    }
    Ok((head, body, caller))
}

/// The content coding says so, or the word that stands for the body's hash does.
fn is_chunked(headers: &HeaderMap) -> bool {
    let is_streaming = |value: &HeaderValue| value.as_bytes().starts_with(b"STREAMING-");
    codings(headers).any(|coding| coding.eq_ignore_ascii_case("aws-chunked"))
        || headers.get("x-amz-content-sha256").is_some_and(is_streaming)
}

fn codings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|coding| !coding.is_empty())
}

/// Decodes `aws-chunked` and makes the headers say what they would without it; checksums that came after the body are
/// headers then.
fn decode(headers: &mut HeaderMap, body: &[u8], signatures: Option<&ChunkSignatures>) -> Result<Bytes, ApiError> {
    let decoded = chunked::decode(body, signatures).map_err(|error| match error {
        ChunkError::Signature => Refusal::Mismatch.into(),
        ChunkError::Malformed(_) => ApiError::new("SerializationException", sentence(&error.to_string())),
    })?;
    let length = headers.get("x-amz-decoded-content-length").map(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length != Some(decoded.body.len())) {
        let message = "The body does not have the length that x-amz-decoded-content-length says.";
        return Err(ApiError::new("SerializationException", message));
    }
    let others: Vec<&str> = codings(headers).filter(|coding| !coding.eq_ignore_ascii_case("aws-chunked")).collect();
    let others = HeaderValue::from_str(&others.join(",")).ok().filter(|value| !value.is_empty());
    headers.remove(CONTENT_ENCODING);
    others.map(|value| headers.insert(CONTENT_ENCODING, value));
    for name in ["x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer"] {
        headers.remove(name);
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(decoded.body.len()));
    for (name, value) in decoded.trailers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    Ok(decoded.body.into())
}

/// The same address without the parameters of a presigned URL.
fn without_signature(uri: &Uri, query: &str) -> Uri {
    const OF_SIGNATURE: [&str; 8] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        "X-Amz-Content-Sha256",
    ];
    let is_other = |pair: &&str| !OF_SIGNATURE.contains(&pair.split('=').next().unwrap_or_default());
    let rest: Vec<&str> = query.split('&').filter(is_other).collect();
    let mark = if rest.is_empty() { "" } else { "?" };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(format!("{}{mark}{}", uri.path(), rest.join("&"))).ok();
    // A part of what was an address is one.
    Uri::from_parts(parts).unwrap_or_default()
}

/// The body, whole.
pub(super) async fn read(body: Incoming, limit: usize) -> Result<Bytes, ApiError> {
    let read = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await;
    match read {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(ApiError::new("RequestEntityTooLargeException", format!("The request is larger than {limit} bytes.")))
        }
        Ok(Err(_)) => Err(ApiError::new("SerializationException", "The request body ended early.")),
        Err(_) => Err(ApiError::new("RequestTimeoutException", "The request body did not arrive in time.")),
    }
}

/// Reads a body and keeps nothing: most clients look at the answer only when they have sent everything.
async fn drain(mut body: Incoming, limit: usize) {
    if body.size_hint().lower() > limit as u64 {
        return;
    }
    let all = async {
        let mut left = limit;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            if length > left {
                break;
            }
            left -= length;
        }
    };
    // Late or too long: the connection is closed instead.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, all).await;
}

fn sentence(text: &str) -> String {
    let mut sentence = text.to_owned();
    sentence[..1].make_ascii_uppercase();
    sentence.push('.');
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_for_the_signature_is_taken_off() {
        let uri: Uri = "/b/k?a=1&X-Amz-Signature=0&X-Amz-Date=x&b=%20".parse().expect("a URI");
        assert_eq!(without_signature(&uri, uri.query().unwrap_or_default()), "/b/k?a=1&b=%20");
        let uri: Uri = "http://h/b/k?X-Amz-Signature=0".parse().expect("a URI");
        assert_eq!(without_signature(&uri, uri.query().unwrap_or_default()), "http://h/b/k");
    }

    #[test]
    fn chunked_bodies_leave_no_trace() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-encoding", "aws-chunked, gzip"),
            ("content-length", "52"),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "5"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        assert!(is_chunked(&headers));
        let body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
        let mut short = headers.clone();
        short.insert("x-amz-decoded-content-length", HeaderValue::from_static("4"));
        assert!(decode(&mut short, body, None).is_err());
        assert_eq!(decode(&mut headers, body, None).expect("is fine"), "hello");
        let mut left: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        left.sort();
        assert_eq!(left, ["content-encoding: \"gzip\"", "content-length: \"5\"", "x-amz-checksum-crc32: \"NhCmhg==\""]);
    }
}
