//! Names that two resources of one template would share: the server takes each name once.

use super::check::Live;
use super::evaluate::{Evaluation, References, Scope};
use super::resource::Type;
use super::template::{Node, Problem};
use serde_json::Value;
use std::collections::BTreeMap;

/// The names seen so far, with the logical id that has them.
#[derive(Default)]
pub(crate) struct Names {
    taken: BTreeMap<(&'static str, String, String), String>,
}

impl Names {
    /// Enters a resource's name. `node` and `properties` are its properties, evaluated and converted.
    pub(crate) fn enter(
        &mut self,
        live: &Live,
        node: &Node,
        properties: &Value,
        scope: &Scope,
        references: &dyn References,
    ) -> Option<Problem> {
        let (kind, property, member, owner) = match live.kind {
            Type::Agent => ("agent", "AgentName", "agentName", String::new()),
            Type::AgentAlias => {
                ("alias", "AgentAliasName", "agentAliasName", agent_of(&live.properties, scope, references)?)
            }
            Type::Guardrail => ("guardrail", "Name", "name", String::new()),
            kind if kind.is_function() => ("function", "FunctionName", "FunctionName", String::new()),
            _ => return None,
        };
        let name = properties[member].as_str()?.to_owned();
        let at = node.get(property).unwrap_or(node);
        let message = |other: &String| at.problem(format!("{kind} `{name}` is already made by `{other}`"));
        if let Some(other) = self.taken.get(&(kind, owner.clone(), name.clone())) {
            return Some(message(other));
        }
        self.taken.insert((kind, owner, name), live.id.clone());
        None
    }
}

/// What tells the agents of two aliases apart before the agents exist: the resource referred to, or the id itself.
fn agent_of(properties: &Node, scope: &Scope, references: &dyn References) -> Option<String> {
    let mut evaluation = Evaluation::new(scope, references);
    let value = evaluation.value(properties.get("AgentId")?);
    let used: Vec<String> = evaluation.used.into_iter().collect();
    if used.is_empty() { value.text().map(str::to_owned) } else { Some(used.join(" ")) }
}
