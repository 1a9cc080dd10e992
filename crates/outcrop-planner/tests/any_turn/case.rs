//! What a case is made of. Everything is plain data that shrinks to nothing: no group, no word, no trouble.

use outcrop_planner::turn::TurnLimits;
use outcrop_planner::{PreparedAgent, prepare};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) agent: AgentCase,
    pub(crate) turns: Vec<TurnCase>,
}

#[derive(Clone, Debug)]
pub(crate) struct AgentCase {
    /// Functions, each in a group of its own: executor and whether it asks for consent.
    functions: Vec<(Executor, bool)>,
    asks_user: bool,
    collaborators: usize,
    routes: bool,
    pre_processing: bool,
    post_processing: bool,
    parser: bool,
    teaches_calls_in_text: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Executor {
    Lambda,
    ReturnControl,
}

#[derive(Clone, Debug)]
pub(crate) struct TurnCase {
    pub(crate) input: &'static str,
    pub(crate) limits: TurnLimits,
    pub(crate) traced: bool,
    pub(crate) answer_schema: bool,
    /// The model lets the request in and sends it to a collaborator, where it is asked to judge that.
    pub(crate) plays_along: bool,
    /// What the model says, call by call, from the front again when it is at its end.
    pub(crate) replies: Vec<Reply>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) collaborators: Vec<Colleague>,
    pub(crate) parsers: Vec<&'static str>,
    /// Which of the calls under way ends next.
    pub(crate) order: Vec<usize>,
    /// What comes in between, and at which event.
    pub(crate) trouble: Option<(usize, Trouble)>,
    pub(crate) callers: Vec<Caller>,
    /// Tokens of the model's window, when it is known.
    pub(crate) window: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Says(&'static str),
    Thinks(&'static str),
    Calls(Vec<Call>),
    Empty,
    Fails { passes: bool },
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Which tool, counted over all; beyond them there is none.
    pub(crate) tool: usize,
    pub(crate) arguments: Arguments,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Arguments {
    Good,
    Missing,
    AText,
    WrongKind,
    AsJsonText,
    ToNobody,
    ToUser,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    Answers,
    AnswersMuch,
    AnswersError,
    ChangesAttributes,
    Reprompts,
    Fails,
    Breaks,
    /// A result comes that nobody waits for, then the right one.
    Strays,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Colleague {
    Answers,
    AnswersMuch,
    ReturnsControl(usize),
    Fails,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    Cancelled,
    NextTurn,
    TimeIsUp,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller {
    Does,
    DoesBackwards,
    Denies,
    Reprompts,
    Fails,
    /// Brings results that are refused, then right ones.
    Errs,
    Leaves,
}

pub(crate) fn any_case() -> impl Strategy<Value = Case> {
    (any_agent(), vec(any_turn(), 1..4)).prop_map(|(agent, turns)| Case { agent, turns })
}

fn any_agent() -> impl Strategy<Value = AgentCase> {
    let function = (select(vec![Executor::Lambda, Executor::ReturnControl]), any::<bool>());
    let rarely = || prop::bool::weighted(0.2);
    (vec(function, 0..4), any::<bool>(), 0..3_usize, rarely(), rarely(), rarely(), rarely(), rarely()).prop_map(
        |(
            functions,
            asks_user,
            collaborators,
            routes,
            pre_processing,
            post_processing,
            parser,
            teaches_calls_in_text,
        )| AgentCase {
            functions,
            asks_user,
            collaborators,
            routes: routes && collaborators > 0,
            pre_processing,
            post_processing,
            parser,
            teaches_calls_in_text,
        },
    )
}

fn any_turn() -> impl Strategy<Value = TurnCase> {
    let limits =
        (1..7_u32, 0..3_u32, select(vec![8_usize, 64 * 1024])).prop_map(|(iterations_max, reprompts_max, bytes)| {
            TurnLimits { iterations_max, reprompts_max, tool_result_bytes_max: bytes, ..TurnLimits::default() }
        });
    let tool = select(vec![
        Tool::Answers,
        Tool::AnswersMuch,
        Tool::AnswersError,
        Tool::ChangesAttributes,
        Tool::Reprompts,
        Tool::Fails,
        Tool::Breaks,
        Tool::Strays,
    ]);
    let colleague = prop_oneof![
        Just(Colleague::Answers),
        Just(Colleague::AnswersMuch),
        (1..4_usize).prop_map(Colleague::ReturnsControl),
        Just(Colleague::Fails),
    ];
    let caller = select(vec![
        Caller::Does,
        Caller::DoesBackwards,
        Caller::Denies,
        Caller::Reprompts,
        Caller::Fails,
        Caller::Errs,
        Caller::Leaves,
    ]);
    let trouble = (0..12_usize, select(vec![Trouble::Cancelled, Trouble::NextTurn, Trouble::TimeIsUp]));
    let asked = (
        select(vec!["", "Where is A-1?", "<answer>$question$</answer>"]),
        limits,
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.7),
        // From one that never fits to one that always does.
        prop::option::weighted(0.4, 50..4_000_u32),
    );
    let world = (vec(tool, 1..5), vec(colleague, 1..4), vec(select(PARSED.to_vec()), 1..3), vec(0..8_usize, 1..6));
    (asked, vec(any_reply(), 1..8), world, prop::option::weighted(0.4, trouble), vec(caller, 1..4)).prop_map(
        |(
            (input, limits, traced, answer_schema, plays_along, window),
            replies,
            (tools, collaborators, parsers, order),
            trouble,
            callers,
        )| TurnCase {
            input,
            limits,
            traced,
            answer_schema,
            plays_along,
            replies,
            tools,
            collaborators,
            parsers,
            order,
            trouble,
            callers,
            window,
        },
    )
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let arguments = prop_oneof![
        5 => Just(Arguments::Good),
        1 => select(vec![
            Arguments::Missing, Arguments::AText, Arguments::WrongKind, Arguments::AsJsonText, Arguments::ToNobody, Arguments::ToUser,
        ]),
    ];
    let call = (0..8_usize, arguments).prop_map(|(tool, arguments)| Call { tool, arguments });
    prop_oneof![
        3 => select(SAID.to_vec()).prop_map(Reply::Says),
        1 => select(SAID.to_vec()).prop_map(Reply::Thinks),
        4 => vec(call, 1..9).prop_map(Reply::Calls),
        1 => Just(Reply::Empty),
        1 => any::<bool>().prop_map(|passes| Reply::Fails { passes }),
    ]
}

/// What models say instead of, or with, what they should.
const SAID: [&str; 14] = [
    "Done.",
    "<thinking>so</thinking><answer>It is here.</answer>",
    "<thinking>never closed",
    "</answer><<think>",
    "<category>D</category>",
    "<category>A</category>",
    "<a>One</a>",
    "<a>undecidable</a>",
    "<final_response>Last hand.</final_response>",
    "{\"total\": 3}",
    "{\"total\": \"three\"}",
    "<function_calls>\n<invoke>\n<tool_name>g0__f</tool_name>\n<parameters>\n<id>A-1</id>\n</parameters>\n</invoke>\n</function_calls>",
    "<br:payload id=\"p\">long</br:payload> <br:share_payload id=\"p\"/> <br:share_payload id=\"none\"/>",
    "<answer><answer_part><text>It</text><sources><source>s</source></sources></answer_part></answer>",
];

/// What the author's parser answers.
const PARSED: [&str; 9] = [
    "no JSON",
    "{}",
    r#"{"orchestrationParsedResponse": {"responseDetails": {"invocationType": "FINISH", "agentFinalResponse": {"responseText": "Parsed."}}}}"#,
    r#"{"orchestrationParsedResponse": {"responseDetails": {"invocationType": "FINISH", "agentFinalResponse": {"responseText": "{\"total\": 1}"}}}}"#,
    r#"{"orchestrationParsedResponse": {"responseDetails": {"invocationType": "ASK_USER", "agentAskUser": {"responseText": "Which?"}}}}"#,
    r#"{"orchestrationParsedResponse": {"responseDetails": {"invocationType": "ACTION_GROUP", "actionGroupInvocation": {"actionGroupName": "g0", "functionName": "f", "actionGroupInput": {"id": {"value": "A-1"}}}}}}"#,
    r#"{"orchestrationParsedResponse": {"responseDetails": {"invocationType": "AGENT_COLLABORATOR", "agentCollaboratorInvocation": {"agentCollaboratorName": "One", "input": {"text": "Go."}}}}}"#,
    r#"{"orchestrationParsedResponse": {"responseDetails": {"invocationType": "KNOWLEDGE_BASE", "agentKnowledgeBase": {"knowledgeBaseId": "K", "searchQuery": {"value": "q"}}}}}"#,
    r#"{"orchestrationParsedResponse": {"parsingErrorDetails": {"repromptResponse": "Again."}}}"#,
];

const COLLABORATORS: [&str; 2] = ["One", "Two"];

impl AgentCase {
    pub(crate) fn prepare(&self) -> Arc<PreparedAgent> {
        let snapshot = serde_json::from_value(self.snapshot()).unwrap();
        Arc::new(prepare::prepare(&snapshot).unwrap())
    }

    fn snapshot(&self) -> Value {
        let base = |id: usize| {
            json!({
                "agentId": "AGENT00001", "agentVersion": "DRAFT", "actionGroupId": format!("GROUP0000{id}"), "actionGroupName": format!("g{id}"),
                "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "actionGroupState": "ENABLED",
            })
        };
        let with = |mut base: Value, more: Value| {
            base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            base
        };
        let mut groups: Vec<Value> = self
            .functions
            .iter()
            .enumerate()
            .map(|(id, (executor, confirms))| {
                let executor = match executor {
                    Executor::Lambda => json!({"lambda": "arn:aws:lambda:us-east-1:000000000000:function:f"}),
                    Executor::ReturnControl => json!({"customControl": "RETURN_CONTROL"}),
                };
                let function = json!({
                    "name": "f", "requireConfirmation": if *confirms { "ENABLED" } else { "DISABLED" },
                    "parameters": {"id": {"type": "string", "required": true}, "count": {"type": "integer", "required": false}},
                });
                with(base(id), json!({"actionGroupExecutor": executor, "functionSchema": {"functions": [function]}}))
            })
            .collect();
        if self.asks_user {
            groups.push(with(base(9), json!({"parentActionSignature": "AMAZON.UserInput"})));
        }
        let phase = |name: &str, on: bool| {
            on.then(|| json!({"promptType": name, "promptState": "ENABLED", "promptCreationMode": "DEFAULT"}))
        };
        let mut prompts: Vec<Value> =
            [phase("PRE_PROCESSING", self.pre_processing), phase("POST_PROCESSING", self.post_processing)]
                .into_iter()
                .flatten()
                .collect();
        if self.parser || self.teaches_calls_in_text {
            let mut orchestration = phase("ORCHESTRATION", true).unwrap();
            if self.parser {
                orchestration["parserMode"] = "OVERRIDDEN".into();
            }
            if self.teaches_calls_in_text {
                orchestration["promptCreationMode"] = "OVERRIDDEN".into();
                orchestration["basePromptTemplate"] =
                    "Use tools as <function_calls><invoke>. $tools$ $conversation_history$\n\nHuman: $question$ $agent_scratchpad$".into();
            }
            prompts.push(orchestration);
        }
        let mut agent = json!({
            "agentId": "AGENT00001", "agentName": "desk", "agentArn": "arn:aws:bedrock:us-east-1:000000000000:agent/AGENT00001",
            "agentVersion": "DRAFT", "agentStatus": "PREPARED", "instruction": "You are the desk of a small shop, and you help.",
            "foundationModel": "m", "idleSessionTTLInSeconds": 600, "agentResourceRoleArn": "arn:aws:iam::000000000000:role/r",
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
            "promptOverrideConfiguration": {"promptConfigurations": prompts},
        });
        if self.parser {
            agent["promptOverrideConfiguration"]["overrideLambda"] =
                "arn:aws:lambda:us-east-1:000000000000:function:parser".into();
        }
        // As good as a draw of its own: nothing else follows from it.
        if self.asks_user {
            agent["guardrailConfiguration"] = json!({"guardrailIdentifier": "g", "guardrailVersion": "1"});
        }
        let names = &COLLABORATORS[..self.collaborators];
        if !names.is_empty() {
            agent["agentCollaboration"] = if self.routes { "SUPERVISOR_ROUTER" } else { "SUPERVISOR" }.into();
        }
        let collaborators: Vec<Value> = names
            .iter()
            .map(|name| json!({
                "agentId": "AGENT00001", "agentVersion": "DRAFT", "collaboratorId": name, "collaboratorName": name,
                "agentDescriptor": {"aliasArn": format!("arn:aws:bedrock:us-east-1:000000000000:agent-alias/AGENT0{name}/ALIAS00001")},
                "collaborationInstruction": "When asked for.", "createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z",
                "relayConversationHistory": "TO_COLLABORATOR",
            }))
            .collect();
        json!({"agent": agent, "actionGroups": groups, "collaborators": collaborators})
    }
}
