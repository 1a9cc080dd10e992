//! What CreateAgentActionGroup and UpdateAgentActionGroup share.

use crate::agents::documents::{DRAFT, StoredGroup, version_parent};
use crate::errors::{self, ApiError, OpResult};
use crate::objects::Objects;
use crate::quotas::{self, Quotas};
use outcrop_api::bedrock_agent as api;
use outcrop_planner::prepare::openapi;
use outcrop_store::{Kind, ReadTx};
use std::collections::BTreeMap;

/// Members of a group that its author writes.
pub(crate) struct Written<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: Option<&'a String>,
    pub(crate) state: Option<api::ActionGroupState>,
    pub(crate) signature: Option<api::ActionGroupSignature>,
    pub(crate) signature_params: Option<&'a BTreeMap<String, String>>,
    pub(crate) executor: Option<&'a api::ActionGroupExecutor>,
    pub(crate) api_schema: Option<&'a api::APISchema>,
    pub(crate) function_schema: Option<&'a api::FunctionSchema>,
}

impl<'a> Written<'a> {
    /// Those of a whole group.
    pub(crate) fn of(group: &'a api::AgentActionGroup) -> Self {
        Self {
            name: &group.action_group_name,
            description: group.description.as_ref(),
            state: Some(group.action_group_state),
            signature: group.parent_action_signature,
            signature_params: group.parent_action_group_signature_params.as_ref(),
            executor: group.action_group_executor.as_ref(),
            api_schema: group.api_schema.as_ref(),
            function_schema: group.function_schema.as_ref(),
        }
    }
}

/// Checks rules between members, and the schema, as the service does when a group is saved. Gives the number of functions
/// or operations it declares; 0 when its schema is not read.
pub(crate) async fn check(objects: &Objects, quotas: &Quotas, written: &Written<'_>) -> OpResult<usize> {
    let functions = check_members(quotas, written)?;
    let (member, text) = match written.api_schema {
        // A group that is switched off may name an object that is gone.
        Some(api::APISchema::S3(_)) if written.state == Some(api::ActionGroupState::Disabled) => return Ok(0),
        Some(api::APISchema::S3(s3)) => ("apiSchema.s3", read_schema(objects, s3).await?),
        Some(api::APISchema::Payload(text)) => ("apiSchema.payload", text.clone()),
        None => return Ok(functions),
    };
    count_operations(written.name, text).await?.map_err(|error| refused_schema(member, &error))
}

/// Checks rules between members, without a look at an API schema. Gives the number of functions.
pub(super) fn check_members(quotas: &Quotas, written: &Written<'_>) -> OpResult<usize> {
    check_signature(written)?;
    match (written.api_schema, written.function_schema) {
        (Some(_), Some(_)) => Err(errors::invalid_field(
            "functionSchema",
            "An action group has either an apiSchema or a functionSchema, not both.",
        )),
        (None, Some(api::FunctionSchema::Functions(functions))) => check_functions(quotas, functions),
        _ => Ok(0),
    }
}

/// The number of operations of a schema, or what is wrong with it.
pub(super) async fn count_operations(name: &str, text: String) -> OpResult<Result<usize, openapi::SchemaError>> {
    let name = name.to_owned();
    // Away from the threads that answer requests: large documents take a while.
    tokio::task::spawn_blocking(move || openapi::check(&name, &text)).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "checking an API schema panicked");
        errors::internal()
    })
}

fn refused_schema(member: &str, error: &openapi::SchemaError) -> ApiError {
    errors::invalid_fields(member, error.to_string(), error.problems.iter().map(ToString::to_string))
}

/// A group of the service's own has nothing but a name, a state and, for some, parameters.
fn check_signature(written: &Written<'_>) -> OpResult<()> {
    let is_anthropic = written.signature.is_some_and(|signature| signature.as_str().starts_with("ANTHROPIC."));
    if written.signature_params.is_some_and(|params| !params.is_empty()) && !is_anthropic {
        return Err(errors::invalid_field(
            "parentActionGroupSignatureParams",
            "Only action groups with a parentActionGroupSignature of ANTHROPIC have parentActionGroupSignatureParams.",
        ));
    }
    let Some(signature) = written.signature else { return Ok(()) };
    let has_more = [
        ("description", written.description.is_some()),
        ("actionGroupExecutor", written.executor.is_some()),
        ("apiSchema", written.api_schema.is_some()),
        ("functionSchema", written.function_schema.is_some()),
    ];
    match has_more.iter().find(|(_, is_there)| *is_there) {
        Some((member, _)) => Err(errors::invalid_field(
            member,
            format!("An action group with the parentActionGroupSignature {signature} must not have {member}."),
        )),
        None => Ok(()),
    }
}

fn check_functions(quotas: &Quotas, functions: &[api::Function]) -> OpResult<usize> {
    for (index, function) in functions.iter().enumerate() {
        let place = format!("functionSchema.functions.{}.member", index + 1);
        if functions[..index].iter().any(|other| other.name == function.name) {
            let message = format!("The function {} is declared twice.", function.name);
            return Err(errors::invalid_field(&format!("{place}.name"), message));
        }
        let parameters = function.parameters.as_ref().map_or(0, outcrop_api::OrderedMap::len);
        quotas::at(&format!("{place}.parameters"), quotas.parameters_per_function(parameters))?;
    }
    quotas::at("functionSchema.functions", quotas.functions_per_action_group(functions.len()))?;
    Ok(functions.len())
}

/// Checks a group against the others of the draft: quotas, and built-in groups that there is one of at most. The group
/// itself is passed over where it is among them.
pub(super) fn check_among(tx: &ReadTx<'_>, quotas: &Quotas, one: &StoredGroup) -> OpResult<()> {
    let groups: Vec<StoredGroup> = tx.list_all(Kind::ActionGroup, &version_parent(&one.group.agent_id, DRAFT))?;
    let others: Vec<&StoredGroup> =
        groups.iter().filter(|other| other.group.action_group_id != one.group.action_group_id).collect();
    if let Some(
        signature @ (api::ActionGroupSignature::AmazonUserInput | api::ActionGroupSignature::AmazonCodeInterpreter),
    ) = one.group.parent_action_signature
        && let Some(other) = others.iter().find(|other| other.group.parent_action_signature == Some(signature))
    {
        return Err(errors::conflict(format!(
            "The agent already has an action group with the parentActionGroupSignature {signature}: {}.",
            other.group.action_group_name
        )));
    }
    let is_enabled = |one: &StoredGroup| one.group.action_group_state == api::ActionGroupState::Enabled;
    quotas.action_groups_per_agent(others.len() + 1)?;
    if is_enabled(one) {
        let enabled = || others.iter().filter(|other| is_enabled(other));
        quotas.enabled_action_groups_per_agent(enabled().count() + 1)?;
        quotas.apis_per_agent(enabled().map(|other| other.tools).sum::<usize>() + one.tools)?;
    }
    Ok(())
}

/// Reads a schema from the object store.
pub(crate) async fn read_schema(objects: &Objects, s3: &api::S3Identifier) -> OpResult<String> {
    let (Some(bucket), Some(key)) = (&s3.s3_bucket_name, &s3.s3_object_key) else {
        return Err(errors::invalid_field("apiSchema.s3", "s3BucketName and s3ObjectKey are both needed."));
    };
    objects.read_text(bucket, key).await.map_err(|error| {
        tracing::info!(error = &error as &dyn std::error::Error, "cannot read an API schema");
        errors::invalid_field("apiSchema.s3", format!("The API schema cannot be read: {error}."))
    })
}
