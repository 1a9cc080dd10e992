//! `POST /outcrop/import`: brings whole agents in, all or none. [`crate::transfer`] says why there is such a door.
//!
//! ```text
//! read.rs   members of requests → typed requests, held to every constraint that the operations hold them to
//! place.rs  ids: kept where they are wanted and free, made anew otherwise
//! make.rs   documents and snapshots; what cannot be prepared is kept and noted
//! write.rs  one write
//! ```

mod make;
mod place;
mod read;
mod write;

use crate::App;
use crate::errors::{self, ApiError, OpResult};
use crate::transfer::{ImportRequest, ImportResponse};
use bytes::Bytes;
use std::sync::Arc;

/// How often ids are chosen anew when agents are made and deleted meanwhile.
const TRIES_MAX: usize = 5;

/// Brings in what the body says.
///
/// # Errors
/// SerializationException and ValidationException for a request that does not hold what it must; ConflictException when
/// a name is taken. Nothing has changed then.
pub(in crate::ops) async fn import(app: &Arc<App>, body: &Bytes) -> OpResult<ImportResponse> {
    let request: ImportRequest =
        serde_json::from_slice(body).map_err(|error| ApiError::new("SerializationException", error.to_string()))?;
    let (new_ids, replace) = (request.new_ids, request.replace);
    let agents = read::agents(request, &app.settings.quotas)?;
    for _ in 0..TRIES_MAX {
        let places = place::places(app, &agents, new_ids, replace).await?;
        let made = make::documents(app, &agents, &places).await?;
        if let Some(response) = write::all(app, made).await? {
            app.prepared.changed();
            return Ok(response);
        }
    }
    Err(errors::conflict("Agents of these names are being changed by others. Import again."))
}
