//! Who calls. In open mode everybody is the owner; the listener sees to it that only this machine can call.
//!
//! Otherwise a request is signed with one of the keys (SigV4, in a header or as a presigned URL) or brings a bearer key.
//! Two steps, because most signatures cover the body: [`admit`] looks at the head and refuses whoever names no key of
//! ours before a byte of the body is kept; [`Admission::finish`] verifies the signature.

use http::request::Parts;
use http::{HeaderMap, header};
use outcrop_wire::Timestamp;
use outcrop_wire::sigv4::chunked::ChunkSignatures;
use outcrop_wire::sigv4::{self, Claim, Refusal, Secret};
use std::collections::HashMap;

/// How callers are told apart.
#[derive(Clone, Debug, Default)]
pub enum AuthMode {
    /// Nobody is asked; loopback only.
    #[default]
    Open,
    /// By signature or bearer key.
    Sigv4(Keys),
}

/// Everybody who may call.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    access: HashMap<String, Secret>,
    bearer: Vec<(String, Secret)>,
}

impl Keys {
    /// Access keys by their id, and bearer keys by a name that tells them apart. Of keys with one id the last counts.
    pub fn new(
        access: impl IntoIterator<Item = (String, Secret)>,
        bearer: impl IntoIterator<Item = (String, Secret)>,
    ) -> Self {
        Self { access: access.into_iter().collect(), bearer: bearer.into_iter().collect() }
    }

    /// Adds an access key.
    pub fn insert(&mut self, access_key_id: String, secret: Secret) {
        self.access.insert(access_key_id, secret);
    }

    /// The name of a bearer key. Compares with all of them, so that time tells nothing.
    fn bearer(&self, presented: &[u8]) -> Option<&str> {
        self.bearer.iter().fold(None, |found, (name, key)| match key.matches(presented) {
            true => Some(name.as_str()),
            false => found,
        })
    }
}

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub identity: Identity,
    /// Service name of the signature's scope, when the request is signed, also in open mode: some paths are shared
    /// between services.
    pub signing_service: Option<String>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nobody was asked.
    Anyone,
    /// The holder of this access key.
    AccessKey(String),
    /// The holder of the bearer key of this name.
    Bearer(String),
}

impl Caller {
    /// A signature for one service is none for another. In open mode, and with a bearer key, all services are alike.
    pub fn check_service(&self, signing_name: &str) -> Result<(), Refusal> {
        match (&self.identity, &self.signing_service) {
            (Identity::AccessKey(_), Some(service)) if service != signing_name => {
                Err(Refusal::Scope(format!("Credential should be scoped to correct service: '{signing_name}'.")))
            }
            _ => Ok(()),
        }
    }
}

/// A request whose head is fine.
pub struct Admission<'a> {
    caller: Caller,
    claimed: Option<(Claim, &'a Secret)>,
}

/// Looks at the head of a request: what it says about itself can be read, the key is one of ours, the time is right.
///
/// The region of a signature's scope may be any: there is one server, and clients whose endpoint was changed bring the
/// region they had.
pub fn admit<'a>(mode: &'a AuthMode, head: &Parts, now: Timestamp) -> Result<Admission<'a>, Refusal> {
    let keys = match mode {
        AuthMode::Open => {
            let caller = Caller { identity: Identity::Anyone, signing_service: signing_service(head) };
            return Ok(Admission { caller, claimed: None });
        }
        AuthMode::Sigv4(keys) => keys,
    };
    if let Some(presented) = bearer(&head.headers) {
        let name = keys.bearer(presented).ok_or(Refusal::UnknownBearer)?;
        let caller = Caller { identity: Identity::Bearer(name.to_owned()), signing_service: None };
        return Ok(Admission { caller, claimed: None });
    }
    let claim = with_request(head, Claim::read)?.ok_or(Refusal::Missing)?;
    let secret = keys.access.get(&claim.access_key_id).ok_or(Refusal::UnknownKey)?;
    claim.check_time(now)?;
    let caller = Caller {
        identity: Identity::AccessKey(claim.access_key_id.clone()),
        signing_service: Some(claim.scope.service.clone()),
    };
    Ok(Admission { caller, claimed: Some((claim, secret)) })
}

impl Admission<'_> {
    /// Verifies the signature, if there is one to verify, over head and body as they came. With the caller comes what
    /// verifies the chunks of a body in signed chunks.
    pub fn finish(self, head: &Parts, body: &[u8]) -> Result<(Caller, Option<ChunkSignatures>), Refusal> {
        let chunks = match &self.claimed {
            Some((claim, secret)) => with_request(head, |request| claim.verify(request, body, secret))?,
            None => None,
        };
        Ok((self.caller, chunks))
    }
}

/// Service name of the scope, in the header or in the query, whether or not it is to be believed.
pub fn signing_service(head: &Parts) -> Option<String> {
    let authorization = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    sigv4::claimed_scope(authorization, head.uri.query().unwrap_or_default()).map(|scope| scope.service)
}

/// The key after `Bearer`, when the only `Authorization` header is of that kind.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.as_bytes();
    let (scheme, key) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

/// A request as signatures see it. HTTP/2 has `:authority` for `host`.
fn with_request<T>(head: &Parts, work: impl FnOnce(sigv4::Request<'_>) -> T) -> T {
    let mut headers: Vec<(&str, &[u8])> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    if let Some(authority) = head.uri.authority().filter(|_| !head.headers.contains_key(header::HOST)) {
        headers.push(("host", authority.as_str().as_bytes()));
    }
    work(sigv4::Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &headers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn head(uri: &str, authorization: &str) -> Parts {
        let request = Request::builder().uri(uri).header(header::AUTHORIZATION, authorization);
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn the_scope_is_read_in_open_mode() {
        let service = |uri: &str, authorization: &str| {
            let admission = admit(&AuthMode::Open, &head(uri, authorization), Timestamp::default()).expect("is open");
            admission.caller.signing_service
        };
        let signed =
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0";
        let presigned = "/?X-Amz-Credential=AKID%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0";
        assert_eq!(service("/", signed).as_deref(), Some("bedrock"));
        assert_eq!(service(presigned, "").as_deref(), Some("s3"));
        for other in ["Bearer abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b"] {
            assert_eq!(service("/", other), None);
        }
    }

    #[test]
    fn bearer_keys_have_names() {
        let secret = |text: &str| Secret::new(text);
        let bearers = [("one".to_owned(), secret("key-1")), ("two".to_owned(), secret("key-2"))];
        let mode = AuthMode::Sigv4(Keys::new([], bearers));
        let identity = |authorization: &str| {
            admit(&mode, &head("/", authorization), Timestamp::default()).map(|admission| admission.caller.identity)
        };
        assert_eq!(identity("Bearer key-2"), Ok(Identity::Bearer("two".to_owned())));
        assert_eq!(identity("bearer  key-1 "), Ok(Identity::Bearer("one".to_owned())));
        for wrong in ["Bearer key-", "Bearer key-11", "Bearer ", "bearer\tkey-1"] {
            assert!(matches!(identity(wrong), Err(Refusal::UnknownBearer | Refusal::Incomplete(_))), "{wrong}");
        }
    }
}
