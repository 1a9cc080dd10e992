//! Responses in AWS's form.

use crate::errors::ApiError;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use outcrop_api::{EncodedResponse, Operation, Protocol};

/// Body of every response: whole or a stream of frames.
pub type Body = BoxBody<Bytes, std::io::Error>;

/// A whole body.
pub fn whole(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).map_err(|never| match never {}).boxed()
}

/// A response with a status, JSON body and request id.
pub fn json(status: u16, request_id: &str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(whole(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    set_request_id(&mut response, request_id);
    response
}

/// An encoded answer of an operation.
pub fn encoded(request_id: &str, encoded: EncodedResponse) -> Response<Body> {
    let has_body = !encoded.body.is_empty();
    let mut response = json(encoded.status, request_id, encoded.body);
    if !has_body {
        response.headers_mut().remove(CONTENT_TYPE);
    }
    for (name, value) in encoded.headers {
        let name = http::HeaderName::from_bytes(name.as_bytes());
        // Values come from stored documents; one that no header can carry is left out rather than failing the answer.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// An error, in the form of the operation's service.
pub fn error(request_id: &str, operation: Option<&Operation>, error: &ApiError) -> Response<Body> {
    let protocol = operation.map_or(Protocol::RestJson, |operation| operation.service.service().protocol);
    error_in(protocol, request_id, operation, error)
}

/// An error in the form of a protocol, where no operation tells it.
pub fn error_in(
    protocol: Protocol,
    request_id: &str,
    operation: Option<&Operation>,
    error: &ApiError,
) -> Response<Body> {
    let code = match protocol {
        Protocol::Query { .. } => error.query_code(),
        _ => error.code,
    };
    let status = match error.code {
        // Only where a path is asked for, something is not found.
        "UnknownOperationException" if protocol != Protocol::RestJson => 400,
        _ => error.status(operation),
    };
    let mut response =
        encoded(request_id, outcrop_api::encode_error(protocol, status, code, &error.members(), request_id));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}

/// Puts the request's id where SDKs look for it.
pub fn set_request_id(response: &mut Response<Body>, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
}
