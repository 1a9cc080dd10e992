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
    /// The outputs of the last deployment that ended well.
    pub outputs: BTreeMap<String, String>,
    /// When it was written.
    pub updated_at: Timestamp,
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
    if recorded.r#type != wanted.name() {
        return Change::Replace;
    }
    let Some(old) = &recorded.properties else { return Change::Update };
    let is_fixed = |name: &&str| old.get(name) != properties.get(name);
    match old == properties {
        true => Change::Keep,
        false if wanted.fixed_properties().iter().any(is_fixed) => Change::Replace,
        false => Change::Update,
    }
}

impl StackRecord {
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
        check(Some((Type::AgentAlias, Some(alias("A", "1")))), Type::AgentAlias, &alias("A", "2"), Change::Update);
        check(Some((Type::AgentAlias, Some(alias("A", "1")))), Type::AgentAlias, &alias("B", "1"), Change::Replace);
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
