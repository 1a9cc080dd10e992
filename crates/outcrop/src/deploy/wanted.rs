//! What the template wants of one resource, in the form in which it is sent, recorded and compared.

use super::convert::{document, structure, unsupported, value};
use super::evaluate::Place;
use super::package::{Package, Packages, inline, text_sha256};
use super::resource::Type;
use super::template::{Entry, Kind, Node, Problem};
use outcrop_api::ApiOperation;
use outcrop_api::bedrock::{CreateGuardrail, CreateGuardrailVersion};
use outcrop_api::bedrock_agent::{CreateAgent, CreateAgentAlias};
use outcrop_api::lambda::CreateFunction;
use outcrop_api::model::Shape;
use outcrop_tools::Runtime;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Longest name of a function.
const FUNCTION_NAME_MAX: usize = 64;

/// A resource as it shall be.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Members in the API's spelling; code as its hash. For an agent also `actionGroups`, `agentCollaborators`,
    /// `autoPrepare`, `testAliasTags` and `skipResourceInUseCheckOnDelete`.
    pub properties: Value,
    /// The code of a function, unless it is in S3.
    pub code: Option<Arc<Package>>,
}

/// What building needs beside the properties.
pub(crate) struct Workshop<'a> {
    /// Where the stack lives.
    pub place: &'a Place,
    /// Code read so far.
    pub packages: &'a mut Packages,
    /// What was wrong so far.
    pub problems: Vec<Problem>,
}

impl Workshop<'_> {
    /// Checks and converts the evaluated properties of one resource.
    pub(crate) fn build(&mut self, id: &str, kind: Type, node: &Node) -> Wanted {
        let only = |properties| Wanted { properties, code: None };
        match kind {
            Type::Agent => only(self.agent(node)),
            Type::AgentAlias => {
                let shape = input_shape::<CreateAgentAlias>();
                only(Value::Object(structure(node, shape, &["clientToken"], &mut self.problems)))
            }
            Type::Guardrail => {
                let (shape, node) = (input_shape::<CreateGuardrail>(), with_names_of_api(node));
                only(Value::Object(structure(&node, shape, &["clientRequestToken"], &mut self.problems)))
            }
            Type::GuardrailVersion => {
                let shape = input_shape::<CreateGuardrailVersion>();
                only(Value::Object(structure(node, shape, &["clientRequestToken"], &mut self.problems)))
            }
            Type::Function => self.function(id, node),
            Type::ServerlessFunction => {
                let plain = self.plain_function(node);
                self.function(id, &plain)
            }
            Type::Permission | Type::Role | Type::Policy | Type::ManagedPolicy => only(self.recorded(kind, node)),
        }
    }

    fn agent(&mut self, node: &Node) -> Value {
        let (mut own, mut extra) = (Vec::new(), Map::new());
        for entry in node.entries() {
            match entry.key.as_str() {
                "ActionGroups" => {
                    extra.insert("actionGroups".to_owned(), self.action_groups(&entry.value));
                }
                "TestAliasTags" => {
                    extra.insert("testAliasTags".to_owned(), self.text_map(&entry.value));
                }
                "AutoPrepare" | "SkipResourceInUseCheckOnDelete" => {
                    let on = self.boolean(&entry.value);
                    extra.insert(super::convert::member_name(&entry.key), Value::Bool(on));
                }
                "AgentCollaborators" => {
                    extra.insert("agentCollaborators".to_owned(), self.collaborators(node, entry));
                }
                "KnowledgeBases" => {
                    self.problems.push(entry.problem("this property is not supported yet"));
                }
                _ => own.push(entry.clone()),
            }
        }
        let shape = input_shape::<CreateAgent>();
        let mut agent = structure(&node.with(Kind::Map(own)), shape, &["clientToken"], &mut self.problems);
        agent.extend(extra);
        Value::Object(agent)
    }

    fn function(&mut self, id: &str, node: &Node) -> Wanted {
        const PROPERTIES: [&str; 13] = [
            "Architectures",
            "Description",
            "Environment",
            "EphemeralStorage",
            "FunctionName",
            "Handler",
            "LoggingConfig",
            "MemorySize",
            "PackageType",
            "Role",
            "Runtime",
            "Timeout",
            "TracingConfig",
        ];
        let (mut own, mut code, mut tags) = (Vec::new(), None, None);
        for entry in node.entries() {
            match entry.key.as_str() {
                "Code" => code = Some(&entry.value),
                "Tags" => tags = Some(self.tag_list(&entry.value)),
                "PackageType" if entry.value.text() == Some("Image") => {
                    self.problems.push(entry.value.problem("functions in container images are not supported"));
                }
                name if PROPERTIES.contains(&name) => own.push(entry.clone()),
                _ => {
                    let known = PROPERTIES.iter().chain(&["Code", "Tags"]).map(|name| (*name).to_owned());
                    self.problems.push(unsupported(entry, known));
                }
            }
        }
        for needed in ["Handler", "Runtime"] {
            if node.get(needed).is_none() {
                self.problems.push(node.problem(format!("property `{needed}` is missing")));
            }
        }
        if let Some(runtime) = node.get("Runtime")
            && let Some(text) = runtime.text()
            && Runtime::parse(text).is_none()
        {
            let message = format!("the runtime `{text}` is not supported; use python3.x, nodejs or provided.al2023");
            self.problems.push(runtime.problem(message));
        }
        let named = self.place.iam_arn(&format!("role/{}-{id}", self.place.stack));
        let defaults = [("FunctionName", self.function_name(id)), ("Role", named)];
        for (name, text) in defaults {
            if node.get(name).is_none() {
                own.push(Entry {
                    key: name.to_owned(),
                    line: node.line,
                    column: node.column,
                    value: node.with_text(text),
                });
            }
        }
        let shape = input_shape::<CreateFunction>();
        let mut properties = structure(&node.with(Kind::Map(own)), shape, &["Code"], &mut self.problems);
        if let Some(tags) = tags {
            properties.insert("Tags".to_owned(), tags);
        }
        let code = match code {
            Some(code) => self.code(code, node.get("Runtime").and_then(Node::text)),
            None => {
                self.problems.push(node.problem("property `Code` is missing"));
                None
            }
        };
        let (shown, code) = code.unwrap_or_default();
        properties.insert("Code".to_owned(), shown);
        Wanted { properties: Value::Object(properties), code }
    }

    /// Code as recorded, and the bytes if they are ours to send.
    fn code(&mut self, node: &Node, runtime: Option<&str>) -> Option<(Value, Option<Arc<Package>>)> {
        let package = match &node.kind {
            Kind::Unknown => return None,
            Kind::Scalar { text, .. } => self.packages.local(text),
            Kind::Map(entries) => match entries.as_slice() {
                [Entry { key, value, .. }] if key == "ZipFile" => match &value.kind {
                    Kind::Unknown => return None,
                    Kind::Scalar { text, .. } => inline(text, runtime).map(Arc::new),
                    _ => Err(format!("`ZipFile` is the code itself, not {}", value.noun())),
                },
                _ if node.get("S3Bucket").is_some() && node.get("S3Key").is_some() => {
                    for entry in entries {
                        if !matches!(entry.key.as_str(), "S3Bucket" | "S3Key" | "S3ObjectVersion") {
                            self.problems.push(unsupported(entry, std::iter::empty()));
                        }
                    }
                    return Some((document(node), None));
                }
                _ => Err("expected a local folder, `ZipFile`, or `S3Bucket` and `S3Key`".to_owned()),
            },
            _ => Err(format!("expected a local folder or `ZipFile`, found {}", node.noun())),
        };
        match package {
            Ok(package) => Some((json!({ "sha256": package.sha256 }), Some(package))),
            Err(message) => {
                self.problems.push(node.problem(message));
                None
            }
        }
    }

    /// Rewrites the properties of a serverless function to those of a function.
    fn plain_function(&mut self, node: &Node) -> Node {
        let mut entries = Vec::new();
        for entry in node.entries() {
            let value = &entry.value;
            let (key, value) = match entry.key.as_str() {
                "CodeUri" => ("Code", code_uri(value)),
                "InlineCode" => {
                    let inner = Entry { key: "ZipFile".to_owned(), ..entry.clone() };
                    ("Code", value.with(Kind::Map(vec![inner])))
                }
                "Tags" => ("Tags", listed(value)),
                "Tracing" => {
                    let inner = Entry { key: "Mode".to_owned(), ..entry.clone() };
                    ("TracingConfig", value.with(Kind::Map(vec![inner])))
                }
                // What the function may do: like roles, nothing is enforced.
                "Policies" | "PermissionsBoundary" | "AssumeRolePolicyDocument" => continue,
                "Code" | "TracingConfig" => {
                    self.problems.push(unsupported(entry, std::iter::empty()));
                    continue;
                }
                key => (key, value.clone()),
            };
            entries.push(Entry { key: key.to_owned(), value, ..entry.clone() });
        }
        node.with(Kind::Map(entries))
    }

    fn recorded(&mut self, kind: Type, node: &Node) -> Value {
        let known = kind.recorded_properties().unwrap_or_default();
        for entry in node.entries() {
            if !known.contains(&entry.key.as_str()) {
                self.problems.push(unsupported(entry, known.iter().map(|name| (*name).to_owned())));
            }
        }
        document(node)
    }

    fn boolean(&mut self, node: &Node) -> bool {
        match node.text() {
            Some("true" | "True") => true,
            Some("false" | "False") => false,
            _ => {
                if !node.is_unknown() {
                    self.problems.push(node.problem("expected true or false"));
                }
                false
            }
        }
    }

    fn text_map(&mut self, node: &Node) -> Value {
        let tags = input_shape::<CreateAgent>().members().iter().find(|member| member.name == "tags");
        tags.map_or(Value::Null, |member| value(node, member.shape, &mut self.problems))
    }

    /// `[{Key, Value}]` as a mapping.
    fn tag_list(&mut self, node: &Node) -> Value {
        let mut tags = Map::new();
        if !matches!(node.kind, Kind::List(_)) {
            self.problems.push(node.problem(format!("expected a list of `Key` and `Value`, found {}", node.noun())));
        }
        for item in node.items() {
            match (item.get("Key").and_then(Node::text), item.get("Value")) {
                (Some(key), Some(text)) if item.entries().len() == 2 => {
                    tags.insert(key.to_owned(), Value::from(text.text().unwrap_or_default()));
                }
                _ => self.problems.push(item.problem("expected `Key` and `Value`")),
            }
        }
        Value::Object(tags)
    }

    /// `STACK-ID`; a name that would be too long ends with a hash of the whole instead.
    fn function_name(&self, id: &str) -> String {
        let name = format!("{}-{id}", self.place.stack);
        if name.len() <= FUNCTION_NAME_MAX {
            return name;
        }
        let cut = name.floor_char_boundary(FUNCTION_NAME_MAX - 9);
        format!("{}-{}", &name[..cut], &text_sha256(&name)[..8])
    }
}

/// The properties of a guardrail where CloudFormation has other names than the API.
fn with_names_of_api(node: &Node) -> Node {
    const NAMES: [(&str, &str, &str); 5] = [
        ("", "KmsKeyArn", "KmsKeyId"),
        ("TopicPolicyConfig", "TopicsTierConfig", "TierConfig"),
        ("ContentPolicyConfig", "ContentFiltersTierConfig", "TierConfig"),
        ("ContextualGroundingPolicyConfig", "ContextualGroundingTierConfig", "TierConfig"),
        ("CrossRegionConfig", "GuardrailProfileArn", "GuardrailProfileIdentifier"),
    ];
    fn renamed(node: &Node, within: &str) -> Node {
        let Kind::Map(entries) = &node.kind else { return node.clone() };
        let renamed = entries.iter().map(|entry| {
            let name = NAMES.iter().find(|(place, name, _)| *place == within && *name == entry.key);
            let key = name.map_or_else(|| entry.key.clone(), |(_, _, name)| (*name).to_owned());
            let value = if within.is_empty() { renamed(&entry.value, &entry.key) } else { entry.value.clone() };
            Entry { key, value, ..entry.clone() }
        });
        node.with(Kind::Map(renamed.collect()))
    }
    renamed(node, "")
}

/// The properties of a serverless function with the globals below them: mappings are merged, lists are appended,
/// other values of the function win.
pub(crate) fn with_globals(globals: &Node, own: &Node) -> Node {
    let is_call = |entries: &[Entry]| matches!(entries, [one] if one.key == "Ref" || one.key.starts_with("Fn::"));
    match (&globals.kind, &own.kind) {
        (Kind::Map(below), Kind::Map(above)) if !is_call(below) && !is_call(above) => {
            let mut entries = above.clone();
            for entry in below {
                match entries.iter_mut().find(|own| own.key == entry.key) {
                    Some(own) => own.value = with_globals(&entry.value, &own.value),
                    None => entries.push(entry.clone()),
                }
            }
            own.with(Kind::Map(entries))
        }
        (Kind::List(below), Kind::List(above)) => own.with(Kind::List(below.iter().chain(above).cloned().collect())),
        _ => own.clone(),
    }
}

/// `s3://bucket/key` and `{Bucket, Key, Version}` in the spelling of a function; anything else is a local path.
fn code_uri(node: &Node) -> Node {
    let entry = |key: &str, value: Node| Entry { key: key.to_owned(), line: node.line, column: node.column, value };
    if let Some((bucket, key)) = node.text().and_then(|text| text.strip_prefix("s3://")?.split_once('/')) {
        return node
            .with(Kind::Map(vec![entry("S3Bucket", node.with_text(bucket)), entry("S3Key", node.with_text(key))]));
    }
    let renamed = node.entries().iter().map(|part| {
        let key = match part.key.as_str() {
            "Bucket" => "S3Bucket",
            "Key" => "S3Key",
            "Version" => "S3ObjectVersion",
            other => other,
        };
        Entry { key: key.to_owned(), ..part.clone() }
    });
    if node.entries().is_empty() { node.clone() } else { node.with(Kind::Map(renamed.collect())) }
}

/// A mapping of tags as a list of `Key` and `Value`.
fn listed(node: &Node) -> Node {
    let Kind::Map(entries) = &node.kind else { return node.clone() };
    let item = |entry: &Entry| {
        let part = |key: &str, value: Node| Entry { key: key.to_owned(), value, ..entry.clone() };
        let (key, value) = (entry.value.with_text(&*entry.key), entry.value.clone());
        entry.value.with(Kind::Map(vec![part("Key", key), part("Value", value)]))
    };
    node.with(Kind::List(entries.iter().map(item).collect()))
}

/// The members that an operation takes.
pub(super) fn input_shape<O: ApiOperation>() -> &'static Shape {
    O::OPERATION.input.expect("the operations named here have input")
}
