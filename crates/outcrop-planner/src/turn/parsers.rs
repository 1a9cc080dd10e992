//! Parsers: functions of the author that read the model's replies in our place.
//!
//! What they are sent is the same for every phase; what they answer has one block for each. A parser that fails, or
//! whose answer has not what its phase needs, ends the turn: guessing what an author meant would be worse.

use super::citations::{self, Part};
use super::event::{Decision, FailureKind, ModelReplied, ParserCall, ParserOutcome, ParserReturned};
use super::phases::Verdict;
use super::{Turn, raw, trace};
use crate::phase::Phase;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_ports::{AgentIdentity, ModelReply};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a parser answered, for its phase.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ParserReply {
    PreProcessing(Verdict),
    Orchestration { rationale: Option<String>, act: Act },
    PostProcessing { text: String, attribution: Option<api::Attribution> },
    KnowledgeBase { text: String, attribution: Option<api::Attribution> },
    Routing(Route),
}

/// What a parsed orchestration reply comes down to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// The model is told this and tries again.
    Reprompt(String),
    /// The user is asked.
    AskUser(String),
    /// Actions of action groups.
    Actions(Vec<ParsedAction>),
    /// Searches in knowledge bases.
    Search(Vec<ParsedSearch>),
    /// A message to a collaborator.
    Collaborate { name: String, text: String },
    /// The answer.
    Finish { text: String, attribution: Option<api::Attribution> },
}

/// An action as a parser names it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ParsedAction {
    pub(super) id: Option<String>,
    pub(super) action_group: String,
    /// A function's name; an operation's id or path, with its verb.
    pub(super) action: String,
    pub(super) verb: Option<String>,
    pub(super) input: BTreeMap<String, Value>,
}

/// A search as a parser names it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ParsedSearch {
    pub(super) id: Option<String>,
    pub(super) knowledge_base_id: String,
    pub(super) query: String,
}

/// What a parsed classification comes down to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Route {
    /// The model's reply made no sense: as undecided.
    Nonsense(String),
    /// This collaborator takes the request.
    Agent { name: String, text: Option<String> },
    /// The collaborator of last time takes it.
    LastAgent,
    /// The supervisor takes it.
    Undecided,
}

/// The call of a parser for a reply.
pub(crate) fn call(
    agent: &AgentIdentity,
    phase: Phase,
    model_id: &str,
    function_arn: Arc<str>,
    reply: &ModelReply,
) -> ParserCall {
    let payload = json!({
        "messageVersion": "1.0",
        "agent": agent,
        "invokeModelRawResponse": raw::response(model_id, reply),
        "promptType": phase.name(),
        "overrideType": "OUTPUT_PARSER",
    });
    ParserCall { function_arn, payload: payload.to_string() }
}

impl Turn {
    pub(super) fn parser_returned(
        &mut self,
        phase: Phase,
        replied: ModelReplied,
        returned: ParserReturned,
    ) -> Decision {
        let problem = match returned.outcome {
            ParserOutcome::Answered(text) => match read(phase, &text) {
                Ok(parsed) => return self.read_reply(phase, replied, Some(parsed), Vec::new()),
                Err(problem) => problem,
            },
            ParserOutcome::Failed(failure) => failure.message,
        };
        let mut output = Vec::new();
        self.show_held(returned.at, &mut output);
        match phase {
            Phase::PreProcessing => {
                self.trace(&mut output, replied.at, |turn| trace::pre_processing_output(turn, &replied, None));
            }
            Phase::PostProcessing => {
                self.trace(&mut output, replied.at, |turn| trace::post_processing_output(turn, &replied, None));
            }
            _ => {}
        }
        let arn = self.agent.prompts.get(phase).parser.as_deref().unwrap_or_default().to_owned();
        let reason = format!("parser {arn} of {}: {problem}", phase.name());
        self.trace(&mut output, returned.at, |turn| {
            trace::failure(turn, phase, returned.started_at, returned.at, &reason)
        });
        // The service's words, the missing space included.
        let message = format!(
            "Your request couldn't be completed. Lambda function {arn} encountered a problem while processing request.The error message from the Lambda function is {problem}. Check the Lambda function log for error details, then try your request again after fixing the error."
        );
        self.forget_answer();
        self.fail(FailureKind::Dependency, message, Some(arn), output)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    pre_processing_parsed_response: Option<PreProcessing>,
    orchestration_parsed_response: Option<Orchestration>,
    routing_classifier_parsed_response: Option<Routing>,
    knowledge_base_response_generation_parsed_response: Option<KnowledgeBase>,
    post_processing_parsed_response: Option<PostProcessing>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreProcessing {
    is_valid_input: bool,
    rationale: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Orchestration {
    rationale: Option<String>,
    parsing_error_details: Option<ParsingError>,
    response_details: Option<ResponseDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParsingError {
    reprompt_response: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseDetails {
    invocation_type: String,
    agent_ask_user: Option<AskUser>,
    action_group_invocation: Option<ActionGroup>,
    action_group_invocations: Option<Vec<ActionGroup>>,
    agent_knowledge_base: Option<Search>,
    agent_knowledge_bases: Option<Vec<Search>>,
    agent_collaborator_invocation: Option<Collaborator>,
    agent_final_response: Option<FinalResponse>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskUser {
    response_text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActionGroup {
    action_group_name: String,
    api_name: Option<String>,
    verb: Option<String>,
    function_name: Option<String>,
    id: Option<String>,
    #[serde(default)]
    action_group_input: BTreeMap<String, Argument>,
}

#[derive(Deserialize)]
struct Argument {
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Search {
    knowledge_base_id: String,
    id: Option<String>,
    search_query: SearchQuery,
}

#[derive(Deserialize)]
struct SearchQuery {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collaborator {
    agent_collaborator_name: String,
    input: Option<CollaboratorInput>,
}

#[derive(Deserialize)]
struct CollaboratorInput {
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FinalResponse {
    response_text: String,
    citations: Option<Citations>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Citations {
    #[serde(default)]
    generated_response_parts: Vec<ResponsePart>,
}

#[derive(Deserialize)]
struct ResponsePart {
    text: String,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    source_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostProcessing {
    response_text: String,
    citations: Option<Citations>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KnowledgeBase {
    generated_response: Citations,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Routing {
    parsing_error_details: Option<ParsingError>,
    response_details: Option<RoutingDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoutingDetails {
    r#type: String,
    agent_collaborator_invocation: Option<Collaborator>,
}

/// Reads a parser's answer; the error says what is wrong with it.
fn read(phase: Phase, text: &str) -> Result<ParserReply, String> {
    let document: Document =
        serde_json::from_str(text).map_err(|error| format!("its answer is no parser response: {error}"))?;
    let missing = |block: &str| format!("its answer has no {block}");
    match phase {
        Phase::PreProcessing => {
            let block =
                document.pre_processing_parsed_response.ok_or_else(|| missing("preProcessingParsedResponse"))?;
            Ok(ParserReply::PreProcessing(Verdict { is_valid: block.is_valid_input, rationale: block.rationale }))
        }
        Phase::Orchestration => {
            let block = document.orchestration_parsed_response.ok_or_else(|| missing("orchestrationParsedResponse"))?;
            let rationale = block.rationale.clone();
            Ok(ParserReply::Orchestration { rationale, act: act(block)? })
        }
        Phase::PostProcessing => {
            let block =
                document.post_processing_parsed_response.ok_or_else(|| missing("postProcessingParsedResponse"))?;
            let attribution = attribution(&block.response_text, block.citations);
            Ok(ParserReply::PostProcessing { text: block.response_text, attribution })
        }
        Phase::KnowledgeBaseResponseGeneration => {
            let block = document
                .knowledge_base_response_generation_parsed_response
                .ok_or_else(|| missing("knowledgeBaseResponseGenerationParsedResponse"))?;
            let parts = &block.generated_response.generated_response_parts;
            let text = parts.iter().map(|part| part.text.as_str()).collect::<String>();
            let attribution = attribution(&text, Some(block.generated_response));
            Ok(ParserReply::KnowledgeBase { text, attribution })
        }
        Phase::RoutingClassifier => {
            let block = document
                .routing_classifier_parsed_response
                .ok_or_else(|| missing("routingClassifierParsedResponse"))?;
            Ok(ParserReply::Routing(route(block)?))
        }
        Phase::MemorySummarization => Err("a turn does not parse summaries".to_owned()),
    }
}

fn reprompt(details: Option<ParsingError>) -> Option<String> {
    details.and_then(|details| details.reprompt_response).filter(|text| !text.is_empty())
}

fn act(block: Orchestration) -> Result<Act, String> {
    if let Some(text) = reprompt(block.parsing_error_details) {
        return Ok(Act::Reprompt(text));
    }
    let details = block.response_details.ok_or("its answer has no responseDetails")?;
    let missing = |member: &str| format!("its answer has invocationType {} and no {member}", details.invocation_type);
    match details.invocation_type.as_str() {
        "ACTION_GROUP" => {
            let all: Vec<ActionGroup> = details
                .action_group_invocation
                .into_iter()
                .chain(details.action_group_invocations.into_iter().flatten())
                .collect();
            if all.is_empty() {
                return Err("its answer has invocationType ACTION_GROUP and no actionGroupInvocation".to_owned());
            }
            Ok(Act::Actions(all.into_iter().map(action).collect::<Result<_, _>>()?))
        }
        "KNOWLEDGE_BASE" => {
            let all: Vec<ParsedSearch> = details
                .agent_knowledge_base
                .into_iter()
                .chain(details.agent_knowledge_bases.into_iter().flatten())
                .map(|one| ParsedSearch {
                    id: one.id,
                    knowledge_base_id: one.knowledge_base_id,
                    query: one.search_query.value,
                })
                .collect();
            if all.is_empty() {
                return Err("its answer has invocationType KNOWLEDGE_BASE and no agentKnowledgeBase".to_owned());
            }
            Ok(Act::Search(all))
        }
        "AGENT_COLLABORATOR" => {
            let Some(one) = details.agent_collaborator_invocation else {
                return Err(
                    "its answer has invocationType AGENT_COLLABORATOR and no agentCollaboratorInvocation".to_owned()
                );
            };
            let text = one.input.and_then(|input| input.text).unwrap_or_default();
            Ok(Act::Collaborate { name: one.agent_collaborator_name, text })
        }
        "ASK_USER" => {
            let Some(ask) = details.agent_ask_user else { return Err(missing("agentAskUser")) };
            Ok(Act::AskUser(ask.response_text))
        }
        "FINISH" => {
            let Some(last) = details.agent_final_response else { return Err(missing("agentFinalResponse")) };
            let attribution = attribution(&last.response_text, last.citations);
            Ok(Act::Finish { text: last.response_text, attribution })
        }
        other => Err(format!("its answer has the unknown invocationType {other}")),
    }
}

fn action(one: ActionGroup) -> Result<ParsedAction, String> {
    let name = one.function_name.or(one.api_name);
    let Some(action) = name else {
        return Err(format!("its answer names neither functionName nor apiName for {}", one.action_group_name));
    };
    let input = one.action_group_input.into_iter().map(|(name, argument)| (name, argument.value)).collect();
    Ok(ParsedAction { id: one.id, action_group: one.action_group_name, action, verb: one.verb, input })
}

fn route(block: Routing) -> Result<Route, String> {
    if let Some(text) = reprompt(block.parsing_error_details) {
        return Ok(Route::Nonsense(text));
    }
    let details = block.response_details.ok_or("its answer has no responseDetails")?;
    match (details.r#type.as_str(), details.agent_collaborator_invocation) {
        ("AGENT", Some(one)) => {
            Ok(Route::Agent { name: one.agent_collaborator_name, text: one.input.and_then(|input| input.text) })
        }
        ("AGENT", None) => Err("its answer has type AGENT and no agentCollaboratorInvocation".to_owned()),
        ("LAST_AGENT", _) => Ok(Route::LastAgent),
        ("UNDECIDED", _) => Ok(Route::Undecided),
        (other, _) => Err(format!("its answer has the unknown type {other}")),
    }
}

/// Citations as the chunk carries them; sources are named by the ids the parser gave.
fn attribution(text: &str, citations: Option<Citations>) -> Option<api::Attribution> {
    let parts = citations?.generated_response_parts.into_iter().map(|part| Part {
        text: part.text,
        sources: part.references.into_iter().map(|reference| reference.source_id).collect(),
    });
    citations::attribution(text, parts.collect(), citations::by_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_broken(phase: Phase, text: &str, problem: &str) {
        let found = read(phase, text).expect_err(text);
        assert!(found.contains(problem), "{text}: {found}");
    }

    #[test]
    fn says_what_a_parsers_answer_lacks() {
        check_broken(Phase::PreProcessing, "no", "no parser response");
        check_broken(Phase::PreProcessing, "{}", "no preProcessingParsedResponse");
        check_broken(Phase::PreProcessing, r#"{"preProcessingParsedResponse": {"rationale": "x"}}"#, "isValidInput");
        check_broken(
            Phase::Orchestration,
            r#"{"orchestrationParsedResponse": {"rationale": "x"}}"#,
            "no responseDetails",
        );
        for (details, problem) in [
            (r#"{"invocationType": "FINISH"}"#, "no agentFinalResponse"),
            (r#"{"invocationType": "ASK_USER"}"#, "no agentAskUser"),
            (r#"{"invocationType": "ACTION_GROUP"}"#, "no actionGroupInvocation"),
            (
                r#"{"invocationType": "ACTION_GROUP", "actionGroupInvocation": {"actionGroupName": "a"}}"#,
                "neither functionName nor apiName",
            ),
            (r#"{"invocationType": "KNOWLEDGE_BASE"}"#, "no agentKnowledgeBase"),
            (r#"{"invocationType": "AGENT_COLLABORATOR"}"#, "no agentCollaboratorInvocation"),
            (r#"{"invocationType": "DANCE"}"#, "unknown invocationType DANCE"),
        ] {
            let text = format!("{{\"orchestrationParsedResponse\": {{\"responseDetails\": {details}}}}}");
            check_broken(Phase::Orchestration, &text, problem);
        }
        let routing = r#"{"routingClassifierParsedResponse": {"responseDetails": {"type": "AGENT"}}}"#;
        check_broken(Phase::RoutingClassifier, routing, "no agentCollaboratorInvocation");
    }
}
