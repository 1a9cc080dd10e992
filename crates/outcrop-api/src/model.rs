//! The tables: what AWS's models say about services, operations and shapes.

use crate::generated::SERVICES;
use crate::pattern::Pattern;

/// A served service.
#[derive(Debug)]
pub struct Service {
    /// Which one.
    pub id: ServiceId,
    /// AWS's name of it, as in `aws bedrock-agent`.
    pub name: &'static str,
    /// Name in the scope of a signature; several services share one.
    pub signing_name: &'static str,
    /// How it speaks.
    pub protocol: Protocol,
    /// By name.
    pub operations: &'static [Operation],
}

impl Service {
    /// Prefix of its `X-Amz-Target`, in the protocol that has one.
    pub(crate) fn protocol_target(&self) -> Option<&'static str> {
        match self.protocol {
            Protocol::Json { target_prefix } => Some(target_prefix),
            _ => None,
        }
    }
}

/// How a service's requests and answers look on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Method and path name the operation; bodies are JSON.
    RestJson,
    /// AWS's JSON 1.0: the header `X-Amz-Target` names the operation; everything else is in JSON bodies.
    Json {
        /// What stands before the dot and the operation's name.
        target_prefix: &'static str,
    },
    /// AWS's Query: a form with `Action` and `Version` names the operation; answers are XML.
    Query {
        /// Version of the API, a date.
        version: &'static str,
        /// Namespace of the XML.
        namespace: &'static str,
    },
}

/// Names a served service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceId {
    /// Control plane of agents, knowledge bases, prompts and flows.
    BedrockAgent,
    /// Data plane of the same.
    BedrockAgentRuntime,
    /// Guardrails and lists of models.
    Bedrock,
    /// Models and guardrails at work.
    BedrockRuntime,
    /// Functions behind action groups.
    Lambda,
    /// Who is calling.
    Sts,
    /// Roles and policies.
    Iam,
    /// Collections for vectors and their policies.
    OpenSearchServerless,
}

impl ServiceId {
    /// The service's table.
    pub fn service(self) -> &'static Service {
        SERVICES[self as usize]
    }
}

/// One operation of a service.
#[derive(Debug)]
pub struct Operation {
    /// Dense over all services, from 0; another one with every change of the models, so not to be stored.
    pub index: usize,
    /// Whose it is.
    pub service: ServiceId,
    /// Such as `CreateAgent`. Not unique: several services have a `TagResource`.
    pub name: &'static str,
    /// HTTP method in capitals.
    pub method: &'static str,
    /// Path with labels, as modelled; `/` where the path does not name the operation.
    pub uri: &'static str,
    /// The path in parts, without the slash that may stand at its end.
    pub segments: &'static [Segment],
    /// Status of success.
    pub status: u16,
    /// Structure of the input.
    pub input: Option<&'static Shape>,
    /// Structure of the output, without an event stream.
    pub output: Option<&'static Shape>,
    /// Errors it may answer with.
    pub errors: &'static [&'static ErrorShape],
    /// Set when the answer is a stream.
    pub event_stream: Option<EventStream>,
    /// Input member that makes a repeated request count once.
    pub idempotency_token: Option<&'static str>,
}

/// A part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Stands for itself.
    Literal(&'static str),
    /// Any one part.
    Label(&'static str),
}

/// An error an operation may answer with.
#[derive(Debug)]
pub struct ErrorShape {
    /// Code on the wire, such as `ValidationException` or, of Query services, `NoSuchEntity`.
    pub name: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Members of the body.
    pub members: &'static [&'static str],
}

/// The stream in an operation's answer.
#[derive(Debug)]
pub struct EventStream {
    /// Member of the output it stands for.
    pub member: &'static str,
    /// Union of its events.
    pub shape: &'static Shape,
}

/// A type of AWS's, with its limits.
#[derive(Debug)]
pub struct Shape {
    /// AWS's name.
    pub name: &'static str,
    /// Whether values must stay out of messages and logs.
    pub sensitive: bool,
    /// What it is.
    pub kind: Kind,
}

/// What a shape is. Limits include their ends.
#[derive(Debug)]
pub enum Kind {
    /// An object; exactly one member of a union is set.
    Structure {
        /// Exactly one member is set.
        union: bool,
        /// In AWS's order.
        members: &'static [Member],
    },
    /// An array.
    List {
        /// Shape of each element.
        member: &'static Shape,
        /// Fewest elements.
        min: usize,
        /// Most elements.
        max: usize,
    },
    /// An object with keys of the caller's.
    Map {
        /// Shape of each key; a string.
        key: &'static Shape,
        /// Shape of each value.
        value: &'static Shape,
        /// Fewest entries.
        min: usize,
        /// Most entries.
        max: usize,
    },
    /// Text; limits count characters.
    String {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// What the whole text has to match.
        pattern: Option<&'static Pattern>,
        /// What it has to be one of, unless empty.
        values: &'static [&'static str],
    },
    /// 32 bits, signed.
    Integer {
        /// Smallest value.
        min: Option<i64>,
        /// Largest value.
        max: Option<i64>,
    },
    /// 64 bits, signed.
    Long {
        /// Smallest value.
        min: Option<i64>,
        /// Largest value.
        max: Option<i64>,
    },
    /// 32 bits.
    Float {
        /// Smallest value.
        min: Option<f64>,
        /// Largest value.
        max: Option<f64>,
    },
    /// 64 bits.
    Double {
        /// Smallest value.
        min: Option<f64>,
        /// Largest value.
        max: Option<f64>,
    },
    /// True or false.
    Boolean,
    /// Bytes; limits count bytes.
    Blob {
        /// Fewest bytes.
        min: usize,
        /// Most bytes.
        max: usize,
    },
    /// A point in time.
    Timestamp,
    /// Any JSON.
    Document,
}

/// No upper limit.
pub(crate) const NO_MAX: usize = usize::MAX;

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Name in the body, in decoded values and in messages.
    pub name: &'static str,
    /// Its type.
    pub shape: &'static Shape,
    /// Whether it has to be there.
    pub required: bool,
    /// Where it travels.
    pub location: Location,
}

/// Where a member of an input or output travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the JSON body.
    Body,
    /// In the JSON body, as text that holds JSON. Some clients send the JSON itself.
    BodyJsonText,
    /// The label of this name in the path.
    Path(&'static str),
    /// Parameter of the query.
    Query(&'static str),
    /// Header, in small letters.
    Header(&'static str),
    /// The status of the response.
    StatusCode,
    /// It is the body, as it is.
    Payload,
}

pub(crate) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: true, location: Location::Body }
}

pub(crate) const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: false, location: Location::Body }
}

impl Shape {
    /// Members of a structure; of other shapes, none.
    pub fn members(&self) -> &'static [Member] {
        match self.kind {
            Kind::Structure { members, .. } => members,
            _ => &[],
        }
    }
}

/// All services.
pub fn services() -> impl Iterator<Item = &'static Service> {
    SERVICES.iter().copied()
}

/// All operations of all services, by index.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    services().flat_map(|service| service.operations)
}

/// Status of an error that an operation knows; codes have different ones in different services.
pub fn error_status(operation: &Operation, name: &str) -> Option<u16> {
    operation.errors.iter().find(|error| error.name == name).map(|error| error.status)
}
