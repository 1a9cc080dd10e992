//! How the commands show a server who they are: as AWS's SDKs do, from the same variables.

use crate::ambient::SystemClock;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::uri::Authority;
use http::{HeaderValue, Request};
use outcrop_ports::Clock;
use outcrop_wire::sigv4::{self, Credentials, Secret};
use std::net::IpAddr;

/// The region of a signature when nobody says: a server of ours takes any.
const REGION: &str = "us-east-1";

/// Makes requests known to be from us.
#[derive(Clone, Debug, Default)]
pub(crate) enum Signer {
    /// Leaves them as they are: a server in open mode asks nobody.
    #[default]
    Nobody,
    /// Signs them.
    Key { credentials: Credentials, region: String },
    /// Adds a bearer key.
    Bearer(Secret),
}

impl Signer {
    /// `AWS_BEARER_TOKEN_BEDROCK`, or `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY` and, of temporary credentials,
    /// `AWS_SESSION_TOKEN`. The bearer key comes first, as with the SDKs, and as with them it is not sent over a network
    /// in the clear: only with TLS, or to this machine.
    pub(crate) fn from_environment(environment: &dyn Fn(&str) -> Option<String>, endpoint: &str) -> Self {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        if let Some(key) = set("AWS_BEARER_TOKEN_BEDROCK").filter(|_| is_private(endpoint)) {
            return Self::Bearer(Secret::new(key));
        }
        let (Some(access_key_id), Some(secret)) = (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) else {
            return Self::Nobody;
        };
        Self::Key {
            credentials: Credentials {
                access_key_id,
                secret_access_key: Secret::new(secret),
                session_token: set("AWS_SESSION_TOKEN").map(Secret::new),
            },
            region: set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).unwrap_or_else(|| REGION.to_owned()),
        }
    }

    /// Signs with a key of a server's own.
    pub(crate) fn of_key(access_key_id: &str, secret: &Secret) -> Self {
        let credentials = Credentials {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret.clone(),
            session_token: None,
        };
        Self::Key { credentials, region: REGION.to_owned() }
    }

    /// Adds what shows who sends a request that is otherwise complete. What no header can carry is left out, and the
    /// server will say what it misses.
    pub(super) fn sign(&self, request: &mut Request<Bytes>, service: &str) {
        match self {
            Self::Nobody => {}
            Self::Bearer(key) => {
                if let Ok(value) = HeaderValue::try_from(format!("Bearer {}", key.reveal())) {
                    set_sensitive(request, AUTHORIZATION.as_str(), value);
                }
            }
            Self::Key { credentials, region } => {
                if let Some(host) = host(request) {
                    request.headers_mut().insert(HOST, host);
                }
                let headers: Vec<(&str, &[u8])> =
                    request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
                let unsigned = sigv4::Request {
                    method: request.method().as_str(),
                    path: request.uri().path(),
                    query: request.uri().query().unwrap_or_default(),
                    headers: &headers,
                };
                let signed = sigv4::sign(unsigned, request.body(), credentials, region, service, SystemClock.now());
                for (name, value) in signed {
                    if let Ok(value) = HeaderValue::try_from(value) {
                        set_sensitive(request, name, value);
                    }
                }
            }
        }
    }
}

/// Whether what is sent to an endpoint can be read by nobody on the way.
fn is_private(endpoint: &str) -> bool {
    let address = match endpoint.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => return true,
        Some((_, address)) => address,
        None => endpoint,
    };
    let Ok(uri) = address.split('/').next().unwrap_or_default().parse::<Authority>() else { return false };
    let host = uri.host().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The `host` that will be sent: with the port unless it is the scheme's own.
fn host(request: &Request<Bytes>) -> Option<HeaderValue> {
    let uri = request.uri();
    let host = uri.host()?;
    let is_own = matches!((uri.scheme_str(), uri.port_u16()), (Some("http"), Some(80)) | (Some("https"), Some(443)));
    let text = match uri.port_u16() {
        Some(port) if !is_own => format!("{host}:{port}"),
        _ => host.to_owned(),
    };
    HeaderValue::try_from(text).ok()
}

fn set_sensitive(request: &mut Request<Bytes>, name: &'static str, mut value: HeaderValue) {
    value.set_sensitive(true);
    request.headers_mut().insert(name, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: &str) {
        let environment =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let signer = Signer::from_environment(&environment, "127.0.0.1:7600");
        let request = Request::builder().uri("http://127.0.0.1:7600/agents/?a=1").body(Bytes::new());
        let mut request = request.expect("a request");
        signer.sign(&mut request, "bedrock");
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
        let authorization = header("authorization").unwrap_or_default();
        assert_eq!(authorization.split("/20").next(), Some(expected), "{authorization}");
        assert_eq!(header("x-amz-security-token").is_some(), variables_have(&signer), "{signer:?}");
        let shown = format!("{signer:?} {:?}", request.headers());
        assert!(!shown.contains("hidden-") && !shown.contains("token-1"), "{shown}");
    }

    #[test]
    fn bearer_keys_do_not_travel_in_the_clear() {
        for endpoint in
            ["https://agents.example", "HTTPS://a", "http://127.0.0.2:1/x", "http://[::1]:7600", "localhost"]
        {
            assert!(is_private(endpoint), "{endpoint}");
        }
        for endpoint in
            ["http://agents.example", "10.0.0.1:7600", "http://127.0.0.1@agents.example", "localhost.example"]
        {
            assert!(!is_private(endpoint), "{endpoint}");
        }
    }

    fn variables_have(signer: &Signer) -> bool {
        matches!(signer, Signer::Key { credentials, .. } if credentials.session_token.is_some())
    }

    #[test]
    fn the_environment_says_who_signs() {
        check(&[], "");
        check(&[("AWS_ACCESS_KEY_ID", "AKID")], "");
        check(&[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "hidden-1")], "");
        let keys = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "hidden-1")];
        check(&keys, "AWS4-HMAC-SHA256 Credential=AKID");
        check(&[keys[0], keys[1], ("AWS_SESSION_TOKEN", "token-1")], "AWS4-HMAC-SHA256 Credential=AKID");
        check(&[keys[0], keys[1], ("AWS_BEARER_TOKEN_BEDROCK", "hidden-2")], "Bearer hidden-2");
    }
}
