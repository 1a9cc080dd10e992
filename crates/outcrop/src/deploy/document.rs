//! The sections of a template, and what of them is supported.

use super::template::{Entry, Kind, Node, Problem};

/// Most resources of one template: CloudFormation's limit.
const RESOURCES_MAX: usize = 500;
/// The one transform that is known.
const SERVERLESS: &str = "AWS::Serverless-2016-10-31";

/// A template taken apart. Values are not evaluated yet.
#[derive(Debug)]
pub(crate) struct Document {
    /// `Parameters`, in the order of the file.
    pub parameters: Vec<Entry>,
    /// `Mappings`: name → first key → second key → value.
    pub mappings: Vec<Entry>,
    /// `Conditions`, by name.
    pub conditions: Vec<Entry>,
    /// `Globals.Function` of the serverless transform.
    pub function_globals: Option<Node>,
    /// `Resources`, in the order of the file.
    pub resources: Vec<Resource>,
    /// `Outputs`, in the order of the file.
    pub outputs: Vec<Output>,
}

/// One resource as written.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Its logical id.
    pub id: String,
    /// `Type`, such as `AWS::Bedrock::Agent`.
    pub type_name: Node,
    /// `Properties`; an empty mapping when there are none.
    pub properties: Node,
    /// `DependsOn`.
    pub depends_on: Vec<Node>,
    /// `Condition`.
    pub condition: Option<Node>,
    /// `DeletionPolicy: Retain` (and its relatives): removing it from the template leaves it in place.
    pub retain: bool,
    /// Where the resource stands: a node without value.
    pub place: Node,
}

/// One output as written.
#[derive(Debug)]
pub(crate) struct Output {
    /// Its name.
    pub name: String,
    /// `Value`.
    pub value: Node,
    /// `Condition`.
    pub condition: Option<Node>,
}

impl Document {
    /// Takes the tree apart; collects every problem of form. What has the right form can be checked further.
    pub(crate) fn read(root: &Node, problems: &mut Vec<Problem>) -> Self {
        let mut document = Self {
            parameters: Vec::new(),
            mappings: Vec::new(),
            conditions: Vec::new(),
            function_globals: None,
            resources: Vec::new(),
            outputs: Vec::new(),
        };
        if !matches!(root.kind, Kind::Map(_)) {
            problems.push(root.problem(format!("a template is a mapping with `Resources`, not {}", root.noun())));
            return document;
        }
        for entry in root.entries() {
            match entry.key.as_str() {
                "AWSTemplateFormatVersion" => {
                    if entry.value.text() != Some("2010-09-09") {
                        problems.push(entry.value.problem("unsupported version: the only one is `2010-09-09`"));
                    }
                }
                "Description" | "Metadata" => {}
                "Parameters" => document.parameters = section(entry, problems),
                "Mappings" => document.mappings = section(entry, problems),
                "Conditions" => document.conditions = section(entry, problems),
                "Transform" => check_transform(&entry.value, problems),
                "Globals" => document.function_globals = read_globals(entry, problems),
                "Resources" => {
                    let entries = section(entry, problems);
                    if entries.len() > RESOURCES_MAX {
                        problems.push(entry.problem(format!("more than {RESOURCES_MAX} resources")));
                    }
                    document.resources = entries.iter().filter_map(|entry| read_resource(entry, problems)).collect();
                }
                "Outputs" => {
                    let entries = section(entry, problems);
                    document.outputs = entries.iter().filter_map(|entry| read_output(entry, problems)).collect();
                }
                _ => problems.push(entry.problem("unsupported section")),
            }
        }
        let types = document.resources.iter().map(|resource| &resource.type_name);
        for node in types.filter(|_| root.get("Transform").is_none()) {
            if let Some(name) = node.text().filter(|name| name.starts_with("AWS::Serverless::")) {
                let message = format!("`{name}` needs `Transform: {SERVERLESS}` at the top of the template");
                problems.push(node.problem(message));
            }
        }
        if root.get("Resources").is_none() {
            problems.push(root.problem("a template needs `Resources`"));
        }
        document
    }

    /// The resource of a logical id.
    pub(crate) fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }
}

fn section(entry: &Entry, problems: &mut Vec<Problem>) -> Vec<Entry> {
    if !matches!(entry.value.kind, Kind::Map(_) | Kind::Null) {
        problems.push(entry.value.problem(format!("expected a mapping, found {}", entry.value.noun())));
    }
    entry.value.entries().to_vec()
}

fn check_transform(node: &Node, problems: &mut Vec<Problem>) {
    let named = if node.items().is_empty() { std::slice::from_ref(node) } else { node.items() };
    for transform in named {
        if transform.text() != Some(SERVERLESS) {
            problems.push(transform.problem("unsupported transform: only `AWS::Serverless-2016-10-31` is known"));
        }
    }
}

fn read_globals(entry: &Entry, problems: &mut Vec<Problem>) -> Option<Node> {
    let mut function = None;
    for entry in section(entry, problems) {
        match entry.key.as_str() {
            "Function" => function = Some(entry.value),
            _ => problems.push(entry.problem("unsupported: only `Function` has globals here")),
        }
    }
    function
}

fn read_resource(entry: &Entry, problems: &mut Vec<Problem>) -> Option<Resource> {
    let is_id = !entry.key.is_empty() && entry.key.len() <= 255 && entry.key.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_id {
        problems.push(entry.problem("a logical id has letters and digits only"));
    }
    let place = Node { line: entry.line, column: entry.column, ..entry.value.with(Kind::Null) };
    let mut resource = Resource {
        id: entry.key.clone(),
        type_name: place.clone(),
        properties: place.with(Kind::Map(Vec::new())),
        depends_on: Vec::new(),
        condition: None,
        retain: false,
        place,
    };
    for part in section(entry, problems) {
        match part.key.as_str() {
            "Type" => resource.type_name = part.value,
            "Properties" if matches!(part.value.kind, Kind::Map(_)) => resource.properties = part.value,
            "Properties" if part.value.kind == Kind::Null => {}
            "Properties" => {
                problems.push(part.value.problem(format!("expected a mapping, found {}", part.value.noun())));
            }
            "DependsOn" => match &part.value.kind {
                Kind::List(items) => resource.depends_on = items.clone(),
                _ => resource.depends_on = vec![part.value],
            },
            "Condition" => resource.condition = Some(part.value),
            "DeletionPolicy" => resource.retain = reads_retain(&part.value, problems),
            // Replacing never touches data here, so the policy has nothing to keep.
            "UpdateReplacePolicy" => {
                reads_retain(&part.value, problems);
            }
            "Metadata" => {}
            _ => problems.push(part.problem("unsupported attribute of a resource")),
        }
    }
    if resource.type_name.text().is_none() {
        problems.push(resource.place.problem("a resource needs a `Type`"));
        return None;
    }
    for node in resource.depends_on.iter().chain(&resource.condition) {
        if node.text().is_none() {
            problems.push(node.problem(format!("expected a name, found {}", node.noun())));
        }
    }
    Some(resource)
}

fn reads_retain(node: &Node, problems: &mut Vec<Problem>) -> bool {
    match node.text() {
        Some("Delete") => false,
        Some("Retain" | "RetainExceptOnCreate") => true,
        _ => {
            problems.push(node.problem("expected `Delete` or `Retain`"));
            false
        }
    }
}

fn read_output(entry: &Entry, problems: &mut Vec<Problem>) -> Option<Output> {
    let (mut value, mut condition) = (None, None);
    for part in section(entry, problems) {
        match part.key.as_str() {
            "Value" => value = Some(part.value),
            "Condition" => condition = Some(part.value),
            // An export is seen by other stacks only, and nothing here imports.
            "Description" | "Export" => {}
            _ => problems.push(part.problem("unsupported attribute of an output")),
        }
    }
    if value.is_none() {
        problems.push(entry.problem("an output needs a `Value`"));
    }
    Some(Output { name: entry.key.clone(), value: value?, condition })
}
