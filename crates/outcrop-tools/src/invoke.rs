//! Functions behind an address with Lambda's Invoke API: AWS-compatible servers, SAM local, the runtime interface
//! emulator of container images.

use crate::InvokeLimits;
use crate::delivery;
use crate::failure::{Answer, Failure, head};
use crate::names::FunctionName;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, StatusCode, Uri};
use outcrop_http::{HttpClient, HttpError, HttpLimits, HttpResponse};
use outcrop_ports::Delivery;

/// The path of the call; an address that has it already is taken as it is.
const CALL_PATH: &str = "/2015-03-31/functions/";

/// Has a remote function work on one event. Requests are not signed.
pub(crate) async fn call(
    http: &HttpClient,
    url: &str,
    name: &FunctionName,
    payload: Bytes,
    delivery: &Delivery,
    limits: InvokeLimits,
) -> Result<Answer, Failure> {
    let address = address(url, name.name())
        .ok_or_else(|| Failure::unreachable("is not set up right", "its `url` is no http:// or https:// address"))?;
    let mut request = Request::post(address);
    if let Some(headers) = request.headers_mut() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amz-invocation-type", HeaderValue::from_static("RequestResponse"));
        if limits.log_tail {
            headers.insert("x-amz-log-type", HeaderValue::from_static("Tail"));
        }
        let context = delivery::client_context(delivery).map(|context| STANDARD.encode(context));
        let context = context.as_deref().map(|context| ("x-amz-client-context", context));
        for (name, value) in context.into_iter().chain(delivery::headers(delivery)) {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
    }
    let request =
        request.body(payload).map_err(|error| Failure::unreachable("is not set up right", error.to_string()))?;
    let http_limits = HttpLimits {
        total_timeout: limits.timeout,
        idle_timeout: limits.timeout,
        response_bytes_max: limits.response_bytes_max,
    };
    match http.send(request, http_limits).await {
        Ok(response) => read(response),
        Err(HttpError::TimedOut) => {
            Err(Failure::TimedOut { request_id: String::new(), after: limits.timeout, log: String::new() })
        }
        Err(HttpError::TooLarge { limit }) => Err(Failure::TooLarge { bytes: None, limit }),
        Err(error) => Err(Failure::unreachable("cannot be reached", error.to_string())),
    }
}

fn address(url: &str, name: &str) -> Option<Uri> {
    if url.contains(CALL_PATH) {
        return url.parse().ok();
    }
    // Qualifiers are left out: the address says which version answers.
    format!("{}{CALL_PATH}{name}/invocations", url.trim_end_matches('/')).parse().ok()
}

fn read(response: HttpResponse) -> Result<Answer, Failure> {
    let header = |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok());
    let detail = || {
        let kind = header("x-amzn-errortype").unwrap_or_default();
        let body = String::from_utf8_lossy(&response.body);
        format!("{} {kind} {}", response.status, head(&body, 2000)).trim_end().to_owned()
    };
    match response.status {
        StatusCode::OK => {
            let function_error = header("x-amz-function-error").is_some() || is_error_of_emulator(&response.body);
            let log = header("x-amz-log-result").and_then(decode_log).unwrap_or_default();
            Ok(Answer { payload: response.body, function_error, log })
        }
        StatusCode::NOT_FOUND => Err(Failure::NotFound { detail: detail() }),
        StatusCode::TOO_MANY_REQUESTS => Err(Failure::unreachable("is called too often at the moment", detail())),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(Failure::unreachable("may not be called by this server", detail()))
        }
        _ => Err(Failure::unreachable("is not answered by its server", detail())),
    }
}

/// The emulator answers errors like results; only their members tell them apart.
fn is_error_of_emulator(payload: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ErrorPayload {
        #[serde(rename = "errorMessage")]
        _message: serde::de::IgnoredAny,
        #[serde(rename = "errorType")]
        _kind: serde::de::IgnoredAny,
    }
    let mark = b"\"errorType\"";
    payload.windows(mark.len()).any(|window| window == mark) && serde_json::from_slice::<ErrorPayload>(payload).is_ok()
}

fn decode_log(text: &str) -> Option<String> {
    outcrop_wire::Blob::from_base64(text).map(|blob| String::from_utf8_lossy(&blob.0).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_address() {
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(address(url, "orders").map(|uri| uri.to_string()).as_deref(), expected, "{url}");
        };
        check("http://host:9001", Some("http://host:9001/2015-03-31/functions/orders/invocations"));
        check("https://host/lambda/", Some("https://host/lambda/2015-03-31/functions/orders/invocations"));
        let whole = "http://host:8080/2015-03-31/functions/function/invocations";
        check(whole, Some(whole));
        check("http://a b", None);
    }

    #[test]
    fn tells_errors_of_the_emulator() {
        for (payload, expected) in [
            (r#"{"errorMessage":"x","errorType":"E","stackTrace":[]}"#, true),
            (r#"{"errorType":"E"}"#, false),
            (r#"{"response":{"errorType":"E","errorMessage":""}}"#, false),
            (r#"["errorType"]"#, false),
            ("", false),
        ] {
            assert_eq!(is_error_of_emulator(payload.as_bytes()), expected, "{payload}");
        }
    }
}
