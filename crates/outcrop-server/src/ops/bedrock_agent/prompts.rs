//! What the prompt operations share: rules between members, and the answer they all give.

use crate::errors::{self, OpResult};
use outcrop_api::bedrock_agent as api;

/// Checks rules between members. What the service does not say is left to the author: variables that no template uses,
/// templates with variables that are not declared.
pub(super) fn check(default_variant: Option<&str>, variants: Option<&[api::PromptVariant]>) -> OpResult<()> {
    let variants = variants.unwrap_or_default();
    if let Some(default) = default_variant
        && !variants.iter().any(|variant| variant.name == default)
    {
        return Err(errors::invalid_field("defaultVariant", format!("There is no variant with the name {default}.")));
    }
    for (index, variant) in variants.iter().enumerate() {
        let path = |member: &str| format!("variants.{}.member.{member}", index + 1);
        let fitting = match variant.template_configuration {
            api::PromptTemplateConfiguration::Text(_) => api::PromptTemplateType::Text,
            api::PromptTemplateConfiguration::Chat(_) => api::PromptTemplateType::Chat,
        };
        if variant.template_type != fitting {
            return Err(errors::invalid_field(
                &path("templateType"),
                format!(
                    "The templateType is {}, and the templateConfiguration is one for {fitting}.",
                    variant.template_type
                ),
            ));
        }
        if variant.model_id.is_some() && variant.gen_ai_resource.is_some() {
            return Err(errors::invalid_field(
                &path("genAiResource"),
                "A variant is for a model or for another resource: give either modelId or genAiResource.",
            ));
        }
    }
    Ok(())
}

/// Writes the prompt as the answer of another operation: all of them have the same members.
macro_rules! answer {
    ($shape:ident, $prompt:expr) => {{
        let prompt = $prompt;
        outcrop_api::bedrock_agent::$shape {
            name: prompt.name,
            description: prompt.description,
            customer_encryption_key_arn: prompt.customer_encryption_key_arn,
            default_variant: prompt.default_variant,
            variants: prompt.variants,
            id: prompt.id,
            arn: prompt.arn,
            version: prompt.version,
            created_at: prompt.created_at,
            updated_at: prompt.updated_at,
        }
    }};
}
pub(super) use answer;
