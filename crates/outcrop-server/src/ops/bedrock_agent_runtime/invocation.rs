//! What InvokeAgent and InvokeInlineAgent share: the stream's head, the session's turn, what the caller's state begins.

use super::input_files;
use crate::agents::prepared::Target;
use crate::edge::event_stream::{self, FrameSender};
use crate::edge::respond::Body;
use crate::errors::{self, ApiError, OpResult};
use crate::memory;
use crate::ops::OpContext;
use crate::turn::emit::{Emitter, Speaker, SpeakingAgent};
use crate::turn::guard;
use crate::turn::sessions::Busy;
use crate::turn::{self, TurnInput, TurnRequest};
use http::{HeaderValue, Response};
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_planner::turn::{ControlResult, ControlReturned, PromptCreation, Rules, Started, TurnLimits};
use outcrop_planner::{Phase, PhaseModels};
use outcrop_ports::{Latency, Message, ResponseState};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the stream says when a session was ended on request.
const SESSION_ENDED: &str = "Session is terminated as 'endSession' flag is set in request.";

/// Characters between two checks of an answer that is streamed.
pub(super) fn guardrail_interval(streaming: Option<&api::StreamingConfigurations>) -> u32 {
    let given = streaming.and_then(|streaming| streaming.apply_guardrail_interval);
    given.and_then(|given| u32::try_from(given).ok()).unwrap_or(guard::INTERVAL_CHARS)
}

/// What the caller asks of an agent, whichever way it is named.
pub(super) struct Invocation {
    pub(super) session_id: String,
    pub(super) input_text: Option<String>,
    pub(super) end_session: bool,
    pub(super) memory_id: Option<String>,
    pub(super) enable_trace: bool,
    pub(super) stream: bool,
    pub(super) guardrail_interval: u32,
    pub(super) prompt_creation: Option<api::PromptCreationConfigurations>,
    pub(super) performance: Option<api::PerformanceConfiguration>,
    pub(super) state: CallerState,
}

/// `sessionState`, or `inlineSessionState`.
pub(super) struct CallerState {
    pub(super) session_attributes: Option<BTreeMap<String, String>>,
    pub(super) prompt_session_attributes: Option<BTreeMap<String, String>>,
    pub(super) invocation_id: Option<String>,
    pub(super) results: Option<Vec<api::InvocationResultMember>>,
    pub(super) files: Option<Vec<api::InputFile>>,
    pub(super) conversation_history: Option<api::ConversationHistory>,
}

/// Answers with a stream that `invoke` fills. Whatever goes wrong from here on is a frame in it, as on the service.
///
/// The turn outlives the connection: a caller that hangs up does not lose it.
pub(in crate::ops) fn stream<F>(
    cx: &OpContext,
    session_id: &str,
    invoke: impl FnOnce(FrameSender) -> F + Send + 'static,
) -> Response<Body>
where
    F: Future<Output = OpResult<()>> + Send,
{
    let (frames, body) = event_stream::channel(cx.settings.reader_timeout);
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.amazon.eventstream"));
    headers.insert("x-amzn-bedrock-agent-content-type", HeaderValue::from_static("application/json"));
    if let Ok(session_id) = HeaderValue::from_str(session_id) {
        headers.insert("x-amz-bedrock-agent-session-id", session_id);
    }
    let request_id = cx.request_id.clone();
    cx.turns.clone().spawn(async move {
        if let Err(error) = invoke(frames.clone()).await {
            tracing::info!(request_id, code = error.code, reason = error.message, "turn refused");
            frames.exception(&error.stream_member(), &error.body()).await;
        }
    });
    response
}

/// Takes the session's turn and runs it.
pub(super) async fn run(
    cx: &OpContext,
    target: Arc<Target>,
    invocation: Invocation,
    frames: FrameSender,
) -> OpResult<()> {
    let target = turn::bound(&cx.app, target, &invocation.session_id).await?;
    if let Some(why) = target.prepared.cannot_run() {
        return Err(errors::validation(format!(
            "Agent {} cannot be invoked by this version of Outcrop: {why}.",
            target.agent_id
        )));
    }
    let session_id: Arc<str> = invocation.session_id.as_str().into();
    let speaking = SpeakingAgent {
        agent_id: target.agent_id.clone(),
        alias_id: target.alias_id.clone(),
        version: target.version.clone(),
    };
    let speaker = Speaker {
        agent: (!target.prepared.is_inline()).then_some(speaking),
        caller_chain: vec![target.alias_arn.clone()],
        collaborator_name: None,
        session_id: session_id.clone(),
    };
    let emitter = Emitter::new(frames, speaker);
    let controls = cx.controls.over(&target.controls);
    let answer_schema = match &controls.answer_schema {
        Some(schema) if !invocation.end_session => Some(schema.load(cx).await?),
        _ => None,
    };
    let memory_id = memory::memory_id(&target, invocation.memory_id.clone());
    let name = (target.agent_id.clone(), target.alias_id.clone(), session_id.clone());
    let settings = cx.settings.sessions;
    let policy = controls.session_policy.unwrap_or(settings.policy);
    let entered = cx.sessions.enter(name, policy, settings, None).await;
    let held = entered.map_err(|busy| errors::conflict(busy_message(busy, &session_id)))?;
    if invocation.end_session {
        return end_session(cx, &target, &session_id, memory_id, &emitter).await;
    }
    let (stream, guardrail_interval) = (invocation.stream, invocation.guardrail_interval);
    let limits = controls.limits(&cx.settings);
    let mut input = turn_input(cx, &target, invocation, limits, answer_schema).await?;
    if let TurnInput::Words(started) = &mut input {
        started.limit_message = controls.limit_message(&cx.settings);
        started.memory = memory::told(cx, &target, memory_id.as_deref()).await?;
    }
    let request = TurnRequest { target, session_id, input, limits, stream, guardrail_interval, memory_id, above: None };
    turn::run(cx.app.clone(), request, held, emitter).await;
    Ok(())
}

fn busy_message(busy: Busy, session_id: &str) -> String {
    match busy {
        Busy::Refused => {
            format!("Another request is being answered in session {session_id}. Wait for its end and retry.")
        }
        Busy::QueueFull => {
            format!("Too many requests wait for session {session_id} already (sessions.queue_length_max).")
        }
        Busy::QueuedTooLong => format!(
            "The request has waited for session {session_id} for as long as it may (sessions.queue_timeout). Retry it."
        ),
        Busy::Interrupted => {
            format!("A newer request took the place of this one in session {session_id} before it was begun.")
        }
    }
}

async fn end_session(
    cx: &OpContext,
    target: &Target,
    session_id: &str,
    memory_id: Option<String>,
    emitter: &Emitter,
) -> OpResult<()> {
    let (agent_id, alias_id, session_id) =
        (target.agent_id.to_string(), target.alias_id.to_string(), session_id.to_owned());
    let now = cx.clock.now();
    let ended = cx.store.write::<_, ApiError, _>(move |tx| {
        let session = tx.find_session(&agent_id, &alias_id, &session_id, now)?;
        if let Some(memory_id) = memory_id.filter(|_| session.is_some()) {
            tx.bind_memory((&agent_id, &alias_id, &session_id), &memory_id)?;
        }
        tx.end_session(&agent_id, &alias_id, &session_id, now)?;
        Ok(session)
    });
    let ended = ended.await?;
    cx.memory.session_ended();
    if let Some(session) = ended {
        turn::end_sessions(&cx.app, target, session.id).await?;
    }
    emitter.text(SESSION_ENDED).await;
    Ok(())
}

/// What the request begins or continues.
async fn turn_input(
    cx: &OpContext,
    target: &Target,
    invocation: Invocation,
    limits: TurnLimits,
    answer_schema: Option<Arc<Value>>,
) -> OpResult<TurnInput> {
    let Invocation { session_id, input_text, enable_trace, prompt_creation, performance, state, .. } = invocation;
    let at = cx.clock.now();
    let files = state.files.unwrap_or_default();
    if let Some(results) = state.results {
        let Some(invocation_id) = state.invocation_id else {
            return Err(errors::validation(
                "returnControlInvocationResults needs the invocationId of the returnControl event it answers.",
            ));
        };
        if !files.is_empty() {
            return Err(errors::validation("Files go along with inputText, not with returnControlInvocationResults."));
        }
        let returned = ControlReturned {
            at,
            request_id: cx.request_id.clone(),
            enable_trace,
            results: results.into_iter().map(control_result).collect::<OpResult<_>>()?,
            session_attributes: state.session_attributes,
            prompt_session_attributes: state.prompt_session_attributes,
        };
        return Ok(TurnInput::Results { invocation_id, returned });
    }
    if state.invocation_id.is_some() {
        return Err(errors::validation(
            "invocationId goes along with the results it names: returnControlInvocationResults is missing.",
        ));
    }
    let Some(input_text) = input_text else {
        return Err(errors::validation(
            "inputText is missing. It may be left out only with returnControlInvocationResults or endSession.",
        ));
    };
    Ok(TurnInput::Words(Box::new(Started {
        at,
        request_id: cx.request_id.clone(),
        snapshot: target.snapshot.to_string(),
        alias_id: target.alias_id.to_string(),
        version: target.version.to_string(),
        session_id,
        input_text,
        session_attributes: state.session_attributes,
        prompt_session_attributes: state.prompt_session_attributes.unwrap_or_default(),
        conversation_history: state.conversation_history.map(conversation).transpose()?.unwrap_or_default(),
        relayed_conversation: None,
        last_agent: None,
        memory: None,
        assessed: None,
        limit_message: None,
        prompt_creation: prompt_creation.as_ref().map(creation).unwrap_or_default(),
        latency: performance.and_then(|performance| performance.latency).map(latency),
        enable_trace,
        answer_schema,
        // The driver knows what follows from the agent.
        windows: BTreeMap::new(),
        models: PhaseModels::default(),
        files: input_files::read(cx, model_of(target), files).await?,
        limits,
        rules: Rules::default(),
    })))
}

/// The model that sees the caller's words and files.
fn model_of(target: &Target) -> &str {
    let own = || target.prepared.prompts.get(Phase::Orchestration).foundation_model.as_ref();
    target.controls.models.of_phase(Phase::Orchestration).or_else(own).unwrap_or(&target.prepared.model_id)
}

/// Most messages of a seeded history.
const SEEDED_MESSAGES_MAX: usize = 1_000;
/// Most bytes of a seeded history: those that `inputText` may have.
const SEEDED_BYTES_MAX: usize = 25_000_000;

/// Seeded history, in the order given, which is taken as the order in which it was said.
fn conversation(history: api::ConversationHistory) -> OpResult<Vec<Message>> {
    let messages = history.messages.unwrap_or_default();
    if messages.len() > SEEDED_MESSAGES_MAX {
        return Err(errors::validation(format!(
            "conversationHistory has {} messages; at most {SEEDED_MESSAGES_MAX} can be given.",
            messages.len()
        )));
    }
    let messages = messages.into_iter().map(|message| {
        let text: String = message
            .content
            .into_iter()
            .map(|block| match block {
                api::ContentBlock::Text(text) => text,
            })
            .collect();
        match message.role {
            api::ConversationRole::Assistant => Message::assistant(text),
            api::ConversationRole::User => Message::user(text),
        }
    });
    let messages: Vec<Message> = messages.collect();
    let mut bytes = 0;
    for (index, message) in messages.iter().enumerate() {
        let text = message.text();
        bytes += text.len();
        // Models refuse messages without words.
        if text.trim().is_empty() {
            return Err(errors::validation(format!("conversationHistory.messages[{index}] has no text.")));
        }
    }
    if bytes > SEEDED_BYTES_MAX {
        return Err(errors::validation(format!(
            "conversationHistory has {bytes} bytes of text; at most {SEEDED_BYTES_MAX} can be given."
        )));
    }
    Ok(messages)
}

fn creation(configured: &api::PromptCreationConfigurations) -> PromptCreation {
    PromptCreation {
        previous_turns_max: configured
            .previous_conversation_turns_to_include
            .map(|turns| usize::try_from(turns).unwrap_or(usize::MAX)),
        exclude_previous_thinking: configured.exclude_previous_thinking_steps == Some(true),
    }
}

fn latency(wanted: api::PerformanceConfigLatency) -> Latency {
    match wanted {
        api::PerformanceConfigLatency::Standard => Latency::Standard,
        api::PerformanceConfigLatency::Optimized => Latency::Optimized,
    }
}

fn control_result(member: api::InvocationResultMember) -> OpResult<ControlResult> {
    Ok(match member {
        api::InvocationResultMember::FunctionResult(result) => ControlResult {
            action_group: result.action_group,
            agent_id: result.agent_id,
            function: result.function,
            confirmed: result.confirmation_state.map(confirmed),
            response_state: result.response_state.map(response_state).unwrap_or_default(),
            body: result.response_body.map(first_body).transpose()?.flatten(),
            ..ControlResult::default()
        },
        api::InvocationResultMember::ApiResult(result) => ControlResult {
            action_group: result.action_group,
            agent_id: result.agent_id,
            api_path: result.api_path,
            http_method: result.http_method,
            confirmed: result.confirmation_state.map(confirmed),
            response_state: result.response_state.map(response_state).unwrap_or_default(),
            http_status: result.http_status_code,
            body: result.response_body.map(first_body).transpose()?.flatten(),
            ..ControlResult::default()
        },
    })
}

fn confirmed(state: api::ConfirmationState) -> bool {
    state == api::ConfirmationState::Confirm
}

fn response_state(state: api::ResponseState) -> ResponseState {
    match state {
        api::ResponseState::Failure => ResponseState::Failure,
        api::ResponseState::Reprompt => ResponseState::Reprompt,
    }
}

/// Whatever its key: callers write `TEXT` as well as media types. Pictures are for the built-in groups that look at
/// screens, which cannot be prepared yet.
fn first_body(bodies: BTreeMap<String, api::ContentBody>) -> OpResult<Option<String>> {
    if bodies.values().any(|content| content.images.as_ref().is_some_and(|images| !images.is_empty())) {
        return Err(errors::validation("images in a responseBody are not supported by this version of Outcrop."));
    }
    Ok(bodies.into_values().find_map(|content| content.body))
}
