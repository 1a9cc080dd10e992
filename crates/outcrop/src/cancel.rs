//! `outcrop cancel`: calls off a turn, as a client of the server.

use crate::client::{Client, ClientError, Signer, encoded, with_query};
use crate::serve::Failure;
use serde_json::Value;

/// What `cancel` is told.
#[derive(Debug)]
pub(crate) struct CancelOptions {
    pub(crate) session: String,
    pub(crate) agent: Option<String>,
    pub(crate) alias: Option<String>,
    pub(crate) endpoint: String,
    pub(crate) signer: Signer,
    pub(crate) json: bool,
}

/// Calls the turn off and waits for its end; gives what there is to tell of it.
pub(crate) async fn run(options: CancelOptions) -> Result<String, Failure> {
    let given = [("agentId", options.agent), ("agentAliasId", options.alias)];
    let which: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let path = with_query(&format!("/outcrop/sessions/{}/turn", encoded(&options.session)), &which, None);
    let client = Client::new(&options.endpoint).signed_by(options.signer);
    let answer: Value = client.delete(&path).await.map_err(|error| match error {
        // The server's own words say what to do.
        ClientError::Service { message, .. } => Failure::Failed(message),
        other => Failure::Failed(other.to_string()),
    })?;
    if options.json {
        return Ok(answer.to_string());
    }
    let text = |member: &str| answer[member].as_str().unwrap_or_default().to_owned();
    Ok(format!(
        "cancelled the turn of session {} (agent {}, alias {})",
        text("sessionId"),
        text("agentId"),
        text("agentAliasId")
    ))
}
