//! What is known besides the user's words of now: session attributes, earlier words, arguments and results of calls.

use super::bounds::Bound;
use super::dates::Day;
use super::entities::{Entity, Kind, entities};
use super::talk::Exchange;
use super::tool::{Parameter, Type};
use super::words::{name_stems, same, words};
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// Where a fact is from that a call brought.
pub(super) const RESULT: &str = "an earlier result";
/// Most facts kept.
const FACTS_MAX: usize = 2_000;
/// Most things of a list that are kept.
const ITEMS_MAX: usize = 500;
/// Longest ID that a tool answers with alone, in bytes.
const FOUND_BYTES_MAX: usize = 80;
/// Most lists that are kept.
const LISTS_MAX: usize = 50;
/// Deepest nesting of results that is read for facts.
const DEPTH_MAX: usize = 4;

/// Everything known, least sure first.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    facts: Vec<Fact>,
    /// Lists of things in results, the latest last.
    lists: Vec<Vec<Value>>,
    /// Results that map names to IDs.
    named: Vec<(String, Value)>,
    today: Option<Day>,
    /// Where the facts begin that what is being worked on has brought.
    latest: usize,
}

#[derive(Clone, Debug)]
struct Fact {
    key: Vec<String>,
    value: Value,
    from: &'static str,
    /// The id of a text; its key is the word before it.
    id: Option<Entity>,
}

static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*([A-Za-z_][A-Za-z0-9_.-]{0,80})\s*:\s+(\S.{0,2000})$")
        .expect("the pattern is written here and tested")
});

/// Whether an object maps many names of things to IDs: `{"Desk Lamp": "7", "Tea Pot": "8", …}`.
fn maps_names(object: &serde_json::Map<String, Value>) -> bool {
    let is_name = |name: &str| name.starts_with(char::is_uppercase);
    let is_id =
        |id: &Value| id.as_str().is_some_and(|id| id.contains(|c: char| c.is_ascii_digit()) && !id.contains(' '));
    object.len() >= 4 && object.iter().all(|(name, id)| is_name(name) && is_id(id))
}

/// Whether words speak of a thing by its name: they say its last word, and half of all.
fn is_spoken_of(name: &str, said: &[String]) -> bool {
    let own: Vec<String> = words(name).into_iter().map(|word| word.stem).collect();
    let is_said = |stem: &String| said.iter().any(|one| same(one, stem));
    let joined = || said.contains(&super::words::stem(&own.concat()));
    let Some(last) = own.last() else { return false };
    is_said(last) && own.iter().filter(|stem| is_said(stem)).count() * 2 >= own.len() || own.len() > 1 && joined()
}

impl Facts {
    /// Gathers what the system prompt and the exchanges know.
    pub(super) fn new(system: &[String], exchanges: &[Exchange]) -> Self {
        let mut facts = Self::default();
        // An answer to a question goes on with what was asked for before it.
        let mut begun = exchanges.len().saturating_sub(1);
        while begun > 0 && exchanges[begun - 1].asked() {
            begun -= 1;
        }
        for (index, exchange) in exchanges.iter().enumerate() {
            if index == begun {
                facts.latest = facts.facts.len();
            }
            facts.add_text(&exchange.user);
            // What is being worked on was taken from words and results; those say where it came from.
            let is_over = index + 1 < exchanges.len();
            for call in &exchange.calls {
                for (name, value) in call.input.iter().filter(|(_, value)| is_over && !value.is_array()) {
                    facts.add(name, value, "the conversation", 0);
                }
                let Some(outcome) = call.outcome.as_ref().filter(|outcome| !outcome.failed) else { continue };
                match &outcome.json {
                    Some(json) => facts.add_object(json, RESULT, 0),
                    None => facts.add_found(&call.name, outcome.text.trim()),
                }
            }
        }
        for (index, block) in system.iter().enumerate() {
            for line in block.lines() {
                let Some(found) = ATTRIBUTE.captures(line) else { continue };
                let (name, value) = (&found[1], found[2].trim());
                // An instruction has lines such as "Tone: friendly", too; attributes of the session come in later blocks.
                let is_identifier = name.contains('_') || name.chars().skip(1).any(char::is_uppercase);
                if index == 0 && !is_identifier {
                    continue;
                }
                if matches!(name_stems(name).last().map(String::as_str), Some("dat" | "today" | "date" | "now"))
                    && facts.today.is_none()
                {
                    facts.today = Day::iso(value);
                }
                facts.add(name, &Value::String(value.to_owned()), "the session", 0);
            }
        }
        facts
    }

    /// The day it is, when the session says so.
    pub(super) fn today(&self) -> Option<Day> {
        self.today
    }

    /// The surest known value of a parameter, and where it is from.
    pub(super) fn find(&self, parameter: &Parameter) -> Option<(Value, &'static str)> {
        let fits = |fact: &&Fact| match &fact.id {
            Some(id) => {
                parameter.is_id()
                    && parameter
                        .fits_example(id)
                        .unwrap_or_else(|| fact.key.iter().any(|stem| stem != "id" && parameter.stems.contains(stem)))
            }
            None => {
                let short = parameter.is_id()
                    && fact.key.len() + 1 == parameter.stems.len()
                    && parameter.stems.starts_with(&fact.key);
                let shaped = fact
                    .value
                    .as_str()
                    .and_then(|text| entities(text).into_iter().next())
                    .and_then(|id| parameter.fits_example(&id));
                fact.key == parameter.stems || (short && shaped == Some(true))
            }
        };
        let wants_list = matches!(parameter.kind, Type::Array(_));
        let found = self.facts.iter().rev().filter(|fact| fact.value.is_array() == wants_list).find(fits);
        let found = found.map(|fact| (fact.value.clone(), fact.from));
        found.or_else(|| {
            let values = if wants_list { self.column(parameter, &[], "") } else { Vec::new() };
            (!values.is_empty()).then(|| (Value::Array(values), RESULT))
        })
    }

    /// The values that a list of an earlier result has for a parameter, one for each thing that keeps the limits.
    pub(super) fn column(&self, parameter: &Parameter, bounds: &[Bound], text: &str) -> Vec<Value> {
        let value_of = |item: &Value| {
            let (_, value) = item.as_object()?.iter().find(|(name, _)| name_stems(name) == parameter.stems)?;
            (value.is_string() || value.is_number()).then(|| value.clone())
        };
        let Some(items) = self.lists.iter().rev().find(|items| items.iter().any(|item| value_of(item).is_some()))
        else {
            return Vec::new();
        };
        let mut kept = items.clone();
        for bound in bounds {
            kept = bound.kept(&kept, text).unwrap_or(kept);
        }
        kept.iter().filter_map(value_of).collect()
    }

    fn add(&mut self, name: &str, value: &Value, from: &'static str, depth: usize) {
        if self.facts.len() >= FACTS_MAX || depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::Object(_) => self.add_object(value, from, depth + 1),
            Value::Array(items) => {
                if !items.is_empty() && items.len() <= ITEMS_MAX {
                    self.facts.push(Fact { key: name_stems(name), value: value.clone(), from, id: None });
                }
                self.add_object(value, from, depth + 1);
            }
            Value::Null => {}
            _ => self.facts.push(Fact { key: name_stems(name), value: value.clone(), from, id: None }),
        }
    }

    /// A list of several things says nothing about which of them is meant.
    fn add_object(&mut self, value: &Value, from: &'static str, depth: usize) {
        if let Value::Array(items) = value
            && self.lists.len() < LISTS_MAX
            && items.iter().any(Value::is_object)
        {
            self.lists.push(items.iter().take(ITEMS_MAX).cloned().collect());
        }
        match value {
            Value::Object(object) if depth == 0 && maps_names(object) => {
                self.named = object.iter().map(|(name, id)| (name.clone(), id.clone())).collect();
            }
            Value::Object(object) => {
                for (name, value) in object {
                    self.add(name, value, from, depth);
                }
            }
            Value::Array(items) if items.len() == 1 => self.add_object(&items[0], from, depth + 1),
            _ => {}
        }
    }

    /// A result that is one word, of a tool that is named after what it finds: `find_user_id_by_email` gives a user's ID.
    fn add_found(&mut self, tool: &str, text: &str) {
        if text.is_empty() || text.len() > FOUND_BYTES_MAX || text.contains(char::is_whitespace) {
            return;
        }
        let short = tool.rsplit("__").find(|part| !part.is_empty()).unwrap_or(tool);
        let parts = name_stems(short);
        let what = parts.iter().take_while(|part| !matches!(part.as_str(), "by" | "from" | "for" | "with" | "of"));
        let verbs = ["find", "get", "lookup", "look", "search", "fetch", "retrieve", "locate", "identify"];
        let is_verb = |part: &&String| verbs.iter().any(|verb| super::words::stem(verb) == **part);
        let key: Vec<String> = what.skip_while(is_verb).cloned().collect();
        if key.last().is_some_and(|last| last == "id") {
            self.facts.push(Fact { key, value: Value::String(text.to_owned()), from: RESULT, id: None });
        }
    }

    /// Whether the results of now name several of what a parameter wants one of, so that none is meant for sure.
    pub(super) fn is_ambiguous(&self, parameter: &Parameter) -> bool {
        let own = self.facts.iter().skip(self.latest).filter(|fact| fact.from == RESULT && fact.key == parameter.stems);
        let mut values = own.map(|fact| &fact.value);
        values.next().is_some_and(|first| values.any(|other| other != first))
    }

    /// The value that a result has for a parameter.
    pub(super) fn found(&self, parameter: &Parameter) -> Option<(Value, &'static str)> {
        self.find(parameter).filter(|(value, from)| *from == RESULT && !value.is_array())
    }

    /// IDs that earlier results list for a parameter: under its own name, or under the plural of the thing ("orders" for an
    /// order's ID).
    pub(super) fn listed(&self, parameter: &Parameter) -> Vec<Value> {
        let thing: Vec<&String> = parameter.stems.iter().filter(|own| *own != "id").collect();
        let names = |key: &[String]| {
            let key: Vec<&String> = key.iter().filter(|own| *own != "id").collect();
            !thing.is_empty() && key == thing
        };
        let lists = self.facts.iter().rev().filter(|fact| fact.from == RESULT && names(&fact.key));
        let texts = |fact: &Fact| match &fact.value {
            Value::Array(items) if items.iter().all(|item| item.is_string() || item.is_number()) => Some(items.clone()),
            _ => None,
        };
        lists.filter_map(texts).next().unwrap_or_default()
    }

    /// IDs of things in earlier results that a text speaks of by name: of `{"name": "Desk Lamp", "product_id": "7"}` the 7,
    /// where the text says "lamp"; also of `{"Desk Lamp": "7"}`.
    pub(super) fn mentioned(&self, parameter: &Parameter, text: &str) -> Vec<Value> {
        if self.lists.is_empty() && self.named.is_empty() {
            return Vec::new();
        }
        let said: Vec<String> = words(text).into_iter().map(|word| word.stem).collect();
        let mut found: Vec<Value> = Vec::new();
        for thing in self.lists.iter().flatten().filter_map(Value::as_object) {
            let id = thing.iter().find(|(name, _)| name_stems(name) == parameter.stems).map(|(_, id)| id);
            let named = thing.iter().find(|(key, _)| matches!(key.as_str(), "name" | "title" | "label"));
            if let (Some(id), Some(name)) = (id, named.and_then(|(_, name)| name.as_str()))
                && is_spoken_of(name, &said)
                && !found.contains(id)
            {
                found.push(id.clone());
            }
        }
        if found.is_empty() {
            let named = self.named.iter().filter(|(name, _)| is_spoken_of(name, &said)).map(|(_, id)| id.clone());
            found.extend(named);
        }
        found
    }

    fn add_text(&mut self, text: &str) {
        let all = words(text);
        for entity in entities(text) {
            let numbered = entity.kind == Kind::Number && entity.number.is_some_and(|number| number.fract() == 0.0);
            if self.facts.len() >= FACTS_MAX || !(entity.kind == Kind::Id || numbered) {
                continue;
            }
            let before = all.iter().rev().filter(|word| word.end <= entity.start).take(2).map(|word| word.stem.clone());
            let key: Vec<String> = before.collect();
            // A bare number is an id only where the word before names a record; the parameter decides.
            self.facts.push(Fact {
                key,
                value: Value::String(entity.text.clone()),
                from: "the conversation",
                id: Some(entity),
            });
        }
    }
}
