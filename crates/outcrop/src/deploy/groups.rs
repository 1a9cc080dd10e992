//! Action groups as they stand in the template, and the rules between their members: what the server would refuse
//! when an agent is half made is told before anything is changed.

use super::convert::structure;
use super::template::{Entry, Kind, Node};
use super::wanted::{Workshop, input_shape};
use outcrop_api::bedrock_agent::CreateAgentActionGroup;
use serde_json::Value;
use std::collections::BTreeSet;

/// What a group with a signature of AWS's must not say.
const NOT_WITH_SIGNATURE: [&str; 4] = ["Description", "ActionGroupExecutor", "ApiSchema", "FunctionSchema"];

impl Workshop<'_> {
    /// Checks and converts `ActionGroups`.
    pub(super) fn action_groups(&mut self, node: &Node) -> Value {
        let Kind::List(groups) = &node.kind else {
            self.problems.push(node.problem(format!("expected a list, found {}", node.noun())));
            return Value::Null;
        };
        let shape = input_shape::<CreateAgentActionGroup>();
        let hidden = ["agentId", "agentVersion", "clientToken"];
        self.no_doubles("action groups", groups.iter().filter_map(|group| group.get("ActionGroupName")));
        let mut out = Vec::new();
        for group in groups {
            // Groups go with their agent, so that the check on deleting never stands in the way.
            let without_check = |entry: &&Entry| entry.key != "SkipResourceInUseCheckOnDelete";
            let own = match &group.kind {
                Kind::Map(entries) => group.with(Kind::Map(entries.iter().filter(without_check).cloned().collect())),
                _ => group.clone(),
            };
            out.push(Value::Object(structure(&own, shape, &hidden, &mut self.problems)));
            if matches!(group.kind, Kind::Map(_)) {
                self.check_group(group);
            }
        }
        Value::Array(out)
    }

    fn check_group(&mut self, group: &Node) {
        if group.get("ParentActionGroupSignature").is_some() {
            for entry in group.entries().iter().filter(|entry| NOT_WITH_SIGNATURE.contains(&entry.key.as_str())) {
                let message = format!("a group with `ParentActionGroupSignature` must not have `{}`", entry.key);
                self.problems.push(entry.problem(message));
            }
            return;
        }
        // A group that is switched off may be unfinished.
        let is_off = group.get("ActionGroupState").is_some_and(|state| state.text() == Some("DISABLED"));
        if group.get("ActionGroupExecutor").is_none() && !is_off {
            let message = "property `ActionGroupExecutor` is missing: `Lambda` with a function's ARN, \
                           or `CustomControl: RETURN_CONTROL`";
            self.problems.push(group.problem(message));
        }
        match (group.get("ApiSchema"), group.entries().iter().find(|entry| entry.key == "FunctionSchema")) {
            (None, None) if is_off => {}
            (None, None) => self.problems.push(group.problem("one of `ApiSchema` and `FunctionSchema` is needed")),
            (Some(_), Some(functions)) => {
                self.problems.push(functions.problem("a group has either an `ApiSchema` or a `FunctionSchema`"));
            }
            (Some(schema), None) => self.check_api_schema(group, schema),
            (None, Some(schema)) => {
                let functions = schema.value.get("Functions").map(Node::items).unwrap_or_default();
                self.no_doubles("functions of the group", functions.iter().filter_map(|one| one.get("Name")));
            }
        }
    }

    /// A schema in S3 is read by the server when the group is made.
    fn check_api_schema(&mut self, group: &Node, schema: &Node) {
        let name = group.get("ActionGroupName").and_then(Node::text).unwrap_or_default();
        if let Some(payload) = schema.get("Payload")
            && let Some(text) = payload.text()
            && let Err(message) = outcrop_server::check_api_schema(name, text)
        {
            self.problems.push(payload.problem(message));
        }
    }

    pub(super) fn no_doubles<'n>(&mut self, what: &str, names: impl Iterator<Item = &'n Node>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if let Some(text) = name.text()
                && !seen.insert(text)
            {
                self.problems.push(name.problem(format!("two {what} are called `{text}`")));
            }
        }
    }
}
