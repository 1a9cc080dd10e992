//! What a deployment leaves on the server for the next one, and what follows from comparing the two.

use super::resource::Type;
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The record of a stack, kept by the server under `/outcrop/stacks/{name}`. To the server it is any JSON object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StackRecord {
    /// By logical id.
    pub resources: BTreeMap<String, Recorded>,
    /// What was replaced or abandoned and is still to be deleted.
    pub leftovers: Vec<Recorded>,
    /// By logical id: creations that were begun and whose outcome is not recorded yet.
    pub intents: BTreeMap<String, Intent>,
    /// The outputs of the last deployment that ended well.
    pub outputs: BTreeMap<String, String>,
    /// When it was written.
    pub updated_at: Timestamp,
    /// Another one with each writing: who finds one that it did not write knows that another deployment has.
    pub revision: String,
}

/// A creation that was begun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Intent {
    /// CloudFormation's name of the type.
    pub r#type: String,
    /// The name that the thing gets.
    pub name: String,
    /// For an alias, its agent.
    pub agent_id: String,
    /// The client token of the request.
    pub token: String,
    /// Hash of the properties that were sent.
    pub properties_sha256: String,
    /// Place in the order of deployment.
    pub position: usize,
}

/// One resource of a stack as it was deployed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Recorded {
    /// CloudFormation's name of the type.
    pub r#type: String,
    /// What `Ref` gives.
    pub physical_id: String,
    /// Evaluated properties in the spelling of the API, code as its hash. None while a change is under way: the next
    /// deployment then sets everything again.
    pub properties: Option<Value>,
    /// What `Fn::GetAtt` gives.
    pub attributes: BTreeMap<String, String>,
    /// Place in the order of deployment, from 0. Deleting goes backwards.
    pub position: usize,
    /// To be left in place when it goes out of the template.
    pub retain: bool,
    /// For an alias that cuts its own versions: hash of the agent's properties when it last did.
    pub cut_from: Option<String>,
}

/// What has to be done about one resource of the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is not there yet.
    Create,
    /// It is there with other properties.
    Update,
    /// It is there, but a property differs that cannot be changed in place.
    Replace,
    /// It is there as wanted.
    Keep,
}

/// Compares what is recorded with what is wanted.
pub(crate) fn compare(recorded: Option<&Recorded>, wanted: Type, properties: &Value) -> Change {
    let Some(recorded) = recorded else { return Change::Create };
    // The two types of function differ in how they are written only.
    let both_functions = Type::of(&recorded.r#type).is_some_and(Type::is_function) && wanted.is_function();
    if recorded.r#type != wanted.name() && !both_functions {
        return Change::Replace;
    }
    let Some(old) = &recorded.properties else {
        // What cannot be changed in place is still told by the physical id.
        let moved = match wanted {
            Type::AgentAlias => properties["agentId"].as_str() != recorded.physical_id.split('|').next(),
            kind if kind.is_function() => properties["FunctionName"].as_str() != Some(recorded.physical_id.as_str()),
            _ => false,
        };
        return if moved { Change::Replace } else { Change::Update };
    };
    let is_fixed = |name: &&str| old.get(name) != properties.get(name);
    match old == properties {
        true => Change::Keep,
        false if wanted.fixed_properties().iter().any(is_fixed) => Change::Replace,
        false => Change::Update,
    }
}

impl StackRecord {
    /// Takes out a leftover that has the name which is wanted again: a deployment that replaced it did not come to
    /// deleting it. It is to be set from scratch.
    pub(crate) fn take_back(&mut self, wanted: Type, properties: &Value) -> Option<Recorded> {
        let is_it = |old: &Recorded, by_name: bool| match (Type::of(&old.r#type), wanted) {
            (Some(kind), wanted) if kind.is_function() && wanted.is_function() => {
                properties["FunctionName"].as_str() == Some(old.physical_id.as_str())
            }
            (Some(Type::AgentAlias), Type::AgentAlias) => {
                let name = old.properties.as_ref().map(|old| &old["agentAliasName"]);
                let has_name = name == Some(&properties["agentAliasName"]);
                properties["agentId"].as_str() == old.physical_id.split('|').next() && (has_name || !by_name)
            }
            _ => false,
        };
        // Of an alias whose change was interrupted the name is not known: any of the agent can get the name.
        let at = [true, false].iter().find_map(|by_name| self.leftovers.iter().position(|old| is_it(old, *by_name)))?;
        Some(Recorded { properties: None, ..self.leftovers.remove(at) })
    }

    /// Logical ids that are recorded but no longer wanted, in the order in which to delete them.
    pub(crate) fn removed(&self, wanted: &[String]) -> Vec<String> {
        let gone = self.resources.iter().filter(|(id, _)| !wanted.contains(id));
        let mut gone: Vec<(usize, &String)> = gone.map(|(id, recorded)| (recorded.position, id)).collect();
        gone.sort_by(|one, other| other.cmp(one));
        gone.into_iter().map(|(_, id)| id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn recorded(kind: Type, properties: Option<Value>, position: usize) -> Recorded {
        Recorded { r#type: kind.name().to_owned(), properties, position, ..Recorded::default() }
    }

    fn check(old: Option<(Type, Option<Value>)>, wanted: Type, properties: &Value, expected: Change) {
        let old = old.map(|(kind, properties)| recorded(kind, properties, 0));
        assert_eq!(compare(old.as_ref(), wanted, properties), expected);
    }

    #[test]
    fn only_differences_are_changed() {
        let agent = |text: &str| json!({"agentName": "a", "instruction": text});
        let alias = |id: &str, text: &str| json!({"agentId": id, "agentAliasName": "PROD", "description": text});
        check(None, Type::Agent, &agent("x"), Change::Create);
        check(Some((Type::Agent, Some(agent("x")))), Type::Agent, &agent("x"), Change::Keep);
        check(Some((Type::Agent, Some(agent("x")))), Type::Agent, &agent("y"), Change::Update);
        check(Some((Type::Agent, None)), Type::Agent, &agent("x"), Change::Update);
        check(Some((Type::Role, Some(agent("x")))), Type::Agent, &agent("x"), Change::Replace);
        let function = json!({"FunctionName": "f"});
        check(Some((Type::Function, Some(function.clone()))), Type::ServerlessFunction, &function, Change::Keep);
        // Interrupted: only the physical id is known, here none.
        check(Some((Type::Function, None)), Type::Function, &function, Change::Replace);
        check(Some((Type::AgentAlias, None)), Type::AgentAlias, &alias("", "1"), Change::Update);
        check(Some((Type::AgentAlias, None)), Type::AgentAlias, &alias("A", "1"), Change::Replace);
        check(Some((Type::AgentAlias, Some(alias("A", "1")))), Type::AgentAlias, &alias("A", "2"), Change::Update);
        check(Some((Type::AgentAlias, Some(alias("A", "1")))), Type::AgentAlias, &alias("B", "1"), Change::Replace);
    }

    #[test]
    fn leftovers_are_taken_back_by_name() {
        let mut record = StackRecord::default();
        for (kind, physical_id, name) in
            [(Type::Function, "f", None), (Type::AgentAlias, "A|1", Some("x")), (Type::AgentAlias, "A|2", Some("y"))]
        {
            let properties = name.map(|name| json!({"agentAliasName": name}));
            let physical_id = physical_id.to_owned();
            record.leftovers.push(Recorded { physical_id, ..recorded(kind, properties, 0) });
        }
        let mut check = |kind: Type, properties: Value, expected: Option<&str>| {
            let taken = record.take_back(kind, &properties);
            assert_eq!(taken.as_ref().map(|taken| taken.physical_id.as_str()), expected);
            assert!(taken.is_none_or(|taken| taken.properties.is_none()));
        };
        check(Type::ServerlessFunction, json!({"FunctionName": "g"}), None);
        check(Type::ServerlessFunction, json!({"FunctionName": "f"}), Some("f"));
        check(Type::AgentAlias, json!({"agentId": "B", "agentAliasName": "x"}), None);
        check(Type::AgentAlias, json!({"agentId": "A", "agentAliasName": "y"}), Some("A|2"));
        check(Type::AgentAlias, json!({"agentId": "A", "agentAliasName": "z"}), Some("A|1"));
        check(Type::Agent, json!({"agentName": "A"}), None);
    }

    #[test]
    fn what_left_the_template_goes_backwards() {
        let mut record = StackRecord::default();
        for (position, id) in ["Role", "Fn", "Agent", "Alias"].into_iter().enumerate() {
            record.resources.insert(id.to_owned(), recorded(Type::Role, None, position));
        }
        assert_eq!(record.removed(&["Fn".to_owned()]), ["Alias", "Agent", "Role"]);
    }

    #[test]
    fn records_survive_the_wire_and_lenient_reading() {
        let mut record = StackRecord::default();
        record.resources.insert("Fn".to_owned(), recorded(Type::Function, Some(json!({"Timeout": 3})), 1));
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<StackRecord>(&text).unwrap(), record);
        assert_eq!(serde_json::from_str::<StackRecord>(r#"{"new":1}"#).unwrap(), StackRecord::default());
    }
}
