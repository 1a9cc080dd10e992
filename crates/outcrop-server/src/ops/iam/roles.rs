//! Roles as they are stored.

use super::{documents, errors};
use crate::errors::{ApiError, OpResult, internal};
use crate::ops::OpContext;
use outcrop_api::iam as api;
use outcrop_store::{Kind, PutError, ReadTx, Resource, Tx};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Path of roles that AWS's services make for themselves.
pub(super) const SERVICE_LINKED_PATH: &str = "/aws-service-role/";

/// A role with its policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredRole {
    /// As it is answered, but for the document, which is plain text here.
    pub(super) role: api::Role,
    /// ARNs of managed policies, in the order in which they were attached.
    pub(super) attached: Vec<String>,
    /// Documents of the policies that are the role's own, by name.
    pub(super) inline: BTreeMap<String, String>,
}

impl StoredRole {
    /// The role as GetRole tells it.
    pub(super) fn whole(self) -> api::Role {
        api::Role { role_last_used: Some(api::RoleLastUsed::default()), ..self.brief_with_tags() }
    }

    /// The role as lists tell it: without tags.
    pub(super) fn brief(self) -> api::Role {
        api::Role { tags: None, ..self.brief_with_tags() }
    }

    /// The role as CreateRole tells it.
    pub(super) fn brief_with_tags(self) -> api::Role {
        let document = self.role.assume_role_policy_document.as_deref().map(documents::encoded);
        api::Role { assume_role_policy_document: document, ..self.role }
    }

    /// Refuses to change what a service of AWS's made for itself.
    pub(super) fn check_is_yours(&self) -> OpResult<()> {
        if self.role.path.starts_with(SERVICE_LINKED_PATH) {
            return Err(errors::protected(&self.role.role_name));
        }
        Ok(())
    }
}

/// The role of this name; capital and small letters are one.
pub(super) fn find(tx: &ReadTx<'_>, name: &str) -> OpResult<StoredRole> {
    tx.get(Kind::IamRole, "", &name.to_ascii_lowercase())?.ok_or_else(|| errors::no_role(name))
}

/// Reads the role of this name.
pub(super) async fn read(context: &OpContext, name: String) -> OpResult<StoredRole> {
    context.store.read(move |tx| find(tx, &name)).await
}

/// Every role.
pub(super) fn all(tx: &ReadTx<'_>) -> OpResult<Vec<StoredRole>> {
    Ok(tx.list_all(Kind::IamRole, "")?)
}

/// Stores a new role.
pub(super) fn insert(tx: &mut Tx<'_>, stored: &StoredRole) -> OpResult<()> {
    let role = &stored.role;
    let id = role.role_name.to_ascii_lowercase();
    tx.insert(&resource(&id, role.create_date), stored).map_err(|error| match error {
        PutError::Store(error) => error.into(),
        PutError::IdTaken | PutError::NameTaken => errors::role_exists(&role.role_name),
    })
}

/// Changes the role of this name in one write.
pub(super) async fn change(
    context: &OpContext,
    name: String,
    work: impl FnOnce(&mut Tx<'_>, &mut StoredRole) -> OpResult<()> + Send + 'static,
) -> OpResult<()> {
    let now = context.clock.now();
    let change = move |tx: &mut Tx<'_>| {
        let mut stored = find(tx, &name)?;
        stored.check_is_yours()?;
        work(tx, &mut stored)?;
        let id = name.to_ascii_lowercase();
        let resource = Resource { updated_at: now, ..resource(&id, stored.role.create_date) };
        tx.update(&resource, &stored).map(drop).map_err(|error| match error {
            PutError::Store(error) => error.into(),
            // An update takes no name.
            PutError::IdTaken | PutError::NameTaken => internal(),
        })
    };
    context.store.write::<_, ApiError, _>(change).await
}

fn resource(id: &str, created_at: Timestamp) -> Resource<'_> {
    Resource { kind: Kind::IamRole, parent: "", id, name: None, created_at, updated_at: created_at }
}
