//! Functions that do something other than a tool's work: parsers of replies, orchestrators.

use crate::App;
use bytes::Bytes;
use outcrop_ports::{ToolFailure, ToolFailureCause, ToolLimits};
use std::sync::Arc;
use std::time::Duration;

/// Longest piece of a function's own words in a message, in bytes.
const QUOTE_BYTES_MAX: usize = 1024;

/// Invokes a function with a JSON payload and gives its JSON answer. It is found by its ARN like the function of an
/// action group, and has as long and may answer as much as that. A function that raises an error is a failure with its
/// own words. Dropping the future gives the call up.
pub async fn invoke(
    app: &Arc<App>,
    function_arn: &str,
    payload: Vec<u8>,
    time_left: Duration,
) -> Result<Bytes, ToolFailure> {
    let limits = ToolLimits {
        timeout: app.settings.tool_call_timeout.min(time_left),
        response_bytes_max: app.settings.tool_response_bytes_max,
    };
    let reply = app.functions.invoke(function_arn, payload.into(), limits, false).await?;
    if !reply.function_error {
        return Ok(reply.payload);
    }
    let raised: serde_json::Value = serde_json::from_slice(&reply.payload).unwrap_or_default();
    let words = |member: &str| raised.get(member).and_then(serde_json::Value::as_str);
    let message = words("errorMessage").unwrap_or("Unhandled");
    Err(ToolFailure {
        cause: ToolFailureCause::FunctionError,
        message: message[..message.floor_char_boundary(QUOTE_BYTES_MAX)].to_owned(),
        detail: words("errorType").unwrap_or_default().to_owned(),
    })
}
