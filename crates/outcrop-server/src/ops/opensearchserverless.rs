//! `opensearchserverless`: collections for vectors and their policies, recorded for set-up scripts that make a vector
//! store before a knowledge base. Collections are ACTIVE at once and hold nothing: a knowledge base has an index of its
//! own. Policies are not enforced.

mod batch_get_collection;
mod collections;
mod create_access_policy;
mod create_collection;
mod create_security_policy;
mod delete_access_policy;
mod delete_collection;
mod delete_security_policy;
mod errors;
mod get_access_policy;
mod get_security_policy;
mod list_access_policies;
mod list_collections;
mod list_security_policies;
mod paging;
mod policies;
mod tags;
mod update_access_policy;
mod update_collection;
mod update_security_policy;

use super::OperationTable;
use outcrop_api::opensearchserverless as api;

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    table.unary::<api::CreateCollection, _, _>(create_collection::create_collection);
    table.unary::<api::BatchGetCollection, _, _>(batch_get_collection::batch_get_collection);
    table.unary::<api::ListCollections, _, _>(list_collections::list_collections);
    table.unary::<api::UpdateCollection, _, _>(update_collection::update_collection);
    table.unary::<api::DeleteCollection, _, _>(delete_collection::delete_collection);
    table.unary::<api::CreateSecurityPolicy, _, _>(create_security_policy::create_security_policy);
    table.unary::<api::GetSecurityPolicy, _, _>(get_security_policy::get_security_policy);
    table.unary::<api::ListSecurityPolicies, _, _>(list_security_policies::list_security_policies);
    table.unary::<api::UpdateSecurityPolicy, _, _>(update_security_policy::update_security_policy);
    table.unary::<api::DeleteSecurityPolicy, _, _>(delete_security_policy::delete_security_policy);
    table.unary::<api::CreateAccessPolicy, _, _>(create_access_policy::create_access_policy);
    table.unary::<api::GetAccessPolicy, _, _>(get_access_policy::get_access_policy);
    table.unary::<api::ListAccessPolicies, _, _>(list_access_policies::list_access_policies);
    table.unary::<api::UpdateAccessPolicy, _, _>(update_access_policy::update_access_policy);
    table.unary::<api::DeleteAccessPolicy, _, _>(delete_access_policy::delete_access_policy);
    table.unary::<api::TagResource, _, _>(tags::tag_resource);
    table.unary::<api::UntagResource, _, _>(tags::untag_resource);
    table.unary::<api::ListTagsForResource, _, _>(tags::list_tags_for_resource);
}
