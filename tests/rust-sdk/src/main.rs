//! An agent's life and its invocations by the AWS SDK for Rust, unmodified but for the endpoint, which is the argument.
//! Prints what it saw as one line of JSON.

use aws_credential_types::Credentials;
use aws_sdk_bedrockagent as control;
use aws_sdk_bedrockagent::types as ct;
use aws_sdk_bedrockagentruntime as runtime;
use aws_sdk_bedrockagentruntime::types as rt;
use serde_json::{Value, json};
use std::error::Error;
use std::time::Duration;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let endpoint = std::env::args().nth(1).ok_or("the endpoint is missing")?;
    let http = aws_smithy_http_client::Builder::new().build_http();
    let keys = Credentials::new("test", "test", None, None, "test");
    let control = control::Client::from_conf(
        control::Config::builder()
            .behavior_version(control::config::BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .region(control::config::Region::new("us-west-2"))
            .credentials_provider(keys.clone())
            .http_client(http.clone())
            .build(),
    );
    let runtime = runtime::Client::from_conf(
        runtime::Config::builder()
            .behavior_version(runtime::config::BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .region(runtime::config::Region::new("us-west-2"))
            .credentials_provider(keys)
            .http_client(http)
            .build(),
    );
    println!("{}", life(&control, &runtime).await?);
    Ok(())
}

async fn life(control: &control::Client, runtime: &runtime::Client) -> Outcome<Value> {
    let made = control
        .create_agent()
        .agent_name("from-an-sdk")
        .foundation_model("anthropic.claude-opus-4-7")
        .agent_resource_role_arn("arn:aws:iam::111111111111:role/AgentRole")
        .instruction("You help customers of a small shop with their orders, kindly and quickly.")
        .tags("team", "north")
        .send()
        .await?;
    let made = made.agent().ok_or("no agent")?.clone();
    let id = made.agent_id();
    let draft = settled(control, id).await?;
    let lambda = "arn:aws:lambda:us-west-2:111111111111:function:order-tools".to_owned();
    add_group(control, id, "OrderTools", "get_order_status", ct::ActionGroupExecutor::Lambda(lambda)).await?;
    let returned = ct::ActionGroupExecutor::CustomControl(ct::CustomControlMethod::ReturnControl);
    add_group(control, id, "Approvals", "refund", returned).await?;
    let preparing = control.prepare_agent().agent_id(id).send().await?;
    let prepared = settled(control, id).await?;
    let alias = control.create_agent_alias().agent_id(id).agent_alias_name("PROD").send().await?;
    let alias_id = alias.agent_alias().ok_or("no alias")?.agent_alias_id();
    let alias = loop {
        let got = control.get_agent_alias().agent_id(id).agent_alias_id(alias_id).send().await?;
        let status = got.agent_alias().ok_or("no alias")?.agent_alias_status().as_str().to_owned();
        if !status.ends_with("ING") {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let mut pages = control.list_agents().max_results(1).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        names.extend(page?.agent_summaries().iter().map(|agent| agent.agent_name().to_owned()));
    }
    let tags = control.list_tags_for_resource().resource_arn(made.agent_arn()).send().await?;

    let agent = Agent { runtime, id, alias_id };
    let asked = agent.invoke(Some("Where is my order?"), None).await?;
    let returned = agent.invoke(Some("I want a refund."), None).await?;
    let payload = returned.control.as_ref().ok_or("control was not returned")?;
    let [rt::InvocationInputMember::FunctionInvocationInput(input)] = payload.invocation_inputs() else {
        return Err(format!("unexpected: {payload:?}").into());
    };
    let result = rt::FunctionResult::builder()
        .action_group(input.action_group())
        .set_function(input.function().map(str::to_owned))
        .response_body("TEXT", rt::ContentBody::builder().body("done").build())
        .build()?;
    let state = rt::SessionState::builder()
        .set_invocation_id(payload.invocation_id().map(str::to_owned))
        .return_control_invocation_results(rt::InvocationResultMember::FunctionResult(result))
        .build();
    let resumed = agent.invoke(None, Some(state)).await?;

    let missing = match control.get_agent().agent_id("ABCDEFGHIJ").send().await {
        Err(error) => {
            let status = error.raw_response().map(|response| response.status().as_u16()).unwrap_or_default();
            let found = error.into_service_error().is_resource_not_found_exception();
            format!("{} {status}", if found { "ResourceNotFoundException" } else { "another error" })
        }
        Ok(_) => "no error".to_owned(),
    };
    let invalid =
        match control.get_agent().agent_id("not an id!").send().await.map_err(|error| error.into_service_error()) {
            Err(control::operation::get_agent::GetAgentError::ValidationException(error)) => {
                let fields: Vec<&str> = error.field_list().iter().map(|field| field.name()).collect();
                format!("ValidationException {}", fields.join(","))
            }
            other => format!("{other:?}"),
        };
    let deleting = control.delete_agent().agent_id(id).skip_resource_in_use_check(true).send().await?;
    let left = control.list_agents().send().await?.agent_summaries().len();
    Ok(json!({
        "states": [made.agent_status().as_str(), draft, preparing.agent_status().as_str(), prepared, alias, deleting.agent_status().as_str()],
        "created": made.created_at().secs() > 0,
        "names": names,
        "tags": tags.tags(),
        "asked": [asked.kinds, asked.text],
        "returned": [
            returned.kinds.last(),
            format!("{}.{}", input.action_group(), input.function().unwrap_or_default()),
            input.parameters().iter()
                .map(|each| format!("{}={}", each.name().unwrap_or_default(), each.value().unwrap_or_default()))
                .collect::<Vec<_>>(),
        ],
        "resumed": resumed.text,
        "missing": missing,
        "invalid": invalid,
        "left": left,
    }))
}

async fn settled(control: &control::Client, id: &str) -> Outcome<String> {
    loop {
        let got = control.get_agent().agent_id(id).send().await?;
        let status = got.agent().ok_or("no agent")?.agent_status().as_str().to_owned();
        if !status.ends_with("ING") {
            return Ok(status);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn add_group(
    control: &control::Client,
    id: &str,
    name: &str,
    function: &str,
    executor: ct::ActionGroupExecutor,
) -> Outcome<()> {
    let order = ct::ParameterDetail::builder().r#type(ct::Type::String).required(true).build()?;
    let function = ct::Function::builder()
        .name(function)
        .description(format!("Does {function}."))
        .parameters("order_id", order)
        .build()?;
    control
        .create_agent_action_group()
        .agent_id(id)
        .agent_version("DRAFT")
        .action_group_name(name)
        .action_group_executor(executor)
        .function_schema(ct::FunctionSchema::Functions(vec![function]))
        .send()
        .await?;
    Ok(())
}

struct Agent<'a> {
    runtime: &'a runtime::Client,
    id: &'a str,
    alias_id: &'a str,
}

#[derive(Default)]
struct Turn {
    text: String,
    /// Kinds of events, each once in a row.
    kinds: Vec<&'static str>,
    control: Option<rt::ReturnControlPayload>,
}

impl Agent<'_> {
    async fn invoke(&self, text: Option<&str>, state: Option<rt::SessionState>) -> Outcome<Turn> {
        let mut answer = self
            .runtime
            .invoke_agent()
            .agent_id(self.id)
            .agent_alias_id(self.alias_id)
            .session_id("rust")
            .enable_trace(true)
            .set_input_text(text.map(str::to_owned))
            .set_session_state(state)
            .send()
            .await?;
        let mut turn = Turn::default();
        while let Some(event) = answer.completion.recv().await? {
            let kind = match event {
                rt::ResponseStream::Chunk(chunk) => {
                    let bytes = chunk.bytes().ok_or("a chunk without bytes")?;
                    turn.text += std::str::from_utf8(bytes.as_ref())?;
                    "chunk"
                }
                rt::ResponseStream::ReturnControl(payload) => {
                    turn.control = Some(payload);
                    "returnControl"
                }
                rt::ResponseStream::Trace(_) => "trace",
                _ => "another",
            };
            if turn.kinds.last() != Some(&kind) {
                turn.kinds.push(kind);
            }
        }
        Ok(turn)
    }
}
