//! Scores the offline planner on function-calling sets in the form of the Berkeley leaderboard.
//!
//! `cargo run -p outcrop-models --example bfcl -- FOLDER [--rich] [--show SET]`: the folder holds `bfcl_<set>.jsonl`
//! and `bfcl_<set>.ans.jsonl`. Without `--rich` a schema keeps type, description and required only, as function schemas
//! of action groups do; nested ones stay whole, as OpenAPI documents would give them. `--show` prints the misses.

#![expect(clippy::print_stdout, reason = "a report is what it is for")]

use outcrop_models::offline::OfflinePlanner;
use outcrop_ports::{
    ContentBlock, InferenceConfig, Message, ModelRequest, Role, ToolChoice, ToolResult, ToolResultContent,
    ToolResultStatus, ToolSpec, ToolUse,
};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = arguments.first().ok_or("which folder?")?;
    let rich = arguments.iter().any(|argument| argument == "--rich");
    let show = arguments.iter().position(|argument| argument == "--show").and_then(|at| arguments.get(at + 1));
    for set in ["simple_python", "multiple", "parallel", "parallel_multiple", "irrelevance"] {
        score(Path::new(folder), set, rich, show.is_some_and(|shown| shown == set))?;
    }
    Ok(())
}

fn lines(path: &Path) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn score(folder: &Path, set: &str, rich: bool, show: bool) -> Result<(), Box<dyn std::error::Error>> {
    let entries = lines(&folder.join(format!("bfcl_{set}.jsonl")))?;
    let answers = lines(&folder.join(format!("bfcl_{set}.ans.jsonl"))).unwrap_or_default();
    let (mut first_right, mut called, mut whole, mut called_right) = (0, 0, 0, 0);
    let began = std::time::Instant::now();
    for (index, entry) in entries.iter().enumerate() {
        let tools: Vec<ToolSpec> =
            entry["function"].as_array().into_iter().flatten().map(|function| spec(function, rich)).collect();
        let question = entry["question"][0]
            .as_array()
            .and_then(|turn| turn.last())
            .map_or("", |message| message["content"].as_str().unwrap_or_default());
        let expected: Vec<Value> = answers
            .get(index)
            .map(|answer| answer["ground_truth"].as_array().cloned().unwrap_or_default())
            .unwrap_or_default();
        let (calls, said) = run(&tools, question, expected.len().max(1));
        let name = |value: &Value| {
            value.as_object().and_then(|object| object.keys().next().cloned()).unwrap_or_default().replace('.', "_")
        };
        called += usize::from(!calls.is_empty());
        let right_name = calls.first().is_some_and(|call| expected.iter().any(|want| name(want) == call.name));
        first_right += usize::from(right_name);
        let all = calls.len() == expected.len() && matches(&calls, &expected);
        whole += usize::from(all && !expected.is_empty());
        called_right += usize::from(right_name);
        if show && (!all || expected.is_empty() && !calls.is_empty()) {
            println!(
                "--- {index} {question}\n  want {}\n  got  {}",
                json!(expected),
                calls.iter().map(|call| format!("{} {}", call.name, call.input)).collect::<Vec<_>>().join(" | ")
            );
            if calls.is_empty() {
                println!("  said {said}");
            }
        }
    }
    let share = |count: usize, of: usize| if of == 0 { 0.0 } else { count as f64 / of as f64 };
    let count = entries.len();
    println!(
        "{set:18} n {count:4}  tool {:.3}  called {:.3}  right when called {:.3}  whole {:.3}  no call {:.3}  {:.2} ms each",
        share(first_right, count),
        share(called, count),
        share(called_right, called),
        share(whole, count),
        1.0 - share(called, count),
        began.elapsed().as_secs_f64() * 1e3 / count.max(1) as f64
    );
    Ok(())
}

fn spec(function: &Value, rich: bool) -> ToolSpec {
    let parameters = &function["parameters"];
    let nested = parameters["properties"]
        .as_object()
        .is_some_and(|all| all.values().any(|one| matches!(one["type"].as_str(), Some("dict" | "any"))));
    let mut input_schema = schema(parameters);
    if !rich
        && !nested
        && let Some(properties) = input_schema["properties"].as_object_mut()
    {
        for property in properties.values_mut() {
            *property = json!({"type": property["type"], "description": property["description"]});
        }
    }
    ToolSpec {
        name: function["name"].as_str().unwrap_or_default().replace('.', "_"),
        description: function["description"].as_str().unwrap_or_default().to_owned(),
        input_schema,
    }
}

/// Python's names of types to JSON Schema's.
fn schema(value: &Value) -> Value {
    let Some(object) = value.as_object() else { return value.clone() };
    let mut out = Map::new();
    for (name, member) in object {
        let member = match (name.as_str(), member) {
            ("type", Value::String(kind)) => json!(match kind.as_str() {
                "dict" => "object",
                "float" => "number",
                "tuple" => "array",
                "any" => "string",
                other => other,
            }),
            ("properties", Value::Object(properties)) => {
                properties.iter().map(|(name, property)| (name.clone(), schema(property))).collect()
            }
            ("items", _) => schema(member),
            _ => member.clone(),
        };
        out.insert(name.clone(), member);
    }
    Value::Object(out)
}

fn run(tools: &[ToolSpec], question: &str, rounds: usize) -> (Vec<ToolUse>, String) {
    let mut messages = vec![Arc::new(Message::user(question))];
    let mut calls = Vec::new();
    for _ in 0..rounds {
        let request = ModelRequest {
            model_id: "offline".into(),
            system: vec!["You help with the tools you have.".into()],
            messages: messages.clone(),
            tools: tools.to_vec().into(),
            tool_choice: ToolChoice::Auto,
            inference: InferenceConfig::default(),
            additional_fields: None,
            caching: outcrop_ports::Caching::Automatic,
        };
        let reply = OfflinePlanner.reply(&request);
        let uses: Vec<ToolUse> = reply.message.tool_uses().cloned().collect();
        if uses.is_empty() {
            return (calls, reply.message.text());
        }
        let results = uses.iter().map(|tool_use| {
            let content = vec![ToolResultContent::Text("ok".into())];
            ContentBlock::ToolResult(ToolResult {
                tool_use_id: tool_use.tool_use_id.clone(),
                content,
                status: ToolResultStatus::Success,
            })
        });
        messages.push(Arc::new(reply.message.clone()));
        messages.push(Arc::new(Message { role: Role::User, content: results.collect() }));
        calls.extend(uses);
    }
    (calls, String::new())
}

/// Every call has its own expected one.
fn matches(calls: &[ToolUse], expected: &[Value]) -> bool {
    let mut taken = vec![false; expected.len()];
    calls.iter().all(|call| {
        let found = expected.iter().enumerate().position(|(index, want)| !taken[index] && call_matches(call, want));
        found.map(|index| taken[index] = true).is_some()
    })
}

fn call_matches(call: &ToolUse, want: &Value) -> bool {
    let Some((name, parameters)) = want.as_object().and_then(|object| object.iter().next()) else { return false };
    let empty = Map::new();
    let input = call.input.as_object().unwrap_or(&empty);
    let Some(parameters) = parameters.as_object() else { return false };
    name.replace('.', "_") == call.name
        && input.iter().all(|(name, value)| {
            parameters
                .get(name)
                .and_then(Value::as_array)
                .is_some_and(|allowed| allowed.iter().any(|one| equal(value, one)))
        })
        && parameters.iter().all(|(name, allowed)| {
            input.contains_key(name) || allowed.as_array().is_some_and(|allowed| allowed.contains(&json!("")))
        })
}

fn equal(one: &Value, other: &Value) -> bool {
    let plain =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    match (one, other) {
        (Value::String(one), Value::String(other)) => plain(one) == plain(other),
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| (one - other).abs() < 1e-9)
        }
        (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text)) => {
            text.parse().ok() == number.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => other.iter().all(|(name, allowed)| match one.get(name) {
            Some(value) => {
                allowed.as_array().is_some_and(|allowed| allowed.iter().any(|one| equal(value, one)))
                    || equal(value, allowed)
            }
            None => allowed.as_array().is_some_and(|allowed| allowed.contains(&json!(""))),
        }),
        _ => one == other,
    }
}
