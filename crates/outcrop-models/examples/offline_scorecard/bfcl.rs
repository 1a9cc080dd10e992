//! Function-calling sets in the form of the Berkeley leaderboard: `bfcl/bfcl_<set>.jsonl` with `bfcl_<set>.ans.jsonl`.
//!
//! One agent an entry; every returned call is answered with "ok" until a text comes, or as many rounds as there are
//! expected calls. A call is right when the name is equal and every argument is in its list of possible values.

use crate::door::{Call, Door, Function, Reply};
use crate::table::{Point, Table};
use crate::{Failure, Wanted};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The sets, as their files name them.
pub(crate) const SETS: [&str; 5] = ["simple_python", "multiple", "parallel", "parallel_multiple", "irrelevance"];
/// Conversations that go on side by side.
const WORKERS: usize = 4;
const INSTRUCTION: &str = "You are an assistant that answers questions with the help of your functions.";

fn lines(path: &Path) -> Result<Vec<Value>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// What became of one entry.
struct Outcome {
    id: String,
    called: bool,
    first_right: bool,
    whole: bool,
}

pub(crate) fn score(wanted: &Wanted, set: &str, door: &Door, table: &mut Table) -> Result<(), Failure> {
    let folder = wanted.folder.join("bfcl");
    let entries = lines(&folder.join(format!("bfcl_{set}.jsonl")))?;
    let is_irrelevance = set == "irrelevance";
    let answers = if is_irrelevance { Vec::new() } else { lines(&folder.join(format!("bfcl_{set}.ans.jsonl")))? };
    let pairs: Vec<(&Value, Option<&Value>)> =
        entries.iter().enumerate().step_by(wanted.every).map(|(at, entry)| (entry, answers.get(at))).collect();
    let outcomes = side_by_side(&pairs, |(entry, answer)| one(door, entry, *answer, wanted.shows(set)))?;
    let points = |right: &dyn Fn(&Outcome) -> bool| {
        outcomes.iter().map(|outcome| Point::of(&outcome.id, right(outcome))).collect::<Vec<_>>()
    };
    if is_irrelevance {
        table.add(set, "no call", (Some(0.88), Some(0.80)), &points(&|outcome| !outcome.called));
        return Ok(());
    }
    let (floor, goal) = match set {
        "simple_python" => (Some(0.32), Some(0.50)),
        "multiple" => (Some(0.36), Some(0.55)),
        "parallel" => (Some(0.0), Some(0.35)),
        _ => (None, Some(0.25)),
    };
    let called: Vec<Point> = outcomes
        .iter()
        .filter(|outcome| outcome.called)
        .map(|outcome| Point::of(&outcome.id, outcome.first_right))
        .collect();
    let right_called = if set == "multiple" { (Some(0.99), Some(0.96)) } else { (None, None) };
    table.add(set, "called", (None, None), &points(&|outcome| outcome.called));
    table.add(set, "right tool when called", right_called, &called);
    table.add(set, "whole call right", (floor, goal), &points(&|outcome| outcome.whole));
    Ok(())
}

/// How many tools an agent has when the speed is measured.
const MANY_TOOLS: usize = 40;
/// Steps that are measured.
const STEPS: usize = 300;

/// Milliseconds of a step with many tools, the mean and the slowest of a hundred: the planner alone, one step after another.
pub(crate) fn speed(wanted: &Wanted) -> Result<(f64, f64), Failure> {
    let entries = lines(&wanted.folder.join("bfcl").join("bfcl_multiple.jsonl"))?;
    let mut functions: Vec<Function> = Vec::new();
    for function in entries.iter().flat_map(|entry| entry["function"].as_array().into_iter().flatten()).map(function) {
        if functions.len() < MANY_TOOLS && functions.iter().all(|known| known.name != function.name) {
            functions.push(function);
        }
    }
    let agent = Door::Direct.agent(INSTRUCTION, &functions)?;
    let mut times: Vec<f64> = Vec::new();
    for entry in entries.iter().cycle().take(STEPS) {
        let question = entry["question"][0][0]["content"].as_str().unwrap_or_default();
        let mut session = Door::Direct.session(&agent)?;
        let began = Instant::now();
        session.say(question)?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "a few hundred steps")]
    let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
    Ok((mean, times.get(times.len().saturating_sub(times.len() / 100 + 1)).copied().unwrap_or_default()))
}

/// Works on all items with a few threads; results in the order of the items.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, Failure> + Sync,
) -> Result<Vec<R>, Failure> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<R, Failure>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(item);
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn one(door: &Door, entry: &Value, answer: Option<&Value>, show: bool) -> Result<Outcome, Failure> {
    let functions: Vec<Function> = entry["function"].as_array().into_iter().flatten().map(function).collect();
    let question = entry["question"][0]
        .as_array()
        .and_then(|turn| turn.last())
        .map_or("", |message| message["content"].as_str().unwrap_or_default());
    let expected = answer.and_then(|answer| answer["ground_truth"].as_array().cloned()).unwrap_or_default();
    let agent = door.agent(INSTRUCTION, &functions)?;
    let mut session = door.session(&agent)?;
    let mut calls: Vec<Call> = Vec::new();
    let mut said = String::new();
    let mut reply = session.say(question)?;
    for round in 0..expected.len().max(1) {
        match reply {
            Reply::Text(text) => {
                said = text;
                break;
            }
            Reply::Calls(made) => {
                calls.extend(made.iter().cloned());
                if round + 1 >= expected.len().max(1) {
                    break;
                }
                let results: Vec<(Call, String)> = made.into_iter().map(|call| (call, "ok".to_owned())).collect();
                reply = session.results(&results)?;
            }
        }
    }
    door.end(&agent)?;
    let whole = !expected.is_empty() && calls.len() == expected.len() && all_match(&calls, &expected);
    if show && !whole && !(expected.is_empty() && calls.is_empty()) {
        let got: Vec<String> =
            calls.iter().map(|call| format!("{} {}", call.name, Value::Object(call.input.clone()))).collect();
        println!(
            "--- {} {question}\n  want {}\n  got  {} {said}",
            entry["id"].as_str().unwrap_or_default(),
            json!(expected),
            got.join(" | ")
        );
    }
    Ok(Outcome {
        id: entry["id"].as_str().unwrap_or_default().to_owned(),
        called: !calls.is_empty(),
        first_right: calls.first().is_some_and(|call| expected.iter().any(|want| name_of(want) == call.name)),
        whole,
    })
}

/// Dots are no letters of a function's name.
fn plain_name(name: &str) -> String {
    name.replace('.', "_")
}

fn function(value: &Value) -> Function {
    Function {
        name: plain_name(value["name"].as_str().unwrap_or_default()),
        description: value["description"].as_str().unwrap_or_default().to_owned(),
        schema: schema(&value["parameters"]),
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

fn name_of(want: &Value) -> String {
    plain_name(want.as_object().and_then(|object| object.keys().next()).map_or("", String::as_str))
}

/// Whether every call has an expected one of its own.
fn all_match(calls: &[Call], expected: &[Value]) -> bool {
    let mut taken = vec![false; expected.len()];
    calls.iter().all(|call| {
        let found = expected.iter().enumerate().position(|(index, want)| !taken[index] && matches(call, want));
        found.map(|index| taken[index] = true).is_some()
    })
}

fn matches(call: &Call, want: &Value) -> bool {
    let Some((_, parameters)) = want.as_object().and_then(|object| object.iter().next()) else { return false };
    let Some(parameters) = parameters.as_object() else { return false };
    name_of(want) == call.name
        && call.input.iter().all(|(name, value)| {
            let allowed = parameters.get(name).and_then(Value::as_array);
            allowed.is_some_and(|allowed| allowed.iter().any(|one| equal(value, one)))
        })
        && parameters.iter().all(|(name, allowed)| {
            call.input.contains_key(name) || allowed.as_array().is_some_and(|allowed| allowed.contains(&json!("")))
        })
}

/// Equal values; texts without punctuation and case, and each read as the type of the expected one.
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
        (Value::String(text), Value::Bool(truth)) => text.parse() == Ok(*truth),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.keys().all(|name| other.contains_key(name))
                && other.iter().all(|(name, allowed)| match one.get(name) {
                    Some(value) => {
                        allowed.as_array().is_some_and(|allowed| allowed.iter().any(|one| equal(value, one)))
                            || equal(value, allowed)
                    }
                    None => allowed.as_array().is_some_and(|allowed| allowed.contains(&json!(""))),
                })
        }
        _ => one == other,
    }
}
