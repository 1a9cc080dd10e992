//! Signing a request that is about to be sent.

use super::key::{Secret, SigningKey, sha256_hex};
use super::{ALGORITHM, Request, Scope, canonical, time};
use crate::Timestamp;

/// Who signs.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Sent with every request; no secret.
    pub access_key_id: String,
    /// Never sent.
    pub secret_access_key: Secret,
    /// Sent with every request of temporary credentials.
    pub session_token: Option<Secret>,
}

/// Headers that proxies and HTTP stacks change on the way, or that carry the signature.
const NEVER_SIGNED: [&str; 12] = [
    "authorization",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// The headers that make a request a signed one: set them, and send it unchanged.
///
/// They are `x-amz-date`, `x-amz-content-sha256`, `x-amz-security-token` when there is a session token, and
/// `authorization`; whatever the request has under these names is left out of account. Every other header of the request
/// is signed, but for those that change on the way. `host` must be among them, as it will be sent: with the port unless
/// it is the scheme's own.
///
/// ```
/// use outcrop_wire::Timestamp;
/// use outcrop_wire::sigv4::{Credentials, Request, Secret, sign};
///
/// let credentials = Credentials {
///     access_key_id: "AKIDEXAMPLE".to_owned(),
///     secret_access_key: Secret::new("not a real secret"),
///     session_token: None,
/// };
/// let headers: [(&str, &[u8]); 1] = [("host", b"bedrock-agent.us-east-1.amazonaws.com")];
/// let request = Request { method: "GET", path: "/agents/ABCDEFGHIJ/", query: "", headers: &headers };
/// let at = Timestamp::from_millis(1_767_268_800_000);
/// let signed = sign(request, b"", &credentials, "us-east-1", "bedrock", at);
/// assert_eq!(signed[0], ("x-amz-date", "20260101T120000Z".to_owned()));
/// ```
pub fn sign(
    request: Request<'_>,
    body: &[u8],
    credentials: &Credentials,
    region: &str,
    service: &str,
    at: Timestamp,
) -> Vec<(&'static str, String)> {
    let amz_date = time::basic(at);
    let scope = Scope { date: amz_date[..8].to_owned(), region: region.to_owned(), service: service.to_owned() };
    let payload_hash = sha256_hex(body);
    let mut added = vec![("x-amz-date", amz_date.clone()), ("x-amz-content-sha256", payload_hash.clone())];
    if let Some(token) = &credentials.session_token {
        added.push(("x-amz-security-token", token.reveal().to_owned()));
    }
    let own = request.headers.iter().copied().filter(|(name, _)| {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        !NEVER_SIGNED.iter().any(|other| is(other)) && !added.iter().any(|(other, _)| is(other))
    });
    let headers: Vec<(&str, &[u8])> = own.chain(added.iter().map(|(name, value)| (*name, value.as_bytes()))).collect();
    let mut names: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let request = Request { headers: &headers, ..request };
    let text = canonical::string_to_sign(request, &amz_date, &scope, &names, &payload_hash);
    let signature = SigningKey::derive(&credentials.secret_access_key, &scope).sign(&text);
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
        credentials.access_key_id,
        names.join(";")
    );
    added.push(("authorization", authorization));
    added
}
