//! Evaluates intrinsic functions.
//!
//! A template is evaluated twice. Before anything is changed, references to resources give [`Kind::Unknown`], which
//! every later check lets pass; so all mistakes are found together. While deploying, the resources that a resource
//! refers to exist already and every reference has its text.

mod condition;
mod sub;

pub(crate) use condition::conditions;

use super::template::{Entry, Kind, Node, Problem, TEMPLATE_BYTES_MAX};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, BTreeSet};

/// What names stand for, apart from resources.
#[derive(Debug)]
pub(crate) struct Scope {
    /// Values of the parameters.
    pub parameters: BTreeMap<String, Node>,
    /// `Mappings`.
    pub mappings: Vec<Entry>,
    /// Values of the conditions.
    pub conditions: BTreeMap<String, bool>,
    /// What the pseudo parameters say.
    pub place: Place,
}

/// Where the stack lives.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account_id: String,
    /// `AWS::StackName`.
    pub stack: String,
}

/// Tells what references to resources stand for.
pub(crate) trait References {
    /// The value of `Ref` (no attribute) or of `Fn::GetAtt`.
    fn find(&self, id: &str, attribute: Option<&str>) -> Found;
}

/// The outcome of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Its text.
    Text(String),
    /// The resource is part of the stack, its values are known later.
    Later,
    /// There is no such thing, with the reason.
    No(String),
}

/// One pass over values of a template.
pub(crate) struct Evaluation<'a> {
    scope: &'a Scope,
    references: &'a dyn References,
    /// What was wrong so far.
    pub problems: Vec<Problem>,
    /// Logical ids that were looked up successfully.
    pub used: BTreeSet<String>,
}

impl Place {
    /// `AWS::Partition`: follows from the region.
    pub(crate) fn partition(&self) -> &'static str {
        match self.region.get(..3) {
            Some("cn-") => "aws-cn",
            Some("us-") if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// The ARN of an IAM thing, such as `role/name`.
    pub(crate) fn iam_arn(&self, rest: &str) -> String {
        format!("arn:{}:iam::{}:{rest}", self.partition(), self.account_id)
    }

    fn pseudo(&self, name: &str) -> Option<Kind> {
        let text = match name {
            "AWS::NoValue" => return Some(Kind::Absent),
            "AWS::Region" => self.region.clone(),
            "AWS::AccountId" => self.account_id.clone(),
            "AWS::StackName" => self.stack.clone(),
            "AWS::Partition" => self.partition().to_owned(),
            "AWS::URLSuffix" if self.partition() == "aws-cn" => "amazonaws.com.cn".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            // A stack is known by its name here; AWS appends a random id.
            "AWS::StackId" => {
                let (partition, Self { region, account_id, stack }) = (self.partition(), self);
                format!("arn:{partition}:cloudformation:{region}:{account_id}:stack/{stack}/{stack}")
            }
            _ => return None,
        };
        Some(Kind::Scalar { text, plain: false })
    }
}

impl<'a> Evaluation<'a> {
    /// Starts a pass.
    pub(crate) fn new(scope: &'a Scope, references: &'a dyn References) -> Self {
        Self { scope, references, problems: Vec::new(), used: BTreeSet::new() }
    }

    /// The value of a node with all functions evaluated. Problems are collected and leave [`Kind::Unknown`] behind.
    pub(crate) fn value(&mut self, node: &Node) -> Node {
        match &node.kind {
            Kind::List(items) => {
                let values = items.iter().map(|item| self.value(item)).filter(|item| item.kind != Kind::Absent);
                node.with(Kind::List(values.collect()))
            }
            Kind::Map(entries) => match entries.as_slice() {
                [call] if is_function(&call.key) => node.with(self.call(call)),
                entries => self.mapping(node, entries),
            },
            _ => node.clone(),
        }
    }

    fn mapping(&mut self, node: &Node, entries: &[Entry]) -> Node {
        let mut values = Vec::with_capacity(entries.len());
        for entry in entries {
            if entry.key.starts_with("Fn::") {
                self.problems.push(entry.problem("a function stands alone in its mapping"));
                continue;
            }
            let value = self.value(&entry.value);
            if value.kind != Kind::Absent {
                values.push(Entry { value, ..entry.clone() });
            }
        }
        node.with(Kind::Map(values))
    }

    fn call(&mut self, call: &Entry) -> Kind {
        let argument = &call.value;
        let outcome = match call.key.as_str() {
            "Ref" => self.reference(argument),
            "Fn::GetAtt" => self.attribute(argument),
            "Fn::Sub" => self.sub(argument),
            "Fn::Join" => self.join(argument),
            "Fn::If" => self.choose(argument),
            "Fn::Select" => self.select(argument),
            "Fn::Split" => self.split(argument),
            "Fn::FindInMap" => self.find_in_map(argument),
            "Fn::Base64" => self.text(argument).map(|text| scalar(STANDARD.encode(text))),
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => {
                self.fail(argument, format!("`{}` is for Conditions only", call.key))
            }
            name => self.fail(argument, format!("function `{name}` is not supported")),
        };
        outcome.unwrap_or(Kind::Unknown)
    }

    fn reference(&mut self, argument: &Node) -> Option<Kind> {
        let Some(name) = argument.text() else {
            return self.fail(argument, format!("`Ref` takes a name, not {}", argument.noun()));
        };
        self.named(argument, name)
    }

    /// A parameter, a pseudo parameter or a resource.
    fn named(&mut self, place: &Node, name: &str) -> Option<Kind> {
        if let Some(value) = self.scope.parameters.get(name) {
            return Some(value.kind.clone());
        }
        if let Some(kind) = self.scope.place.pseudo(name) {
            return Some(kind);
        }
        self.look_up(place, name, None)
    }

    fn look_up(&mut self, place: &Node, id: &str, attribute: Option<&str>) -> Option<Kind> {
        match self.references.find(id, attribute) {
            Found::Text(text) => {
                self.used.insert(id.to_owned());
                Some(scalar(text))
            }
            Found::Later => {
                self.used.insert(id.to_owned());
                None
            }
            Found::No(reason) => self.fail(place, reason),
        }
    }

    fn attribute(&mut self, argument: &Node) -> Option<Kind> {
        if let Some((id, attribute)) = argument.text().and_then(|text| text.split_once('.')) {
            return self.look_up(argument, id, Some(attribute));
        }
        match argument.items() {
            [id, attribute] => {
                let (id, attribute) = (self.text(id)?, self.text(attribute)?);
                self.look_up(argument, &id, Some(&attribute))
            }
            _ => self.fail(argument, "`Fn::GetAtt` takes a resource and an attribute, such as `Agent.AgentArn`"),
        }
    }

    fn join(&mut self, argument: &Node) -> Option<Kind> {
        let [delimiter, list] = argument.items() else {
            return self.fail(argument, "`Fn::Join` takes a delimiter and a list");
        };
        let (delimiter, list) = (self.text(delimiter), self.list(list));
        let (delimiter, list) = (delimiter?, list?);
        let texts: Vec<Option<String>> = list.iter().map(|item| self.text(item)).collect();
        let texts: Option<Vec<String>> = texts.into_iter().collect();
        let texts = texts?;
        let length: usize = texts.iter().map(|text| text.len().saturating_add(delimiter.len())).sum();
        self.within(argument, length)?;
        Some(scalar(texts.join(&delimiter)))
    }

    fn choose(&mut self, argument: &Node) -> Option<Kind> {
        let [name, yes, no] = argument.items() else {
            return self.fail(argument, "`Fn::If` takes a condition, a value if true and a value if false");
        };
        let known = name.text().and_then(|name| self.scope.conditions.get(name).copied());
        match known {
            Some(true) => Some(self.value(yes).kind),
            Some(false) => Some(self.value(no).kind),
            None => self.fail(name, "there is no such condition"),
        }
    }

    fn select(&mut self, argument: &Node) -> Option<Kind> {
        let [index, list] = argument.items() else {
            return self.fail(argument, "`Fn::Select` takes an index and a list");
        };
        let (at, list) = (self.text(index), self.list(list));
        let (at, list) = (at?, list?);
        match at.parse::<usize>().ok().and_then(|at| list.get(at)) {
            Some(item) => Some(item.kind.clone()),
            None => self.fail(index, format!("no item {at} in a list of {}", list.len())),
        }
    }

    fn split(&mut self, argument: &Node) -> Option<Kind> {
        let [delimiter, text] = argument.items() else {
            return self.fail(argument, "`Fn::Split` takes a delimiter and a text");
        };
        let (by, text) = (self.text(delimiter), self.text(text));
        let (by, text) = (by?, text?);
        if by.is_empty() {
            return self.fail(delimiter, "the delimiter is empty");
        }
        Some(Kind::List(text.split(&by).map(|part| argument.with_text(part)).collect()))
    }

    fn find_in_map(&mut self, argument: &Node) -> Option<Kind> {
        let [map, first, second] = argument.items() else {
            return self.fail(argument, "`Fn::FindInMap` takes a map and two keys");
        };
        let keys = [self.text(map), self.text(first), self.text(second)];
        let [Some(map), Some(first), Some(second)] = keys else { return None };
        let scope = self.scope;
        let found = scope.mappings.iter().find(|entry| entry.key == map);
        match found.and_then(|entry| entry.value.get(&first)).and_then(|inner| inner.get(&second)) {
            Some(value) => Some(value.kind.clone()),
            None => self.fail(argument, format!("Mappings has no {map}.{first}.{second}")),
        }
    }

    /// The text of a scalar after evaluation; `None` when it is known later or was reported.
    fn text(&mut self, node: &Node) -> Option<String> {
        let value = self.value(node);
        match value.kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::Null => Some(String::new()),
            Kind::Unknown => None,
            _ => self.fail(node, format!("expected text, found {}", value.noun())),
        }
    }

    fn list(&mut self, node: &Node) -> Option<Vec<Node>> {
        let value = self.value(node);
        match value.kind {
            Kind::List(items) => Some(items),
            Kind::Unknown => None,
            _ => self.fail(node, format!("expected a list, found {}", value.noun())),
        }
    }

    /// Functions can multiply text; what they make stays as small as a template.
    fn within(&mut self, place: &Node, length: usize) -> Option<()> {
        if length > TEMPLATE_BYTES_MAX {
            return self.fail(place, format!("the text would be longer than {TEMPLATE_BYTES_MAX} bytes"));
        }
        Some(())
    }

    fn fail<T>(&mut self, place: &Node, message: impl std::fmt::Display) -> Option<T> {
        self.problems.push(place.problem(message));
        None
    }
}

fn is_function(key: &str) -> bool {
    key == "Ref" || key.starts_with("Fn::")
}

fn scalar(text: String) -> Kind {
    Kind::Scalar { text, plain: false }
}

#[cfg(test)]
mod tests;
