//! Support of a shop, in the form of tau2-bench's retail domain: `tau_retail/` with `tau2_retail_{db,tasks}.json` and
//! `tau2_retail_policy.md`, which is the agent's instruction.
//!
//! The user tells the reason of the call, then who they are, then says yes to whatever is asked. Reads are answered from
//! the data, writes only written down.

use crate::bfcl::side_by_side;
use crate::door::{Call, Door, Reply};
use crate::retail_tools;
use crate::table::{Point, Table};
use crate::{Failure, Wanted};
use serde_json::{Value, json};
use std::fs;

/// Most turns of the user.
const TURNS_MAX: usize = 8;
/// Most calls of one conversation.
const CALLS_MAX: usize = 60;

struct Outcome {
    id: String,
    found: bool,
    reads: usize,
    reads_right: usize,
    writes_expected: usize,
    writes: usize,
    writes_right: usize,
}

pub(crate) fn score(wanted: &Wanted, door: &Door, table: &mut Table) -> Result<(), Failure> {
    let folder = wanted.folder.join("tau_retail");
    let read = |name: &str| -> Result<String, Failure> {
        let path = folder.join(name);
        Ok(fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
    };
    let tasks: Vec<Value> = serde_json::from_str(&read("tau2_retail_tasks.json")?)?;
    let data: Value = serde_json::from_str(&read("tau2_retail_db.json")?)?;
    let agent = door.agent(&read("tau2_retail_policy.md")?, &retail_tools::functions())?;
    let tasks: Vec<Value> = tasks.into_iter().step_by(wanted.every).collect();
    let outcomes = side_by_side(&tasks, |task| one(wanted, door, &agent, &data, task))?;
    door.end(&agent)?;
    let found: Vec<Point> = outcomes.iter().map(|one| Point::of(&one.id, one.found)).collect();
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let share = |id: &str, got: usize, of: usize| Point { id: id.to_owned(), got: got as f64, of: of as f64 };
    let reads: Vec<Point> =
        outcomes.iter().filter(|one| one.reads > 0).map(|one| share(&one.id, one.reads_right, one.reads)).collect();
    let harmless: Vec<Point> =
        outcomes.iter().filter(|one| one.writes_expected == 0).map(|one| Point::of(&one.id, one.writes == 0)).collect();
    let unasked: Vec<Point> = outcomes.iter().map(|one| Point::of(&one.id, one.writes == one.writes_right)).collect();
    table.add("retail", "customer found", (Some(0.0), Some(0.70)), &found);
    table.add("retail", "reads right", (Some(0.0), Some(0.40)), &reads);
    table.add("retail", "nothing written that should not be", (Some(0.75), Some(0.90)), &harmless);
    table.add("retail", "every write as expected", (None, None), &unasked);
    Ok(())
}

fn is_write(name: &str) -> bool {
    ["cancel_", "exchange_", "modify_", "return_"].iter().any(|begin| name.starts_with(begin))
}

fn one(
    wanted: &Wanted,
    door: &Door,
    agent: &crate::door::Agent,
    data: &Value,
    task: &Value,
) -> Result<Outcome, Failure> {
    let id = task["id"].as_str().unwrap_or_default().to_owned();
    let told = &task["user_scenario"]["instructions"];
    let mut session = door.session(agent)?;
    let (mut calls, mut said): (Vec<Call>, Vec<String>) = (Vec::new(), Vec::new());
    let mut owner = None;
    for turn in 0..TURNS_MAX {
        let words = match turn {
            0 => told["reason_for_call"].as_str().unwrap_or_default(),
            1 => told["known_info"].as_str().unwrap_or_default(),
            _ => "Yes.",
        };
        said.push(format!("> {words}"));
        let mut reply = session.say(words)?;
        while let Reply::Calls(made) = reply {
            let mut results = Vec::new();
            for call in made {
                let result = answer(data, &call);
                if call.name.starts_with("find_user") {
                    owner = owner.or_else(|| data["users"].get(&result).map(|_| result.clone()));
                }
                said.push(format!("  {} {}", call.name, Value::Object(call.input.clone())));
                calls.push(call.clone());
                results.push((call, result));
            }
            reply = if calls.len() > CALLS_MAX { Reply::Text(String::new()) } else { session.results(&results)? };
        }
        let Reply::Text(text) = reply else { break };
        said.push(format!("< {text}"));
        // Who is asked nothing more has nothing more to say.
        if calls.len() > CALLS_MAX || turn >= 2 && !text.contains('?') {
            break;
        }
    }
    let expected: Vec<(&str, &Value)> = task["evaluation_criteria"]["actions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|action| (action["name"].as_str().unwrap_or_default(), &action["arguments"]))
        .collect();
    let made =
        |(name, arguments): &(&str, &Value)| calls.iter().any(|call| call.name == *name && same(call, arguments));
    let reads: Vec<&(&str, &Value)> = expected.iter().filter(|(name, _)| name.starts_with("get_")).collect();
    let should = user_of(data, told, &expected);
    let writes: Vec<&Call> = calls.iter().filter(|call| is_write(&call.name)).collect();
    let is_expected =
        |call: &&&Call| expected.iter().any(|(name, arguments)| call.name == *name && same(call, arguments));
    let outcome = Outcome {
        id,
        found: owner.is_some() && owner == should,
        reads: reads.len(),
        reads_right: reads.iter().filter(|read| made(read)).count(),
        writes_expected: expected.iter().filter(|(name, _)| is_write(name)).count(),
        writes: writes.len(),
        writes_right: writes.iter().filter(is_expected).count(),
    };
    if wanted.shows("retail") {
        println!(
            "--- {} found {} reads {}/{} writes {} of {}\n{}",
            outcome.id,
            outcome.found,
            outcome.reads_right,
            outcome.reads,
            outcome.writes,
            outcome.writes_expected,
            said.iter().map(|line| line.chars().take(400).collect::<String>()).collect::<Vec<_>>().join("\n")
        );
        for (name, arguments) in &expected {
            println!("  ({name} {arguments})");
        }
    }
    Ok(outcome)
}

/// The user of a task: whom its find calls lead to, whose order it is about, or who stands in what is known.
fn user_of(data: &Value, told: &Value, expected: &[(&str, &Value)]) -> Option<String> {
    let by_order = expected.iter().find_map(|(_, arguments)| {
        let order = arguments["order_id"].as_str()?;
        Some(data["orders"][order]["user_id"].as_str()?.to_owned())
    });
    let by_id = expected.iter().find_map(|(_, arguments)| Some(arguments["user_id"].as_str()?.to_owned()));
    let known = told["known_info"].as_str().unwrap_or_default();
    let by_words = || {
        let users = data["users"].as_object()?;
        let is_named = |user: &Value| {
            let text = |path: &str| user.pointer(path).and_then(Value::as_str).unwrap_or("?");
            known.contains(text("/email"))
                || known.contains(text("/user_id"))
                || known.contains(text("/name/first_name"))
                    && known.contains(text("/name/last_name"))
                    && known.contains(text("/address/zip"))
        };
        users.iter().find(|(_, user)| is_named(user)).map(|(id, _)| id.clone())
    };
    by_order.or(by_id).or_else(by_words)
}

fn same(call: &Call, arguments: &Value) -> bool {
    let Some(arguments) = arguments.as_object() else { return call.input.is_empty() };
    arguments.len() == call.input.len() && arguments.iter().all(|(name, value)| call.input.get(name) == Some(value))
}

/// What the shop answers.
fn answer(data: &Value, call: &Call) -> String {
    let text = |name: &str| call.input.get(name).and_then(Value::as_str).unwrap_or_default();
    let shown =
        |found: Option<&Value>, what: &str| found.map_or_else(|| format!("Error: {what} not found"), Value::to_string);
    let users = || data["users"].as_object().into_iter().flatten();
    match call.name.as_str() {
        "find_user_id_by_email" => {
            let found = users()
                .find(|(_, user)| user["email"].as_str().is_some_and(|one| one.eq_ignore_ascii_case(text("email"))));
            found.map_or_else(|| "Error: User not found".to_owned(), |(id, _)| id.clone())
        }
        "find_user_id_by_name_zip" => {
            let is = |value: &Value, other: &str| value.as_str().is_some_and(|one| one.eq_ignore_ascii_case(other));
            let found = users().find(|(_, user)| {
                is(&user["name"]["first_name"], text("first_name"))
                    && is(&user["name"]["last_name"], text("last_name"))
                    && is(&user["address"]["zip"], text("zip"))
            });
            found.map_or_else(|| "Error: User not found".to_owned(), |(id, _)| id.clone())
        }
        "get_user_details" => shown(data["users"].get(text("user_id")), "User"),
        "get_order_details" => shown(data["orders"].get(text("order_id")), "Order"),
        "get_product_details" => shown(data["products"].get(text("product_id")), "Product"),
        "get_item_details" => {
            let variants =
                data["products"].as_object().into_iter().flatten().filter_map(|(_, one)| one["variants"].as_object());
            shown(variants.flatten().find(|(id, _)| *id == text("item_id")).map(|(_, item)| item), "Item")
        }
        "list_all_product_types" => {
            let products = data["products"].as_object().into_iter().flatten();
            let all: serde_json::Map<String, Value> =
                products.map(|(id, one)| (one["name"].as_str().unwrap_or_default().to_owned(), json!(id))).collect();
            Value::Object(all).to_string()
        }
        "transfer_to_human_agents" => "Transfer successful".to_owned(),
        name if is_write(name) => match data["orders"].get(text("order_id")) {
            Some(order) => order.to_string(),
            None => shown(data["users"].get(text("user_id")), "Order"),
        },
        _ => "Error: unknown tool".to_owned(),
    }
}
