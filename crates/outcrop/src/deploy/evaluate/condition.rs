//! `Conditions`: truth values from parameters and mappings.

use super::{Evaluation, Found, References, Scope};
use crate::deploy::template::{Entry, Kind, Node, Problem};
use std::collections::BTreeMap;

/// Evaluates all conditions of a template. A condition in error counts as false, so that one mistake is reported once.
pub(crate) fn conditions(scope: &Scope, entries: &[Entry], problems: &mut Vec<Problem>) -> BTreeMap<String, bool> {
    let mut evaluation = Evaluation::new(scope, &NoResources);
    let mut found = Conditions { entries, done: BTreeMap::new(), open: Vec::new() };
    for entry in entries {
        found.named(&mut evaluation, &entry.value, &entry.key);
    }
    problems.append(&mut evaluation.problems);
    found.done
}

/// Conditions are settled before there are resources.
struct NoResources;

impl References for NoResources {
    fn find(&self, id: &str, _: Option<&str>) -> Found {
        Found::No(format!("`{id}` is no parameter; conditions cannot depend on resources"))
    }
}

struct Conditions<'a> {
    entries: &'a [Entry],
    done: BTreeMap<String, bool>,
    /// The names being evaluated, outermost first.
    open: Vec<String>,
}

impl Conditions<'_> {
    fn named(&mut self, evaluation: &mut Evaluation<'_>, place: &Node, name: &str) -> Option<bool> {
        if let Some(value) = self.done.get(name) {
            return Some(*value);
        }
        if let Some(at) = self.open.iter().position(|open| open == name) {
            let circle = format!("{} → {name}", self.open[at..].join(" → "));
            return evaluation.fail(place, format!("conditions go in a circle: {circle}"));
        }
        let entries = self.entries;
        let Some(entry) = entries.iter().find(|entry| entry.key == name) else {
            return evaluation.fail(place, format!("there is no condition `{name}`"));
        };
        self.open.push(name.to_owned());
        let value = self.truth(evaluation, &entry.value);
        self.open.pop();
        self.done.insert(name.to_owned(), value.unwrap_or(false));
        value
    }

    fn truth(&mut self, evaluation: &mut Evaluation<'_>, node: &Node) -> Option<bool> {
        let Kind::Map(entries) = &node.kind else {
            return evaluation.fail(node, "expected a condition function such as `Fn::Equals`");
        };
        let [Entry { key, value, .. }] = entries.as_slice() else {
            return evaluation.fail(node, "expected one condition function");
        };
        match (key.as_str(), value.items()) {
            ("Condition", _) => match value.text() {
                Some(name) => self.named(evaluation, value, name),
                None => evaluation.fail(value, "`Condition` takes a name"),
            },
            ("Fn::Equals", [left, right]) => {
                let (left, right) = (evaluation.text(left), evaluation.text(right));
                Some(left? == right?)
            }
            ("Fn::Not", [one]) => self.truth(evaluation, one).map(|value| !value),
            ("Fn::And", some @ [_, ..]) => self.all(evaluation, some).map(|values| values.into_iter().all(|v| v)),
            ("Fn::Or", some @ [_, ..]) => self.all(evaluation, some).map(|values| values.into_iter().any(|v| v)),
            ("Fn::Equals", _) => evaluation.fail(value, "`Fn::Equals` takes two values"),
            ("Fn::Not" | "Fn::And" | "Fn::Or", _) => {
                evaluation.fail(value, format!("`{key}` takes a list of conditions"))
            }
            _ => evaluation.fail(value, format!("`{key}` is no condition function")),
        }
    }

    fn all(&mut self, evaluation: &mut Evaluation<'_>, nodes: &[Node]) -> Option<Vec<bool>> {
        let values: Vec<Option<bool>> = nodes.iter().map(|node| self.truth(evaluation, node)).collect();
        values.into_iter().collect()
    }
}
