//! What CreateAgentActionGroup and UpdateAgentActionGroup share.

use crate::errors::{self, OpResult};
use crate::objects::Objects;
use outcrop_api::bedrock_agent as api;
use outcrop_planner::prepare;

/// Members of a group that its author writes.
pub(super) struct Written<'a> {
    pub(super) name: &'a str,
    pub(super) description: Option<&'a String>,
    pub(super) state: Option<api::ActionGroupState>,
    pub(super) signature: Option<api::ActionGroupSignature>,
    pub(super) executor: Option<&'a api::ActionGroupExecutor>,
    pub(super) api_schema: Option<&'a api::APISchema>,
    pub(super) function_schema: Option<&'a api::FunctionSchema>,
}

/// Checks rules between members, and the schema, as the service does when a group is saved.
pub(super) async fn check(objects: &Objects, written: &Written<'_>) -> OpResult<()> {
    if let Some(signature) = written.signature {
        let has_more = written.description.is_some()
            || written.executor.is_some()
            || written.api_schema.is_some()
            || written.function_schema.is_some();
        if has_more {
            let message = format!(
                "An action group with the parentActionGroupSignature {signature} must not have description, actionGroupExecutor, apiSchema or functionSchema."
            );
            return Err(errors::invalid_field("parentActionGroupSignature", message));
        }
        return Ok(());
    }
    let text = match (written.api_schema, written.function_schema) {
        (Some(_), Some(_)) => {
            return Err(errors::invalid_field(
                "functionSchema",
                "An action group has either an apiSchema or a functionSchema, not both.",
            ));
        }
        // A group that is switched off may name an object that is gone.
        (Some(api::APISchema::S3(_)), None) if written.state == Some(api::ActionGroupState::Disabled) => return Ok(()),
        (Some(api::APISchema::S3(s3)), None) => read_schema(objects, s3).await?,
        (Some(api::APISchema::Payload(text)), None) => text.clone(),
        (None, Some(api::FunctionSchema::Functions(functions))) => return check_functions(functions),
        (None, None) => return Ok(()),
    };
    prepare::check_action_group(written.name, Some(&text))
        .map_err(|message| errors::invalid_field("apiSchema", message))
}

fn check_functions(functions: &[api::Function]) -> OpResult<()> {
    for (index, function) in functions.iter().enumerate() {
        if functions[..index].iter().any(|other| other.name == function.name) {
            let path = format!("functionSchema.functions.{}.member.name", index + 1);
            return Err(errors::invalid_field(&path, format!("The function {} is declared twice.", function.name)));
        }
    }
    Ok(())
}

/// Reads a schema from the object store.
pub(super) async fn read_schema(objects: &Objects, s3: &api::S3Identifier) -> OpResult<String> {
    let (Some(bucket), Some(key)) = (&s3.s3_bucket_name, &s3.s3_object_key) else {
        return Err(errors::invalid_field("apiSchema.s3", "s3BucketName and s3ObjectKey are both needed."));
    };
    objects.read_text(bucket, key).await.map_err(|error| {
        tracing::info!(error = &error as &dyn std::error::Error, "cannot read an API schema");
        errors::invalid_field("apiSchema.s3", format!("The API schema cannot be read: {error}."))
    })
}
