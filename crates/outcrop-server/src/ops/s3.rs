//! `s3`: buckets and objects over the folder that `[objects]` names. The operations are in `outcrop-objects`; here is the
//! door: which requests are for it, and S3's form for one that is not let in.

use crate::App;
use crate::app::AppParts;
use crate::edge::authenticate::Caller;
use crate::edge::respond::{self, Body};
use crate::errors::ApiError;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use outcrop_objects::{S3Settings, Service, bucket_of_host};
use outcrop_wire::sigv4;
use std::time::{Duration, UNIX_EPOCH};

/// The name in the scope of signatures.
const SIGNING_NAME: &str = "s3";

/// The service, for an application that is being put together.
pub(crate) fn service(parts: &AppParts) -> Service {
    let settings = S3Settings { region: parts.settings.region.clone(), account_id: parts.settings.account_id.clone() };
    let now = UNIX_EPOCH + Duration::from_nanos(parts.clock.now().as_nanos().unsigned_abs());
    Service::new(parts.objects.folder(), parts.ids.clone(), settings, now)
}

/// Whether a request is for S3: it was signed for it, in whatever version, or its host names a bucket. Its path says
/// nothing, since any word can be a bucket's name.
pub(crate) fn is_meant(headers: &HeaderMap, uri: &Uri) -> bool {
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let query = uri.query().unwrap_or_default();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(http::uri::Authority::as_str));
    sigv4::claimed_scope(authorization, query).is_some_and(|scope| scope.service == SIGNING_NAME)
        || authorization.is_some_and(|value| value.starts_with("AWS "))
        || is_presigned_in_version_2(query)
        || host.and_then(bucket_of_host).is_some()
}

/// Clients still presign for S3 in the older version when nothing tells them otherwise.
fn is_presigned_in_version_2(query: &str) -> bool {
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    has("AWSAccessKeyId") && has("Signature")
}

/// Answers a request for S3 that was let in.
pub(crate) async fn answer(
    app: &App,
    caller: &Caller,
    mut head: Parts,
    body: Bytes,
    request_id: &str,
) -> Response<Body> {
    if let Err(refusal) = caller.check_service(SIGNING_NAME) {
        return refused(request_id, &refusal.into());
    }
    if head.uri.query().is_some_and(is_presigned_in_version_2) {
        head.uri = without_version_2(&head.uri);
    }
    // The hash of the body was the signature's business.
    head.headers.remove("x-amz-content-sha256");
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    let mut response = app.s3.answer(Request::from_parts(head, body)).await;
    let status = response.status().as_u16();
    app.metrics.request("S3", status);
    tracing::debug!(%method, path, request_id, status, "answered for S3");
    set_request_id(&mut response, request_id);
    response
}

fn without_version_2(uri: &Uri) -> Uri {
    let is_other =
        |pair: &&str| !["AWSAccessKeyId", "Signature", "Expires"].contains(&pair.split('=').next().unwrap_or_default());
    let rest: Vec<&str> = uri.query().unwrap_or_default().split('&').filter(is_other).collect();
    let mark = if rest.is_empty() { "" } else { "?" };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(format!("{}{mark}{}", uri.path(), rest.join("&"))).ok();
    // A part of what was an address is one.
    Uri::from_parts(parts).unwrap_or_default()
}

/// An error of the edge in S3's form, under S3's codes.
pub(crate) fn refused(request_id: &str, error: &ApiError) -> Response<Body> {
    let (code, status) = match error.code {
        "MissingAuthenticationTokenException" | "AccessDeniedException" => ("AccessDenied", 403),
        "IncompleteSignatureException" => ("AuthorizationHeaderMalformed", 400),
        "UnrecognizedClientException" => ("InvalidAccessKeyId", 403),
        "InvalidSignatureException" => ("SignatureDoesNotMatch", 403),
        "RequestEntityTooLargeException" => ("EntityTooLarge", 400),
        "RequestTimeoutException" => ("RequestTimeout", 400),
        "SerializationException" => ("IncompleteBody", 400),
        "ValidationException" => ("InvalidRequest", 400),
        _ => ("InternalError", 500),
    };
    let body = outcrop_objects::error_body(code, &error.message, request_id);
    let mut response = Response::new(respond::whole(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::FORBIDDEN);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    set_request_id(&mut response, request_id);
    response
}

/// Where S3's clients look for it.
fn set_request_id(response: &mut Response<Body>, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amz-request-id", value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_its_requests_by_signature_and_host() {
        let check = |uri: &str, headers: &[(&'static str, &str)], expected: bool| {
            let headers = headers
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("a value")));
            assert_eq!(is_meant(&HeaderMap::from_iter(headers), &uri.parse().expect("a URI")), expected, "{uri}");
        };
        let signed = |service: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
            )
        };
        check("/agents/", &[("authorization", &signed("s3"))], true);
        check("/agents/", &[("authorization", &signed("bedrock")), ("host", "localhost:7600")], false);
        check("/b/k", &[("authorization", "AWS AKID:signature")], true);
        check("/b/k?AWSAccessKeyId=a&Signature=b&Expires=1", &[], true);
        check(
            "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20260101%2Fr%2Fs3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=9&X-Amz-SignedHeaders=host&X-Amz-Signature=0",
            &[],
            true,
        );
        check("/k", &[("host", "docs.localhost:7600")], true);
        check("/b/k", &[("host", "127.0.0.1:7600")], false);
        let uri: Uri = "/b/k?Expires=1&AWSAccessKeyId=a&Signature=b&versions".parse().expect("a URI");
        assert_eq!(without_version_2(&uri), "/b/k?versions");
    }
}
