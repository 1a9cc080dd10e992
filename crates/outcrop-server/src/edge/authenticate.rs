//! Who calls. In open mode everybody is the owner; the listener sees to it that only this machine can call.

use crate::errors::ApiError;
use http::HeaderMap;

/// How callers are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthMode {
    /// Nobody is asked; loopback only.
    #[default]
    Open,
}

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Service name of the signature's scope, when the request is signed: some paths are shared between services.
    pub signing_service: Option<String>,
}

/// Finds out who calls. Signatures are read for their scope only; they are not verified in open mode.
pub fn authenticate(mode: AuthMode, headers: &HeaderMap) -> Result<Caller, ApiError> {
    match mode {
        AuthMode::Open => Ok(Caller { signing_service: signing_service(headers) }),
    }
}

/// `AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/bedrock/aws4_request, …` → `bedrock`.
fn signing_service(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let scope = value.strip_prefix("AWS4-HMAC-SHA256")?.split("Credential=").nth(1)?.split(',').next()?;
    scope.split('/').nth(3).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_scope() {
        let scope = |text: &str| {
            let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, text.parse().expect("a header value"))]);
            signing_service(&headers)
        };
        let signed =
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(scope(signed), Some("bedrock".to_owned()));
        for other in ["Bearer abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b"] {
            assert_eq!(scope(other), None);
        }
    }
}
