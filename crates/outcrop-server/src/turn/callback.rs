//! Calls that answer later: the token that lets whoever has it answer one call, and what becomes of the answer.
//!
//! A token names session, turn and call, and proves by a secret of this database that it was given out: nothing is written
//! for calls that answer at once, and a token is good for a call also when the server ends before it could note anything.

use crate::App;
use crate::errors::OpResult;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use outcrop_planner::turn::{Event, ToolReturned};
use outcrop_ports::{Callback, ResponseState, ToolFailure, ToolFailureCause, ToolOutcome, ToolSuccess};
use outcrop_store::{StoreError, TurnRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Kind of the names that calls have: idempotency keys, and what callbacks are kept under.
pub(super) const CALLS: &str = "call";

/// Name of the secret in the store.
const SECRET: &str = "callbacks";
/// Bytes of a token: session, turn, call, proof.
const TOKEN_BYTES: usize = 8 + 4 + 16 + 16;

/// What comes by a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallbackResult {
    /// The body, as a function would have answered it; text, or JSON, which becomes text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// As functions say it: `FAILURE` ends the turn, `REPROMPT` lets the model try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_state: Option<ResponseState>,
    /// Status of an API operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status_code: Option<i64>,
    /// What went wrong, in place of a body; the model is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Whose call a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRef {
    /// The store's number of the session.
    pub session: i64,
    /// The turn within it.
    pub turn: u32,
    /// Key of the call.
    pub call_key: String,
}

/// Makes the token of a call, and the address where it is taken.
pub(super) async fn callback(app: &App, at: TurnRef, call_key: &str) -> OpResult<Option<Callback>> {
    let Some(key) = key_bytes(call_key) else { return Ok(None) };
    let secret = secret(app).await?;
    let mut bytes = Vec::with_capacity(TOKEN_BYTES);
    bytes.extend_from_slice(&at.session.to_be_bytes());
    bytes.extend_from_slice(&at.turn.to_be_bytes());
    bytes.extend_from_slice(&key);
    let proof = proof(secret, &bytes);
    bytes.extend_from_slice(&proof);
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let url = format!("{}/outcrop/callbacks/{token}", app.settings.recovery.callback_url(&app.settings.endpoint));
    Ok(Some(Callback { token, url }))
}

/// The call that a token is for; `None` when it was not given out here.
pub async fn read_token(app: &App, token: &str) -> OpResult<Option<CallRef>> {
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return Ok(None) };
    let (Ok(bytes), secret) = (<[u8; TOKEN_BYTES]>::try_from(bytes), secret(app).await?) else { return Ok(None) };
    let (told, given) = bytes.split_at(TOKEN_BYTES - 16);
    // Compared as hashes: how long it takes tells nothing about the proof.
    if Sha256::digest(proof(secret, told)) != Sha256::digest(given) {
        return Ok(None);
    }
    let mut session = [0; 8];
    session.copy_from_slice(&told[..8]);
    let mut turn = [0; 4];
    turn.copy_from_slice(&told[8..12]);
    let hex: String = told[12..].iter().map(|byte| format!("{byte:02x}")).collect();
    let call_key = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    Ok(Some(CallRef { session: i64::from_be_bytes(session), turn: u32::from_be_bytes(turn), call_key }))
}

/// The result of a call that came before the call itself was known to answer later.
pub(super) async fn early(app: &App, at: TurnRef, call_key: &str) -> OpResult<Option<Vec<u8>>> {
    let taken = app.store.taken_callbacks((at.session, at.turn), app.clock.now()).await?;
    Ok(taken.into_iter().find(|taken| taken.call_key == call_key).and_then(|taken| taken.result))
}

/// What the turn is told of a call that answers later; without a result its time is over.
pub(super) fn returned(app: &App, tool_use_id: &str, result: Option<&[u8]>) -> Event {
    let now = app.clock.now();
    let failed = |cause, message: String| ToolOutcome::Failed(ToolFailure { cause, message, detail: String::new() });
    let outcome = match result.map(serde_json::from_slice::<CallbackResult>) {
        None => failed(
            ToolFailureCause::TimedOut,
            "The action was to answer later and did not in time; whether it did its work is unknown.".to_owned(),
        ),
        Some(Ok(CallbackResult { error: Some(message), .. })) => failed(ToolFailureCause::FunctionError, message),
        Some(Ok(result)) => ToolOutcome::Succeeded(ToolSuccess {
            body: match result.body {
                Some(Value::String(text)) => text,
                Some(other) => other.to_string(),
                None => String::new(),
            },
            response_state: result.response_state.unwrap_or_default(),
            http_status: result.http_status_code,
            ..ToolSuccess::default()
        }),
        // It was read before it was kept.
        Some(Err(_)) => failed(ToolFailureCause::BadResponse, "The action's answer cannot be read.".to_owned()),
    };
    app.metrics.tool_call(&outcome);
    let (call_id, tool_use_id) = (app.ids.uuid(), tool_use_id.to_owned());
    Event::ToolReturned(ToolReturned { started_at: now, at: now, call_id, tool_use_id, outcome })
}

async fn secret(app: &App) -> OpResult<&[u8]> {
    let make = || async {
        let made = Sha256::digest(format!("{}{}", app.ids.uuid(), app.ids.uuid())).to_vec();
        app.store.write::<_, StoreError, _>(move |tx| tx.secret_or(SECRET, &made)).await
    };
    Ok(app.callback_secret.get_or_try_init(make).await?)
}

fn proof(secret: &[u8], bytes: &[u8]) -> [u8; 16] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length is a key");
    mac.update(bytes);
    let whole = mac.finalize().into_bytes();
    let mut proof = [0; 16];
    proof.copy_from_slice(&whole[..16]);
    proof
}

fn key_bytes(call_key: &str) -> Option<[u8; 16]> {
    let hex: String = call_key.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&hex, 16).ok().filter(|_| hex.len() == 32)?;
    Some(number.to_be_bytes())
}
