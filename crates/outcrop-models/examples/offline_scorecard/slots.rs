//! Restaurant slots, in the form of RESTAURANTS-8K: `slots/*.json`.
//!
//! Free turns: one function whose parameters may all be left out; spans are compared (F1). Asked turns: one function with
//! one parameter that it needs, a request that says nothing of it, then the user's turn.

use crate::bfcl::side_by_side;
use crate::door::{Door, Function, Reply};
use crate::table::{Point, Table};
use crate::{Failure, Wanted};
use serde_json::{Map, Value, json};
use std::fs;

/// Slots: name of the parameter, and what it is.
const SLOTS: [(&str, &str); 5] = [
    ("people", "The number of people in the party, as the guest says it."),
    ("date", "The day of the booking, as the guest says it."),
    ("time", "The time of the booking, as the guest says it."),
    ("first_name", "The first name of the guest."),
    ("last_name", "The last name of the guest."),
];
const INSTRUCTION: &str = "You take bookings for a restaurant and note what the guests tell you.";

struct Turn {
    id: String,
    text: String,
    asked: Vec<String>,
    labels: Vec<(String, String)>,
}

fn turns(wanted: &Wanted) -> Result<Vec<Turn>, Failure> {
    let folder = wanted.folder.join("slots");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let entries: Vec<Value> = serde_json::from_str(&fs::read_to_string(&file)?)?;
        for (index, entry) in entries.iter().enumerate().step_by(wanted.every) {
            let text = entry["userInput"]["text"].as_str().unwrap_or_default().to_owned();
            let asked = entry["context"]["requestedSlots"].as_array().into_iter().flatten();
            let asked = asked.filter_map(Value::as_str).map(str::to_owned).collect();
            let labels = entry["labels"].as_array().into_iter().flatten().filter_map(|label| {
                // Places in the text are counted in characters.
                let at = |name: &str| label["valueSpan"][name].as_u64().and_then(|at| usize::try_from(at).ok());
                let (from, to) = (at("startIndex").unwrap_or(0), at("endIndex")?);
                let span = text.chars().skip(from).take(to.saturating_sub(from)).collect();
                Some((label["slot"].as_str()?.to_owned(), span))
            });
            let labels = labels.collect();
            all.push(Turn { id: format!("turn-{index}"), asked, labels, text });
        }
    }
    Ok(all)
}

fn function(names: &[&str], required: bool) -> Function {
    let known = SLOTS.iter().filter(|(name, _)| names.contains(name));
    let properties: Map<String, Value> = known
        .map(|(name, description)| ((*name).to_owned(), json!({"type": "string", "description": description})))
        .collect();
    let required: Vec<&str> = if required { names.to_vec() } else { Vec::new() };
    Function {
        name: "note_booking".to_owned(),
        description: "Notes what a guest says about a booking at the restaurant.".to_owned(),
        schema: json!({"type": "object", "properties": properties, "required": required}),
    }
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

pub(crate) fn score(wanted: &Wanted, door: &Door, table: &mut Table) -> Result<(), Failure> {
    let turns = turns(wanted)?;
    free(wanted, door, table, &turns)?;
    asked(wanted, door, table, &turns)
}

/// What a free turn gave: right spans, spans found, spans there are.
struct Spans {
    id: String,
    right: usize,
    found: usize,
    there: usize,
}

fn free(wanted: &Wanted, door: &Door, table: &mut Table, turns: &[Turn]) -> Result<(), Failure> {
    let names: Vec<&str> = SLOTS.iter().map(|(name, _)| *name).collect();
    let agent = door.agent(INSTRUCTION, &[function(&names, false)])?;
    let turns: Vec<&Turn> = turns.iter().filter(|turn| turn.asked.is_empty()).collect();
    let spans = side_by_side(&turns, |turn| {
        let reply = door.session(&agent)?.say(&turn.text)?;
        let Reply::Calls(calls) = reply else {
            if wanted.shows("slots") && !turn.labels.is_empty() {
                println!("--- {}\n  want {:?}\n  got  no call", turn.text, turn.labels);
            }
            return Ok(Spans { id: turn.id.clone(), right: 0, found: 0, there: turn.labels.len() });
        };
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, value) in calls.iter().flat_map(|call| &call.input) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if !found.contains(&(name.clone(), value.clone())) {
                found.push((name.clone(), value));
            }
        }
        let is_right = |(name, value): &&(String, String)| {
            turn.labels.iter().any(|(slot, span)| slot == name && plain(span) == plain(value))
        };
        let right = found.iter().filter(is_right).count();
        if wanted.shows("slots") && (right < found.len() || right < turn.labels.len()) {
            println!("--- {}\n  want {:?}\n  got  {found:?}", turn.text, turn.labels);
        }
        Ok(Spans { id: turn.id.clone(), right, found: found.len(), there: turn.labels.len() })
    })?;
    door.end(&agent)?;
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let points: Vec<Point> = spans
        .iter()
        .map(|one| Point { id: one.id.clone(), got: 2.0 * one.right as f64, of: (one.found + one.there) as f64 })
        .collect();
    table.add("slots", "free turns, F1 of spans", (Some(0.33), Some(0.60)), &points);
    Ok(())
}

fn asked(wanted: &Wanted, door: &Door, table: &mut Table, turns: &[Turn]) -> Result<(), Failure> {
    let mut points = Vec::new();
    let mut asks = Vec::new();
    for (name, _) in SLOTS {
        let agent = door.agent(INSTRUCTION, &[function(&[name], true)])?;
        let wants: Vec<(&Turn, &str)> = turns
            .iter()
            .filter(|turn| turn.asked.iter().any(|asked| asked == name))
            .filter_map(|turn| Some((turn, turn.labels.iter().find(|(slot, _)| slot == name)?.1.as_str())))
            .collect();
        let results = side_by_side(&wants, |(turn, span)| {
            let mut session = door.session(&agent)?;
            let first = session.say("I would like to make a booking, please.")?;
            let asked = matches!(first, Reply::Text(_));
            let got = match session.say(&turn.text)? {
                Reply::Calls(calls) => calls.iter().find_map(|call| call.input.get(name).cloned()),
                Reply::Text(_) => None,
            };
            let got = got.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            let right = got.as_deref().is_some_and(|got| plain(got) == plain(span));
            if wanted.shows("slots") && (!right || !asked) {
                println!("--- asked for {name}: {}\n  want {span}\n  got  {got:?}", turn.text);
            }
            Ok((Point::of(&turn.id, right), Point::of(&turn.id, asked)))
        })?;
        door.end(&agent)?;
        for (right, asked) in results {
            points.push(right);
            asks.push(asked);
        }
    }
    table.add("slots", "asks for what is missing", (Some(1.0), Some(1.0)), &asks);
    table.add("slots", "asked turns, right value", (Some(0.68), Some(0.85)), &points);
    Ok(())
}
