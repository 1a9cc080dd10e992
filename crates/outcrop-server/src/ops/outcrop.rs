//! `/outcrop/…`: what Outcrop adds over HTTP for its own tools.
//!
//! `GET /outcrop/sessions…`, `POST /outcrop/sessions/ID/fork`, `DELETE /outcrop/sessions/ID/turn`: what sessions did, going
//! on from it elsewhere, calling it off; see [`sessions`].
//! `GET /outcrop/cost`: what models cost; see [`cost`].
//! `GET /outcrop/about`: version, region and account, which templates speak of.
//! `POST /outcrop/import`: whole agents, as [`crate::transfer`] describes them.
//! `GET|PUT|DELETE /outcrop/agents/AGENT/aliases/ALIAS/memories/…`: what agents remember; see [`memories`].
//! `GET|PUT|DELETE /outcrop/stacks/NAME`: the record of a deployed template, a JSON object that only the deployer reads.

mod cancel_turn;
mod cost;
mod fork;
mod memories;
mod query;
mod sessions;

use crate::App;
use crate::agents::controls::Controls;
use crate::agents::documents::put_error;
use crate::edge::respond::{self, Body};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use bytes::Bytes;
use http::{Method, Response};
use outcrop_store::{Kind, Resource};
use serde_json::{Value, json};
use std::sync::Arc;

/// Longest name of a stack: CloudFormation's.
const STACK_NAME_CHARS_MAX: usize = 128;

/// Answers a request below `/outcrop/`.
pub async fn answer(
    app: &Arc<App>,
    method: &Method,
    rest: &str,
    query: &str,
    body: &Bytes,
    request_id: &str,
) -> Response<Body> {
    if let Some(path) = rest.strip_prefix("sessions").filter(|path| path.is_empty() || path.starts_with('/')) {
        let cx = OpContext { app: app.clone(), request_id: request_id.to_owned(), controls: Controls::default() };
        return sessions::answer(&cx, method, path, query, body).await;
    }
    let answered = match (method, rest.split_once('/')) {
        (&Method::GET, None) if rest == "cost" => {
            let cx = OpContext { app: app.clone(), request_id: request_id.to_owned(), controls: Controls::default() };
            cost::cost(&cx, query).await
        }
        (&Method::GET, None) if rest == "about" => Ok(about(app)),
        (&Method::POST, None) if rest == "import" => import(app, body).await,
        (&Method::GET, Some(("stacks", name))) => get_stack(app, name).await,
        (&Method::PUT, Some(("stacks", name))) => put_stack(app, name, body).await,
        (&Method::DELETE, Some(("stacks", name))) => delete_stack(app, name).await,
        (method, Some(("agents", path))) => match memories::answer(app, method, path, query, body).await {
            Some(answered) => answered,
            None => Err(errors::unknown_operation(method.as_str(), &format!("/outcrop/{rest}"))),
        },
        _ => Err(errors::unknown_operation(method.as_str(), &format!("/outcrop/{rest}"))),
    };
    match answered {
        Ok(document) => respond::json(200, request_id, document.to_string()),
        Err(error) => respond::error(request_id, None, &error),
    }
}

fn about(app: &App) -> Value {
    let settings = &app.settings;
    json!({"version": env!("CARGO_PKG_VERSION"), "region": settings.region, "accountId": settings.account_id})
}

async fn import(app: &Arc<App>, body: &Bytes) -> OpResult<Value> {
    let response = super::bedrock_agent::import::import(app, body).await?;
    serde_json::to_value(response).map_err(|_| errors::internal())
}

fn stack_name(name: &str) -> OpResult<String> {
    let is_name = name.len() <= STACK_NAME_CHARS_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_name {
        Ok(name.to_owned())
    } else {
        Err(errors::validation("A stack's name begins with a letter and has letters, digits and hyphens, at most 128."))
    }
}

async fn get_stack(app: &App, name: &str) -> OpResult<Value> {
    let name = stack_name(name)?;
    app.store
        .read(move |tx| Ok::<_, ApiError>(tx.get::<Value>(Kind::Stack, "", &name)?))
        .await?
        .ok_or_else(errors::not_found)
}

async fn put_stack(app: &App, name: &str, body: &Bytes) -> OpResult<Value> {
    let name = stack_name(name)?;
    let document: Value =
        serde_json::from_slice(body).map_err(|error| ApiError::new("SerializationException", error.to_string()))?;
    if !document.is_object() {
        return Err(errors::validation("A stack's record is a JSON object."));
    }
    let now = app.clock.now();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let resource =
            Resource { kind: Kind::Stack, parent: "", id: &name, name: None, created_at: now, updated_at: now };
        tx.put(&resource, &document).map_err(put_error)
    };
    app.store.write::<_, ApiError, _>(work).await?;
    Ok(Value::Object(serde_json::Map::new()))
}

async fn delete_stack(app: &App, name: &str) -> OpResult<Value> {
    let name = stack_name(name)?;
    app.store.write(move |tx| Ok::<_, ApiError>(tx.delete(Kind::Stack, "", &name)?)).await?;
    Ok(Value::Object(serde_json::Map::new()))
}
