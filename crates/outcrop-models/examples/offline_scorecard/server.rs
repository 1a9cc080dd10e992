//! A running server as any client sees it: agents are made, prepared and called over HTTP.

use crate::Failure;
use crate::door::{Call, Function, Reply};
use bytes::Bytes;
use outcrop_http::{HttpClient, HttpLimits};
use outcrop_wire::event_stream::Decoder;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LIMITS: HttpLimits = HttpLimits {
    total_timeout: Duration::from_secs(60),
    idle_timeout: Duration::from_secs(60),
    response_bytes_max: 16 * 1024 * 1024,
};
/// The alias of every agent's draft.
const ALIAS: &str = "TSTALIASID";
const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";

/// A server and the way to it.
pub(crate) struct Server {
    url: String,
    http: HttpClient,
    runtime: tokio::runtime::Runtime,
    count: AtomicUsize,
}

/// A conversation with an agent of a server.
pub(crate) struct ServerSession<'a> {
    server: &'a Server,
    agent: &'a str,
    functions: &'a [Function],
    id: String,
    invocation: String,
}

impl Server {
    /// Needs a runtime of its own, as everything else here waits.
    pub(crate) fn new(url: &str) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            http: HttpClient::new(),
            runtime,
            count: AtomicUsize::new(0),
        })
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Bytes, Failure> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .body(Bytes::from(text))?;
        let answer = self.runtime.block_on(self.http.send(request, LIMITS))?;
        if !answer.status.is_success() {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(format!("{method} {path}: {} {said}", answer.status).into());
        }
        Ok(answer.body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let bytes = self.send(method, path, body)?;
        if bytes.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&bytes)?) }
    }

    /// Creates an agent with one action group whose calls come back to the caller, and prepares it.
    pub(crate) fn deploy(&self, group: &str, instruction: &str, functions: &[Function]) -> Result<String, Failure> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let agent = json!({"agentName": format!("scored-{}-{count}", std::process::id()), "foundationModel": MODEL,
            "instruction": instruction, "agentResourceRoleArn": "arn:aws:iam::111111111111:role/Agent"});
        let made = self.ask("PUT", "/agents/", &agent)?;
        let id = made["agent"]["agentId"].as_str().ok_or("no agentId")?.to_owned();
        let schemas = if functions.iter().any(Function::is_nested) {
            json!({"apiSchema": {"payload": document(functions).to_string()}})
        } else {
            json!({"functionSchema": {"functions": functions.iter().map(function_schema).collect::<Vec<_>>()}})
        };
        let mut action_group =
            json!({"actionGroupName": group, "actionGroupExecutor": {"customControl": "RETURN_CONTROL"}});
        if let (Some(group), Value::Object(schemas)) = (action_group.as_object_mut(), schemas) {
            group.extend(schemas);
        }
        self.ask("PUT", &format!("/agents/{id}/agentversions/DRAFT/actiongroups/"), &action_group)?;
        self.ask("POST", &format!("/agents/{id}/"), &Value::Null)?;
        // Prepared when the answer is there, or soon after.
        for _ in 0..200 {
            let status = self.ask("GET", &format!("/agents/{id}/"), &Value::Null)?["agent"]["agentStatus"].clone();
            match status.as_str() {
                Some("PREPARED") => return Ok(id),
                Some("FAILED") => return Err(format!("agent {id} cannot be prepared").into()),
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Err(format!("agent {id} does not get prepared").into())
    }

    pub(crate) fn delete(&self, agent: &str) -> Result<(), Failure> {
        self.send("DELETE", &format!("/agents/{agent}/?skipResourceInUseCheck=true"), &Value::Null).map(|_| ())
    }

    pub(crate) fn session<'a>(&'a self, agent: &'a str, functions: &'a [Function]) -> ServerSession<'a> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let id = format!("scored-{}-{count}", std::process::id());
        ServerSession { server: self, agent, functions, id, invocation: String::new() }
    }
}

fn function_schema(function: &Function) -> Value {
    let parameters: Map<String, Value> = function
        .properties()
        .map(|(name, property)| {
            let shape = json!({"type": property["type"], "description": property["description"],
                "required": function.requires(name)});
            (name.clone(), shape)
        })
        .collect();
    json!({"name": function.name, "description": function.description, "parameters": parameters})
}

/// Where a parameter is nested: one operation a function, its parameters in the body.
fn document(functions: &[Function]) -> Value {
    let paths: Map<String, Value> = functions
        .iter()
        .map(|function| {
            let operation = json!({"post": {"operationId": function.name, "description": function.description,
                "requestBody": {"required": true, "content": {"application/json": {"schema": function.schema}}},
                "responses": {"200": {"description": "The result.",
                    "content": {"application/json": {"schema": {"type": "object"}}}}}}});
            (format!("/{}", function.name), operation)
        })
        .collect();
    json!({"openapi": "3.0.0", "info": {"title": "Tools", "version": "1"}, "paths": paths})
}

impl ServerSession<'_> {
    /// The user says something.
    pub(crate) fn say(&mut self, text: &str) -> Result<Reply, Failure> {
        self.invoke(&json!({"inputText": text}))
    }

    /// Results of the calls that came back last.
    pub(crate) fn results(&mut self, results: &[(Call, String)]) -> Result<Reply, Failure> {
        let results: Vec<Value> = results
            .iter()
            .map(|(call, text)| {
                let input = &call.token;
                if let Some(function) = input.get("functionInvocationInput") {
                    json!({"functionResult": {"actionGroup": function["actionGroup"], "function": function["function"],
                        "responseBody": {"TEXT": {"body": text}}}})
                } else {
                    let api = &input["apiInvocationInput"];
                    json!({"apiResult": {"actionGroup": api["actionGroup"], "apiPath": api["apiPath"],
                        "httpMethod": api["httpMethod"], "httpStatusCode": 200,
                        "responseBody": {"application/json": {"body": text}}}})
                }
            })
            .collect();
        self.invoke(
            &json!({"sessionState": {"invocationId": self.invocation, "returnControlInvocationResults": results}}),
        )
    }

    fn invoke(&mut self, body: &Value) -> Result<Reply, Failure> {
        let path = format!("/agents/{}/agentAliases/{ALIAS}/sessions/{}/text", self.agent, self.id);
        let stream = self.server.send("POST", &path, body)?;
        let mut decoder = Decoder::default();
        decoder.push(&stream);
        let (mut text, mut calls) = (String::new(), Vec::new());
        while let Some(message) = decoder.next_message()? {
            let payload: Value = serde_json::from_slice(&message.payload)?;
            match message.header(":event-type") {
                Some("chunk") => text.push_str(&decoded(payload["bytes"].as_str().unwrap_or_default())?),
                Some("returnControl") => {
                    self.invocation = payload["invocationId"].as_str().unwrap_or_default().to_owned();
                    let inputs = payload["invocationInputs"].as_array().into_iter().flatten();
                    calls.extend(inputs.map(|input| self.call(input)));
                }
                Some(_) => {}
                None => return Err(format!("{path}: {payload}").into()),
            }
        }
        Ok(if calls.is_empty() { Reply::Text(text) } else { Reply::Calls(calls) })
    }

    fn call(&self, input: &Value) -> Call {
        let function = &input["functionInvocationInput"];
        let api = &input["apiInvocationInput"];
        let name = if function.is_object() {
            function["function"].as_str().unwrap_or_default().to_owned()
        } else {
            api["apiPath"].as_str().unwrap_or_default().trim_start_matches('/').to_owned()
        };
        let declared = self.functions.iter().find(|one| one.name == name);
        let body = api.pointer("/requestBody/content/application~1json/properties");
        let parameters = [Some(&function["parameters"]), Some(&api["parameters"]), body];
        let input_of = |parameter: &Value| {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            let kind = declared.and_then(|one| one.schema["properties"][&name]["type"].as_str()).unwrap_or("string");
            let value = value(kind, parameter["value"].as_str().unwrap_or_default());
            (name, value)
        };
        let all = parameters.into_iter().flatten().filter_map(Value::as_array).flatten().map(input_of).collect();
        Call { name, input: all, token: input.clone() }
    }
}

/// A value as it comes, in words, in the declared type.
fn value(kind: &str, text: &str) -> Value {
    match kind {
        "string" => Value::from(text),
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}

fn decoded(base64: &str) -> Result<String, Failure> {
    use base64::Engine as _;
    Ok(String::from_utf8(base64::engine::general_purpose::STANDARD.decode(base64)?)?)
}
