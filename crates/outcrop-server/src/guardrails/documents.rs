//! Guardrails as they are stored, and how requests name them.

use crate::App;
use crate::agents::tags;
use crate::errors::{self, ApiError, OpResult};
use outcrop_api::bedrock as api;
use outcrop_store::{Kind, PutError, ReadTx, Resource, Tx};
use serde::{Deserialize, Serialize};

/// The version that can be changed.
pub const DRAFT: &str = "DRAFT";
/// What ARNs of guardrails go on with after the account.
const ARN_KIND: &str = "guardrail/";
/// Longest text that can be a name.
const NAME_BYTES_MAX: usize = 200;

/// A guardrail with what its document does not show.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredGuardrail {
    /// The draft as it is served.
    pub guardrail: api::GetGuardrailResponse,
    /// Number of the last version made. Numbers are not used again.
    #[serde(default)]
    pub last_version: u32,
}

/// ARN of a guardrail; its versions have the same.
pub fn arn(app: &App, id: &str) -> String {
    app.arn(&format!("{ARN_KIND}{id}"))
}

/// The id behind an identifier: an id, an ARN, or a name that exactly one guardrail has.
///
/// # Errors
/// Not found, also for an ARN of another account or region.
pub fn id_of(app: &App, tx: &ReadTx<'_>, identifier: &str) -> OpResult<String> {
    let id = match identifier.strip_prefix("arn:") {
        None => identifier,
        Some(_) => identifier.strip_prefix(&app.arn(ARN_KIND)).ok_or_else(errors::not_found)?,
    };
    Ok(find(tx, id)?.unwrap_or_else(|| id.to_owned()))
}

/// The id in an identifier that was checked before, whatever account its ARN names.
pub fn id_in(tx: &ReadTx<'_>, identifier: &str) -> OpResult<String> {
    let id = identifier.rsplit_once(ARN_KIND).map_or(identifier, |(_, id)| id);
    Ok(find(tx, id)?.unwrap_or_else(|| id.to_owned()))
}

/// The id of the guardrail with this id or name, if there is exactly one. An id that exists wins.
pub fn find(tx: &ReadTx<'_>, text: &str) -> OpResult<Option<String>> {
    if text.len() > NAME_BYTES_MAX || text.starts_with("arn:") || tx.exists(Kind::Guardrail, "", text)? {
        return Ok(None);
    }
    if let Some(id) = tx.find_id_by_name(Kind::Guardrail, "", text)? {
        return Ok(Some(id));
    }
    let arns = tags::named(tx, text)?;
    let mut ids = arns.iter().filter_map(|arn| arn.splitn(6, ':').nth(5)?.strip_prefix(ARN_KIND));
    Ok(match (ids.next(), ids.next()) {
        (Some(only), None) => Some(only.to_owned()),
        _ => None,
    })
}

/// The guardrail, or the caller's error.
pub fn guardrail(tx: &ReadTx<'_>, id: &str) -> OpResult<StoredGuardrail> {
    tx.get(Kind::Guardrail, "", id)?.ok_or_else(errors::not_found)
}

/// The draft or a version of it, or the caller's error.
pub fn version(tx: &ReadTx<'_>, id: &str, version: Option<&str>) -> OpResult<api::GetGuardrailResponse> {
    match version {
        None | Some("" | DRAFT) => Ok(guardrail(tx, id)?.guardrail),
        Some(number) => tx.get(Kind::GuardrailVersion, id, number)?.ok_or_else(errors::not_found),
    }
}

/// Whether there is such a guardrail, in that version.
pub fn exists(tx: &ReadTx<'_>, id: &str, version: &str) -> OpResult<bool> {
    Ok(match version {
        DRAFT => tx.exists(Kind::Guardrail, "", id)?,
        number => tx.exists(Kind::GuardrailVersion, id, number)?,
    })
}

/// Puts a new or changed draft.
pub fn put(tx: &mut Tx<'_>, stored: &StoredGuardrail) -> OpResult<()> {
    let guardrail = &stored.guardrail;
    let resource = Resource {
        kind: Kind::Guardrail,
        parent: "",
        id: &guardrail.guardrail_id,
        name: Some(&guardrail.name),
        created_at: guardrail.created_at,
        updated_at: guardrail.updated_at,
    };
    tx.put(&resource, stored).map_err(|error| match error {
        PutError::NameTaken | PutError::IdTaken => name_taken(&guardrail.name),
        PutError::Store(error) => error.into(),
    })
}

fn name_taken(name: &str) -> ApiError {
    errors::conflict(format!("A guardrail with the name {name} already exists. Choose another name."))
}
