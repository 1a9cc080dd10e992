//! What Converse asks, checked as the service checks it and in our words.
//!
//! Checks that need one member only stand where that member is read; what holds between the messages of a conversation
//! is in [`conversation`]. Whatever the model itself has no place for, its provider refuses.

use super::blocks;
use super::models::{self, Named};
use super::reply::Shown;
use crate::errors::{self, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_runtime as api;
use outcrop_ports::{
    CachePlace, CachePoint, Caching, ContentBlock, InferenceConfig, Latency, Message, ModelRequest, Role, ToolChoice,
    ToolSpec,
};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::sync::Arc;

/// A request on its way to a model, and what comes back of it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) named: Named,
    pub(super) request: ModelRequest,
    pub(super) shown: Shown,
}

/// Reads a request. What it says of guardrails is read where they are applied.
///
/// # Errors
/// A ValidationException in the service's words that names the member.
pub(super) async fn read(cx: &OpContext, req: api::ConverseRequest) -> OpResult<Asked> {
    if req.prompt_variables.as_ref().is_some_and(|variables| !variables.is_empty()) {
        return Err(errors::validation("promptVariables go along with a prompt's ARN as modelId."));
    }
    let named = models::named(&cx.app, &req.model_id).await?;
    let mut reader = Reader { cx, takes: cx.models.takes(&named.model_id), points: Vec::new() };
    let (tools, tool_choice) = reader.tools(req.tool_config.as_ref())?;
    let mut system = reader.system(req.system.unwrap_or_default())?;
    let messages = req.messages.unwrap_or_default();
    conversation(&messages, req.tool_config.is_some())?;
    let messages = reader.messages(messages).await?;
    let mut inference = inference(req.inference_config)?;
    inference.latency = req.performance_config.as_ref().and_then(|config| config.latency).map(latency);
    if let Some(schema) = answer_schema(req.output_config)? {
        system.push(format!("Answer with one JSON value that fits this JSON Schema, and nothing else:\n{schema}"));
        inference.answer_schema = Some(Arc::new(schema));
    }
    let additional_fields = additional_fields(req.additional_model_request_fields)?;
    let response_field_paths = response_field_paths(req.additional_model_response_field_paths)?;
    let request = ModelRequest {
        model_id: named.model_id.clone(),
        system,
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: tools.into(),
        tool_choice,
        inference,
        additional_fields,
        // As on the service: what the caller does not ask to have cached is not.
        caching: Caching::Given(reader.points),
    };
    let shown =
        Shown { performance_config: req.performance_config, service_tier: req.service_tier, response_field_paths };
    Ok(Asked { named, request, shown })
}

/// What is needed to read a request, and what comes up while it is read.
struct Reader<'a> {
    cx: &'a OpContext,
    takes: outcrop_ports::Takes,
    points: Vec<CachePoint>,
}

impl Reader<'_> {
    fn tools(&mut self, config: Option<&api::ToolConfiguration>) -> OpResult<(Vec<ToolSpec>, ToolChoice)> {
        let Some(config) = config else { return Ok((Vec::new(), ToolChoice::Auto)) };
        let mut tools: Vec<ToolSpec> = Vec::with_capacity(config.tools.len());
        for (index, tool) in config.tools.iter().enumerate() {
            match tool {
                api::Tool::ToolSpec(spec) => {
                    let api::ToolInputSchema::Json(schema) = &spec.input_schema;
                    check_tool_schema(schema, index)?;
                    if tools.iter().any(|known| known.name == spec.name) {
                        return Err(errors::validation(format!(
                            "The tool name {} at toolConfig.tools.{index} is given twice. Give every tool a name of its own and try again.",
                            spec.name
                        )));
                    }
                    tools.push(ToolSpec {
                        name: spec.name.clone(),
                        description: spec.description.clone().unwrap_or_default(),
                        input_schema: schema.clone(),
                    });
                }
                api::Tool::CachePoint(point) => self.point(CachePlace::Tools(tools.len()), point),
                api::Tool::SystemTool(tool) => {
                    return Err(errors::validation(format!(
                        "The system tool {} at toolConfig.tools.{index} is run by AWS only. Remove it and try again.",
                        tool.name
                    )));
                }
            }
        }
        if tools.is_empty() {
            return Err(errors::validation(
                "The toolConfig.tools field has no tool. Add a toolSpec, or leave out toolConfig, and try again.",
            ));
        }
        let choice = match &config.tool_choice {
            None | Some(api::ToolChoice::Auto(_)) => ToolChoice::Auto,
            Some(api::ToolChoice::Any(_)) => ToolChoice::Any,
            Some(api::ToolChoice::Tool(tool)) if tools.iter().any(|known| known.name == tool.name) => {
                ToolChoice::Tool(tool.name.clone())
            }
            Some(api::ToolChoice::Tool(tool)) => {
                return Err(errors::validation(format!(
                    "The tool {} of toolConfig.toolChoice.tool is not among toolConfig.tools. Add it there, or choose another, and try again.",
                    tool.name
                )));
            }
        };
        Ok((tools, choice))
    }

    fn system(&mut self, blocks: Vec<api::SystemContentBlock>) -> OpResult<Vec<String>> {
        let mut system = Vec::with_capacity(blocks.len());
        for (index, block) in blocks.into_iter().enumerate() {
            match block {
                api::SystemContentBlock::Text(text) => {
                    if text.trim().is_empty() {
                        return Err(errors::validation(format!(
                            "The text field in the SystemContentBlock object at system.{index} is blank. Add text to the text field, and try again."
                        )));
                    }
                    system.push(text);
                }
                api::SystemContentBlock::GuardContent(content) => {
                    system.extend(blocks::guarded_text(content));
                }
                api::SystemContentBlock::CachePoint(point) => self.point(CachePlace::System(system.len()), &point),
            }
        }
        Ok(system)
    }

    async fn messages(&mut self, messages: Vec<api::Message>) -> OpResult<Vec<Message>> {
        let mut read = Vec::with_capacity(messages.len());
        for (index, message) in messages.into_iter().enumerate() {
            let role = match message.role {
                api::ConversationRole::Assistant => Role::Assistant,
                api::ConversationRole::User | api::ConversationRole::System => Role::User,
            };
            let mut content: Vec<ContentBlock> = Vec::with_capacity(message.content.len());
            for (at, block) in message.content.into_iter().enumerate() {
                if let api::ContentBlock::CachePoint(point) = &block {
                    self.point(CachePlace::Message { index, blocks: content.len() }, point);
                    continue;
                }
                let place = blocks::Place { message: index, block: at, is_user: role == Role::User };
                content.extend(blocks::read(self.cx, self.takes, block, place).await?);
            }
            if content.is_empty() {
                return Err(errors::validation(format!(
                    "The content field in the Message object at messages.{index} has nothing to read. Add a ContentBlock object with text to the content field and try again."
                )));
            }
            read.push(Message { role, content });
        }
        Ok(read)
    }

    /// A place that has nothing before it holds nothing to keep.
    fn point(&mut self, after: CachePlace, point: &api::CachePointBlock) {
        let is_empty = match after {
            CachePlace::Tools(count) | CachePlace::System(count) => count == 0,
            CachePlace::Message { blocks, .. } => blocks == 0,
        };
        if !is_empty {
            self.points.push(CachePoint { after, for_an_hour: point.ttl == Some(api::CacheTTL::V1h) });
        }
    }
}

fn check_tool_schema(schema: &Value, index: usize) -> OpResult<()> {
    let is_object = schema.as_object().is_some_and(|schema| schema.get("type").is_none_or(|kind| kind == "object"));
    if is_object {
        return Ok(());
    }
    Err(errors::validation(format!(
        "The value at toolConfig.tools.{index}.toolSpec.inputSchema.json.type must be one of the following: object."
    )))
}

/// Checks what holds between messages: who begins, who speaks next, and that every tool use has its result.
fn conversation(messages: &[api::Message], has_tools: bool) -> OpResult<()> {
    use api::ConversationRole::{System, User};
    let refuse = |message: String| Err(errors::validation(message));
    if let Some(index) = messages.iter().position(|message| message.role == System) {
        return refuse(format!(
            "The role system at messages.{index} is not supported by the model. Put the text into the system field and try again."
        ));
    }
    if messages.first().is_none_or(|first| first.role != User) {
        return refuse(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message."
                .to_owned(),
        );
    }
    let mut asked: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if message.content.is_empty() {
            return refuse(format!(
                "The content field in the Message object at messages.{index} is empty. Add a ContentBlock object to the content field and try again."
            ));
        }
        if index > 0 && messages[index - 1].role == message.role {
            return refuse(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again."
                    .to_owned(),
            );
        }
        let uses = message.content.iter().filter_map(|block| match block {
            api::ContentBlock::ToolUse(tool_use) => Some(tool_use.tool_use_id.as_str()),
            _ => None,
        });
        let uses: Vec<&str> = uses.collect();
        let results = message.content.iter().filter_map(|block| match block {
            api::ContentBlock::ToolResult(result) => Some(result.tool_use_id.as_str()),
            _ => None,
        });
        let results: Vec<&str> = results.collect();
        if !has_tools && !(uses.is_empty() && results.is_empty()) {
            return refuse(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks.".to_owned(),
            );
        }
        if let Some(place) = misplaced(message, index) {
            return refuse(place);
        }
        if results.len() > asked.len() {
            return refuse(format!(
                "The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks of previous turn."
            ));
        }
        let missing: Vec<&str> = asked.iter().copied().filter(|id| !results.contains(id)).collect();
        if !missing.is_empty() {
            return refuse(format!(
                "Expected toolResult blocks at messages.{index}.content for the following Ids: {}",
                missing.join(", ")
            ));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = uses.iter().find(|id| !seen.insert(**id)) {
            return refuse(format!("The toolUse blocks at messages.{index}.content contain duplicate Ids: {twice}"));
        }
        asked = uses;
    }
    Ok(())
}

/// What stands in a message of the other side.
fn misplaced(message: &api::Message, index: usize) -> Option<String> {
    let is_user = message.role == api::ConversationRole::User;
    message.content.iter().enumerate().find_map(|(at, block)| {
        let (name, role) = match block {
            api::ContentBlock::ToolUse(_) if is_user => ("toolUse", "assistant"),
            api::ContentBlock::ReasoningContent(_) if is_user => ("reasoningContent", "assistant"),
            api::ContentBlock::ToolResult(_) if !is_user => ("toolResult", "user"),
            api::ContentBlock::Image(_) if !is_user => ("image", "user"),
            api::ContentBlock::Document(_) if !is_user => ("document", "user"),
            _ => return None,
        };
        Some(format!(
            "The {name} content block at messages.{index}.content.{at} can only be in a message of the {role} role. Remove it and try again."
        ))
    })
}

fn inference(config: Option<api::InferenceConfiguration>) -> OpResult<InferenceConfig> {
    let Some(config) = config else { return Ok(InferenceConfig::default()) };
    // The model's own constraints are checked before: a positive number.
    let max_tokens = config.max_tokens.map(|most| u32::try_from(most).unwrap_or(u32::MAX));
    if let Some(index) = config.stop_sequences.iter().flatten().position(String::is_empty) {
        return Err(errors::validation(format!(
            "The stop sequence at inferenceConfig.stopSequences.{index} is empty. Remove it and try again."
        )));
    }
    Ok(InferenceConfig {
        max_tokens,
        temperature: config.temperature,
        top_p: config.top_p,
        stop_sequences: config.stop_sequences.unwrap_or_default(),
        ..InferenceConfig::default()
    })
}

fn latency(wanted: api::PerformanceConfigLatency) -> Latency {
    match wanted {
        api::PerformanceConfigLatency::Standard => Latency::Standard,
        api::PerformanceConfigLatency::Optimized => Latency::Optimized,
    }
}

/// The schema that the answer has to fit.
fn answer_schema(config: Option<api::OutputConfig>) -> OpResult<Option<Value>> {
    let Some(config) = config else { return Ok(None) };
    if config.effort.is_some() {
        return Err(errors::validation(
            "outputConfig.effort is not passed on by this version of Outcrop. Put what the model's provider calls it into additionalModelRequestFields.",
        ));
    }
    let Some(format) = config.text_format else { return Ok(None) };
    let api::OutputFormatStructure::JsonSchema(definition) = format.structure;
    let schema: Value = serde_json::from_str(&definition.schema).map_err(|error| {
        errors::validation(format!(
            "The JSON Schema at outputConfig.textFormat.structure.jsonSchema.schema cannot be read: {error}."
        ))
    })?;
    if !schema.is_object() {
        return Err(errors::validation(
            "The JSON Schema at outputConfig.textFormat.structure.jsonSchema.schema must be an object.",
        ));
    }
    Ok(Some(schema))
}

fn additional_fields(fields: Option<Value>) -> OpResult<Option<Map<String, Value>>> {
    match fields {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(fields)) if fields.is_empty() => Ok(None),
        Some(Value::Object(fields)) => Ok(Some(fields)),
        Some(_) => Err(errors::validation("The additionalModelRequestFields field must be a JSON object.")),
    }
}

fn response_field_paths(paths: Option<Vec<String>>) -> OpResult<Vec<String>> {
    let paths = paths.unwrap_or_default();
    match paths.iter().find(|path| !path.starts_with('/')) {
        None => Ok(paths),
        Some(path) => Err(errors::validation(format!(
            "The path {path} of additionalModelResponseFieldPaths is no JSON pointer. One begins with a slash, as /stop_sequence."
        ))),
    }
}
