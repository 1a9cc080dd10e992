//! Client tokens: the same token and the same request give the same answer again.

use crate::errors::{self, OpResult};
use outcrop_store::{ClientToken, ReadTx, Tx, snapshot_hash};
use outcrop_wire::Timestamp;
use serde::Serialize;

/// A request's token with what identifies the request.
pub struct TokenUse {
    operation: &'static str,
    token: Option<String>,
    request_hash: String,
}

impl TokenUse {
    /// For a request as it came, token included.
    pub fn new(operation: &'static str, token: Option<&String>, request: &impl Serialize) -> Self {
        let document = serde_json::to_vec(request).expect("shapes have string keys and no failing members");
        Self { operation, token: token.cloned(), request_hash: snapshot_hash(&document) }
    }

    /// Id of what an earlier request with this token made. A token that came with another request is a conflict.
    pub fn earlier(&self, tx: &ReadTx<'_>, now: Timestamp) -> OpResult<Option<String>> {
        let Some(token) = &self.token else { return Ok(None) };
        match tx.client_token(self.operation, token, now)? {
            Some(used) if used.request_hash == self.request_hash => Ok(String::from_utf8(used.response).ok()),
            Some(_) => Err(errors::conflict("The clientToken was used before with other parameters. Use a new one.")),
            None => Ok(None),
        }
    }

    /// Remembers what this request made.
    pub fn remember(&self, tx: &mut Tx<'_>, id: &str, now: Timestamp) -> OpResult<()> {
        if let Some(token) = &self.token {
            let used = ClientToken { request_hash: self.request_hash.clone(), response: id.as_bytes().to_vec() };
            tx.put_client_token(self.operation, token, &used, now)?;
        }
        Ok(())
    }
}
