//! `iam`: roles and policies, recorded for set-up scripts. **Nothing enforces them**, and the log says so at each.
//!
//! Roles are stored under their names in small letters, which is how they are unique; policies under their ARNs. AWS's
//! own policies (`arn:aws:iam::aws:policy/…`) are taken as being there: they can be attached, and their documents are
//! not known.

mod attach_role_policy;
mod create_policy;
mod create_policy_version;
mod create_role;
mod create_service_linked_role;
mod delete_policy;
mod delete_policy_version;
mod delete_role;
mod delete_role_policy;
mod detach_role_policy;
mod documents;
mod errors;
mod get_policy;
mod get_policy_version;
mod get_role;
mod get_role_policy;
mod get_user;
mod list_attached_role_policies;
mod list_entities_for_policy;
mod list_instance_profiles_for_role;
mod list_policies;
mod list_policy_versions;
mod list_role_policies;
mod list_role_tags;
mod list_roles;
mod paging;
mod policies;
mod put_role_policy;
mod roles;
mod set_default_policy_version;
mod tag_policy;
mod tag_role;
mod tags;
mod untag_role;
mod update_assume_role_policy;
mod update_role;
pub(crate) mod user;

use super::{OpContext, OperationTable};
use crate::App;
use crate::errors::OpResult;
use outcrop_api::{ApiOperation, iam as api};
use outcrop_wire::Timestamp;

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    unary::<api::CreateRole, _, _>(table, create_role::create_role);
    unary::<api::GetRole, _, _>(table, get_role::get_role);
    unary::<api::UpdateRole, _, _>(table, update_role::update_role);
    unary::<api::UpdateAssumeRolePolicy, _, _>(table, update_assume_role_policy::update_assume_role_policy);
    unary::<api::DeleteRole, _, _>(table, delete_role::delete_role);
    unary::<api::ListRoles, _, _>(table, list_roles::list_roles);
    unary::<api::CreateServiceLinkedRole, _, _>(table, create_service_linked_role::create_service_linked_role);
    unary::<api::AttachRolePolicy, _, _>(table, attach_role_policy::attach_role_policy);
    unary::<api::DetachRolePolicy, _, _>(table, detach_role_policy::detach_role_policy);
    unary::<api::ListAttachedRolePolicies, _, _>(table, list_attached_role_policies::list_attached_role_policies);
    unary::<api::PutRolePolicy, _, _>(table, put_role_policy::put_role_policy);
    unary::<api::GetRolePolicy, _, _>(table, get_role_policy::get_role_policy);
    unary::<api::DeleteRolePolicy, _, _>(table, delete_role_policy::delete_role_policy);
    unary::<api::ListRolePolicies, _, _>(table, list_role_policies::list_role_policies);
    unary::<api::ListInstanceProfilesForRole, _, _>(
        table,
        list_instance_profiles_for_role::list_instance_profiles_for_role,
    );
    unary::<api::TagRole, _, _>(table, tag_role::tag_role);
    unary::<api::UntagRole, _, _>(table, untag_role::untag_role);
    unary::<api::ListRoleTags, _, _>(table, list_role_tags::list_role_tags);
    unary::<api::CreatePolicy, _, _>(table, create_policy::create_policy);
    unary::<api::GetPolicy, _, _>(table, get_policy::get_policy);
    unary::<api::DeletePolicy, _, _>(table, delete_policy::delete_policy);
    unary::<api::ListPolicies, _, _>(table, list_policies::list_policies);
    unary::<api::ListEntitiesForPolicy, _, _>(table, list_entities_for_policy::list_entities_for_policy);
    unary::<api::CreatePolicyVersion, _, _>(table, create_policy_version::create_policy_version);
    unary::<api::GetPolicyVersion, _, _>(table, get_policy_version::get_policy_version);
    unary::<api::ListPolicyVersions, _, _>(table, list_policy_versions::list_policy_versions);
    unary::<api::DeletePolicyVersion, _, _>(table, delete_policy_version::delete_policy_version);
    unary::<api::SetDefaultPolicyVersion, _, _>(table, set_default_policy_version::set_default_policy_version);
    unary::<api::TagPolicy, _, _>(table, tag_policy::tag_policy);
    unary::<api::GetUser, _, _>(table, get_user::get_user);
}

/// Adds an operation whose faults have IAM's code.
fn unary<O, F, A>(table: &mut OperationTable, answer: F)
where
    O: ApiOperation,
    F: Fn(OpContext, O::Input) -> A + Send + Sync + Copy + 'static,
    A: Future<Output = OpResult<O::Output>> + Send + 'static,
{
    table.unary::<O, _, _>(move |context, input| {
        let answered = answer(context, input);
        async move { answered.await.map_err(errors::in_form) }
    });
}

/// An ARN of IAM: `arn:aws:iam::ACCOUNT:RESOURCE`.
fn arn(app: &App, resource: &str) -> String {
    format!("arn:aws:iam::{}:{resource}", app.settings.account_id)
}

/// An id in IAM's form: what it is in four letters, then letters and digits.
fn unique_id(app: &App, prefix: &str) -> String {
    let mut id = format!("{prefix}{}{}", app.ids.resource_id(), app.ids.resource_id());
    id.truncate(21);
    id
}

/// Now, in whole seconds: IAM shows no parts of them.
fn now(app: &App) -> Timestamp {
    Timestamp::from_millis(app.clock.now().as_millis() / 1_000 * 1_000)
}
