//! The part of a service model that is served, after the quirks.

use super::quirks;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A service and which of its operations are served.
pub(super) struct ServiceSpec {
    /// botocore's name.
    pub(super) name: &'static str,
    /// Variant of `ServiceId`.
    pub(super) variant: &'static str,
    /// Module of the generated types.
    pub(super) module: &'static str,
    serves: fn(&str) -> bool,
}

/// In the order of their operations' indexes.
pub(super) const SERVICES: [ServiceSpec; 8] = [
    ServiceSpec { name: "bedrock-agent", variant: "BedrockAgent", module: "bedrock_agent", serves: |_| true },
    ServiceSpec {
        name: "bedrock-agent-runtime",
        variant: "BedrockAgentRuntime",
        module: "bedrock_agent_runtime",
        serves: |_| true,
    },
    ServiceSpec {
        name: "bedrock",
        variant: "Bedrock",
        module: "bedrock",
        serves: |operation| {
            const OTHERS: [&str; 9] = [
                "CreateInferenceProfile",
                "DeleteInferenceProfile",
                "GetFoundationModel",
                "GetInferenceProfile",
                "ListFoundationModels",
                "ListInferenceProfiles",
                "ListTagsForResource",
                "TagResource",
                "UntagResource",
            ];
            operation.contains("Guardrail") || OTHERS.contains(&operation)
        },
    },
    ServiceSpec {
        name: "bedrock-runtime",
        variant: "BedrockRuntime",
        module: "bedrock_runtime",
        serves: |operation| operation != "InvokeModelWithBidirectionalStream",
    },
    ServiceSpec {
        name: "lambda",
        variant: "Lambda",
        module: "lambda",
        serves: |operation| {
            const ACTION_GROUPS_NEED: [&str; 19] = [
                "AddPermission",
                "CreateFunction",
                "DeleteFunction",
                "DeleteLayerVersion",
                "GetFunction",
                "GetFunctionConfiguration",
                "GetLayerVersion",
                "GetPolicy",
                "Invoke",
                "ListFunctions",
                "ListLayerVersions",
                "ListLayers",
                "ListTags",
                "PublishLayerVersion",
                "RemovePermission",
                "TagResource",
                "UntagResource",
                "UpdateFunctionCode",
                "UpdateFunctionConfiguration",
            ];
            ACTION_GROUPS_NEED.contains(&operation)
        },
    },
    // What set-up scripts call next to Bedrock.
    ServiceSpec { name: "sts", variant: "Sts", module: "sts", serves: |operation| operation == "GetCallerIdentity" },
    ServiceSpec {
        name: "iam",
        variant: "Iam",
        module: "iam",
        serves: |operation| {
            const ROLES_AND_POLICIES: [&str; 30] = [
                "AttachRolePolicy",
                "CreatePolicy",
                "CreatePolicyVersion",
                "CreateRole",
                "CreateServiceLinkedRole",
                "DeletePolicy",
                "DeletePolicyVersion",
                "DeleteRole",
                "DeleteRolePolicy",
                "DetachRolePolicy",
                "GetPolicy",
                "GetPolicyVersion",
                "GetRole",
                "GetRolePolicy",
                "GetUser",
                "ListAttachedRolePolicies",
                "ListEntitiesForPolicy",
                "ListInstanceProfilesForRole",
                "ListPolicies",
                "ListPolicyVersions",
                "ListRolePolicies",
                "ListRoleTags",
                "ListRoles",
                "PutRolePolicy",
                "SetDefaultPolicyVersion",
                "TagPolicy",
                "TagRole",
                "UntagRole",
                "UpdateAssumeRolePolicy",
                "UpdateRole",
            ];
            ROLES_AND_POLICIES.contains(&operation)
        },
    },
    ServiceSpec {
        name: "opensearchserverless",
        variant: "OpenSearchServerless",
        module: "opensearchserverless",
        serves: |operation| {
            const COLLECTIONS_AND_POLICIES: [&str; 18] = [
                "BatchGetCollection",
                "CreateAccessPolicy",
                "CreateCollection",
                "CreateSecurityPolicy",
                "DeleteAccessPolicy",
                "DeleteCollection",
                "DeleteSecurityPolicy",
                "GetAccessPolicy",
                "GetSecurityPolicy",
                "ListAccessPolicies",
                "ListCollections",
                "ListSecurityPolicies",
                "ListTagsForResource",
                "TagResource",
                "UntagResource",
                "UpdateAccessPolicy",
                "UpdateCollection",
                "UpdateSecurityPolicy",
            ];
            COLLECTIONS_AND_POLICIES.contains(&operation)
        },
    },
];

/// A model, cut down to what the served operations reach.
pub(super) struct ServiceModel {
    pub(super) spec: &'static ServiceSpec,
    pub(super) signing_name: String,
    pub(super) protocol: Protocol,
    /// By name.
    pub(super) operations: Vec<Operation>,
    /// By name; every shape an operation's input or output reaches.
    pub(super) shapes: BTreeMap<String, Shape>,
    /// By name; every error an operation names.
    pub(super) errors: BTreeMap<String, ErrorShape>,
}

/// How the service speaks.
pub(super) enum Protocol {
    RestJson,
    Json { target_prefix: String },
    Query { version: String, namespace: String },
}

pub(super) struct Operation {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) status: u64,
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
    pub(super) errors: Vec<String>,
    /// Member of the output and its shape.
    pub(super) event_stream: Option<(String, String)>,
    pub(super) idempotency_token: Option<String>,
}

pub(super) struct ErrorShape {
    /// On the wire; the shape's name, but in the Query protocol.
    pub(super) code: String,
    pub(super) status: u64,
    pub(super) members: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    pub(super) sensitive: bool,
    pub(super) min: Option<Value>,
    pub(super) max: Option<Value>,
    pub(super) pattern: Option<String>,
}

#[derive(Clone)]
pub(super) enum Kind {
    Structure { members: Vec<Member>, union: bool, events: bool },
    List(String),
    Map { key: String, value: String },
    String { values: Vec<String> },
    Integer,
    Long,
    Float,
    Double,
    Boolean,
    Blob,
    Timestamp,
    Document,
}

#[derive(Clone)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) shape: String,
    pub(super) required: bool,
    pub(super) location: Location,
    /// JSON kept in a string.
    pub(super) json_text: bool,
    /// An event stream beside the other members.
    pub(super) event_stream: bool,
}

#[derive(Clone, PartialEq)]
pub(super) enum Location {
    Body,
    Path(String),
    Query(String),
    Header(String),
    StatusCode,
    Payload,
}

impl ServiceModel {
    /// Reads a `service-2.json`.
    pub(super) fn read(spec: &'static ServiceSpec, json: &str) -> Result<Self, String> {
        let mut model: Value = serde_json::from_str(json).map_err(|e| format!("model of {}: {e}", spec.name))?;
        let mut shapes = model["shapes"].take();
        quirks::apply(spec.name, &mut shapes)?;
        let mut served = Self {
            spec,
            // A service that is signed by its host's name does not say so once more.
            signing_name: text(&model["metadata"], "signingName")
                .or_else(|_| text(&model["metadata"], "endpointPrefix"))?,
            protocol: read_protocol(&model["metadata"])?,
            operations: Vec::new(),
            shapes: BTreeMap::new(),
            errors: BTreeMap::new(),
        };
        let operations = model["operations"].as_object().ok_or("no operations")?;
        for (name, operation) in operations.iter().filter(|(name, _)| (spec.serves)(name)) {
            served.add_operation(name, operation, &shapes).map_err(|e| format!("{} {name}: {e}", spec.name))?;
        }
        served.operations.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(served)
    }

    /// A shape that a served shape names.
    pub(super) fn shape(&self, name: &str) -> Result<&Shape, String> {
        self.shapes.get(name).ok_or_else(|| format!("{}: no shape {name}", self.spec.name))
    }

    fn add_operation(&mut self, name: &str, json: &Value, shapes: &Value) -> Result<(), String> {
        let shape_of = |side: &str| json.get(side).map(|reference| text(reference, "shape")).transpose();
        let (input, output) = (shape_of("input")?, shape_of("output")?);
        for root in input.iter().chain(&output) {
            self.add_shape(root, shapes)?;
        }
        let mut errors = Vec::new();
        for error in json["errors"].as_array().into_iter().flatten() {
            let error = text(error, "shape")?;
            let shape = &shapes[&error];
            let status = shape["error"]["httpStatusCode"].as_u64();
            let status = status.unwrap_or(if shape["fault"] == true { 500 } else { 400 });
            let code = match self.protocol {
                Protocol::Query { .. } => shape["error"]["code"].as_str().unwrap_or(&error),
                _ => &error,
            };
            let members = shape["members"].as_object().ok_or("error without members")?;
            let members = members.keys().cloned().collect();
            self.errors.insert(error.clone(), ErrorShape { code: code.to_owned(), status, members });
            errors.push(error);
        }
        errors.sort();
        let wrapper = json["output"]["resultWrapper"].as_str();
        if wrapper.is_some_and(|wrapper| wrapper != format!("{name}Result")) {
            return Err("the result is wrapped under another name than the operation's".to_owned());
        }
        let members_of = |root: &Option<String>| match root.as_ref().and_then(|root| self.shapes.get(root)) {
            Some(Shape { kind: Kind::Structure { members, .. }, .. }) => members.clone(),
            _ => Vec::new(),
        };
        let event_stream = members_of(&output).into_iter().find(|member| member.event_stream);
        let token = input.as_ref().and_then(|input| shapes[input]["members"].as_object()).and_then(|members| {
            members.iter().find(|(_, member)| member["idempotencyToken"] == true).map(|(name, _)| name.clone())
        });
        self.operations.push(Operation {
            name: name.to_owned(),
            method: text(&json["http"], "method")?,
            uri: text(&json["http"], "requestUri")?,
            status: json["http"]["responseCode"].as_u64().unwrap_or(200),
            errors,
            event_stream: event_stream.map(|member| (member.name, member.shape)),
            idempotency_token: token,
            input,
            output,
        });
        Ok(())
    }

    fn add_shape(&mut self, name: &str, shapes: &Value) -> Result<(), String> {
        if self.shapes.contains_key(name) {
            return Ok(());
        }
        let json = shapes[name].as_object().ok_or_else(|| format!("no shape {name}"))?;
        let shape = read_shape(json, shapes).map_err(|e| format!("shape {name}: {e}"))?;
        self.shapes.insert(name.to_owned(), shape.clone());
        match shape.kind {
            Kind::Structure { members, .. } => {
                members.iter().try_for_each(|member| self.add_shape(&member.shape, shapes))
            }
            Kind::List(member) => self.add_shape(&member, shapes),
            Kind::Map { key, value } => self.add_shape(&key, shapes).and_then(|()| self.add_shape(&value, shapes)),
            _ => Ok(()),
        }
    }
}

fn read_protocol(metadata: &Value) -> Result<Protocol, String> {
    match metadata["protocol"].as_str() {
        Some("rest-json") => Ok(Protocol::RestJson),
        Some("json") if metadata["jsonVersion"] == "1.0" => {
            Ok(Protocol::Json { target_prefix: text(metadata, "targetPrefix")? })
        }
        Some("query") => {
            Ok(Protocol::Query { version: text(metadata, "apiVersion")?, namespace: text(metadata, "xmlNamespace")? })
        }
        other => Err(format!("protocol {other:?} is not known yet")),
    }
}

fn read_shape(json: &Map<String, Value>, shapes: &Value) -> Result<Shape, String> {
    let kind_of = |side: &str| text(&json[side], "shape");
    let flag = |name: &str| json.get(name).is_some_and(|value| value == true);
    if flag("flattened") {
        return Err("flattened lists and maps are not known yet".to_owned());
    }
    let kind = match json["type"].as_str().unwrap_or_default() {
        "structure" if flag("document") => Kind::Document,
        "structure" => {
            let members = read_members(json, shapes)?;
            Kind::Structure { members, union: flag("union") || flag("eventstream"), events: flag("eventstream") }
        }
        "list" => Kind::List(kind_of("member")?),
        "map" => Kind::Map { key: kind_of("key")?, value: kind_of("value")? },
        "string" => {
            let values = json.get("enum").and_then(Value::as_array).into_iter().flatten();
            Kind::String { values: values.filter_map(Value::as_str).map(str::to_owned).collect() }
        }
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "boolean" => Kind::Boolean,
        "blob" => Kind::Blob,
        "timestamp" => Kind::Timestamp,
        other => return Err(format!("unknown type {other}")),
    };
    Ok(Shape {
        kind,
        sensitive: flag("sensitive"),
        min: json.get("min").cloned(),
        max: json.get("max").cloned(),
        pattern: json.get("pattern").and_then(Value::as_str).map(str::to_owned),
    })
}

fn read_members(json: &Map<String, Value>, shapes: &Value) -> Result<Vec<Member>, String> {
    let required: Vec<&str> =
        json.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let payload = json.get("payload").and_then(Value::as_str);
    let mut read = Vec::new();
    for (name, member) in json["members"].as_object().ok_or("no members")? {
        let shape = text(member, "shape")?;
        let event_stream = shapes[&shape]["eventstream"] == true;
        let wire = member["locationName"].as_str().unwrap_or(name).to_owned();
        let location = match member["location"].as_str() {
            None if wire != *name => return Err(format!("member {name} has another name in the body")),
            None if payload == Some(name) => Location::Payload,
            None => Location::Body,
            Some("uri") => Location::Path(wire),
            Some("querystring") => Location::Query(wire),
            Some("header") => Location::Header(wire.to_ascii_lowercase()),
            Some("statusCode") => Location::StatusCode,
            Some(other) => return Err(format!("member {name} is at {other}")),
        };
        if location == Location::Payload && !event_stream && shapes[&shape]["type"] != "blob" {
            return Err(format!("payload {name} is no blob"));
        }
        read.push(Member {
            name: name.clone(),
            shape,
            required: required.contains(&name.as_str()),
            location,
            json_text: member["jsonvalue"] == true,
            event_stream,
        });
    }
    Ok(read)
}

fn text(json: &Value, member: &str) -> Result<String, String> {
    json[member].as_str().map(str::to_owned).ok_or_else(|| format!("no {member}"))
}
