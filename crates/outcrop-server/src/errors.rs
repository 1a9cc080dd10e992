//! Every error a caller can see, with AWS's code and wording, in one place.

use outcrop_api::{Operation, decode};
use outcrop_store::StoreError;
use outcrop_wire::sigv4::Refusal;
use serde_json::{Map, Value, json};

/// What an operation answers.
pub type OpResult<T> = Result<T, ApiError>;

/// An error for the caller.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// AWS's code, such as `ValidationException`.
    pub code: &'static str,
    /// For the caller; never a secret, never an address of ours.
    pub message: String,
    /// Further members of the error shape.
    pub members: Map<String, Value>,
}

impl ApiError {
    /// An error with a code and a message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), members: Map::new() }
    }

    /// Status for this operation: codes have different ones in different services.
    pub fn status(&self, operation: Option<&Operation>) -> u16 {
        operation.and_then(|operation| outcrop_api::error_status(operation, self.code)).unwrap_or(match self.code {
            "ValidationException" | "SerializationException" | "InvalidParameterValueException" => 400,
            "ServiceQuotaExceededException" => 402,
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "IncompleteSignatureException"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException" => 403,
            "ResourceNotFoundException" | "UnknownOperationException" => 404,
            "RequestTimeoutException" => 408,
            "ConflictException" | "ResourceConflictException" => 409,
            "RequestEntityTooLargeException" => 413,
            "DependencyFailedException" | "ModelNotReadyException" => 424,
            "ThrottlingException" => 429,
            "NotImplementedException" => 501,
            "BadGatewayException" => 502,
            "ServiceUnavailableException" => 503,
            _ => 500,
        })
    }

    /// Takes away the list of fields where the operation's error shape has none: of all services only the control plane
    /// of agents tells them apart from the message.
    pub fn leave_out_unknown_fields(&mut self, operation: &Operation) {
        let known =
            operation.errors.iter().any(|shape| shape.name == self.code && shape.members.contains(&"fieldList"));
        if !known {
            self.members.remove("fieldList");
        }
    }

    /// The JSON body clients read.
    pub fn body(&self) -> Vec<u8> {
        Value::Object(self.members()).to_string().into_bytes()
    }

    /// The members of that body.
    pub fn members(&self) -> Map<String, Value> {
        let mut body = Map::from_iter([("message".to_owned(), Value::from(self.message.as_str()))]);
        body.extend(self.members.clone());
        body
    }

    /// The code as Query services say it: what every service knows has other names there.
    pub fn query_code(&self) -> &'static str {
        match self.code {
            "ValidationException" => "ValidationError",
            "SerializationException" => "MalformedInput",
            "UnknownOperationException" => "InvalidAction",
            "AccessDeniedException" => "AccessDenied",
            "UnrecognizedClientException" => "InvalidClientTokenId",
            "InvalidSignatureException" => "SignatureDoesNotMatch",
            "IncompleteSignatureException" => "IncompleteSignature",
            "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
            "ThrottlingException" => "Throttling",
            "ServiceQuotaExceededException" => "LimitExceeded",
            "RequestTimeoutException" => "RequestExpired",
            "InternalServerException" => "InternalFailure",
            "ServiceUnavailableException" => "ServiceUnavailable",
            code => code,
        }
    }

    /// The code as a member of an event-stream union: `ValidationException` → `validationException`.
    pub fn stream_member(&self) -> String {
        let mut name = self.code.to_owned();
        name[..1].make_ascii_lowercase();
        name
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        // The caller's doing, and no retry would help.
        if let StoreError::TooLarge(what) = &error {
            return validation(format!("The request makes something too large to keep: {what}."));
        }
        tracing::error!(error = &error as &dyn std::error::Error, "store failed: {error}");
        match error {
            StoreError::Disk { .. } => cannot_keep(),
            StoreError::Unavailable(_) => database_away(),
            StoreError::Unknown => outcome_unknown(),
            _ => internal(),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Missing => "MissingAuthenticationTokenException",
            Refusal::Incomplete(_) => "IncompleteSignatureException",
            Refusal::UnknownKey => "UnrecognizedClientException",
            // What Bedrock says about an API key it does not know.
            Refusal::UnknownBearer => "AccessDeniedException",
            Refusal::Time(_) | Refusal::Scope(_) | Refusal::NotSigned(_) | Refusal::Mismatch | Refusal::Body => {
                "InvalidSignatureException"
            }
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<decode::Rejection> for ApiError {
    fn from(rejection: decode::Rejection) -> Self {
        match rejection {
            decode::Rejection::Serialization(message) => Self::new("SerializationException", message),
            decode::Rejection::Validation(violations) => {
                let message = decode::message(&violations);
                let fields: Vec<Value> = violations
                    .iter()
                    .map(|violation| json!({"name": violation.path, "message": violation.message}))
                    .collect();
                let mut error = Self::new("ValidationException", message);
                error.members.insert("fieldList".to_owned(), Value::from(fields));
                error
            }
        }
    }
}

/// A fault of ours: the log says more.
pub fn internal() -> ApiError {
    ApiError::new("InternalServerException", "An internal server error occurred. Retry your request.")
}

/// The disk does not take what has to be kept; the log says why.
pub fn cannot_keep() -> ApiError {
    ApiError::new(
        "InternalServerException",
        "The server cannot write its state at the moment, so this was not carried on. What was done so far is kept; retry later.",
    )
}

/// The database does not answer; nothing of the request was written.
pub fn database_away() -> ApiError {
    ApiError::new("InternalServerException", "The server cannot reach its database at the moment. Retry your request.")
}

/// The database went away while it kept what the request wrote.
pub fn outcome_unknown() -> ApiError {
    ApiError::new(
        "InternalServerException",
        "The database went away while it kept your request; whether it did is not known. Look before you retry.",
    )
}

/// The process ends; what the turn did is in its journal.
pub fn stopping() -> ApiError {
    ApiError::new(
        "InternalServerException",
        "The server is shutting down. What was done so far is kept; retry when it is back.",
    )
}

/// A rule between members or with stored state is broken.
pub fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

/// A rule about one member is broken; it is named in `fieldList`.
pub fn invalid_field(name: &str, message: impl Into<String>) -> ApiError {
    let message = message.into();
    let mut error = validation(message.clone());
    error.members.insert("fieldList".to_owned(), json!([{"name": name, "message": message}]));
    error
}

/// The service says the same for every kind of resource.
pub fn not_found() -> ApiError {
    ApiError::new(
        "ResourceNotFoundException",
        "Failed to retrieve resource because it doesn't exist. Retry the request with a different resource identifier.",
    )
}

/// Something else stands in the way.
pub fn conflict(message: impl Into<String>) -> ApiError {
    ApiError::new("ConflictException", message)
}

/// A setting under `[quotas]` allows no more.
pub fn quota_exceeded(message: impl Into<String>) -> ApiError {
    ApiError::new("ServiceQuotaExceededException", message)
}

/// Everything that is wrong with one member, each in `fieldList`.
pub fn invalid_fields(name: &str, message: impl Into<String>, details: impl IntoIterator<Item = String>) -> ApiError {
    let fields: Vec<Value> = details.into_iter().map(|detail| json!({"name": name, "message": detail})).collect();
    let mut error = validation(message);
    error.members.insert("fieldList".to_owned(), Value::from(fields));
    error
}

/// An agent is in a state in which an operation cannot be done. Terraform matches these words.
pub fn busy(operation: &str, resource: &str, state: &str) -> ApiError {
    validation(format!(
        "{operation} operation can't be performed on {resource} when it is in {state} state. Retry the request when the {} is in a valid state.",
        resource.to_ascii_lowercase()
    ))
}

/// An alias cannot be made of an agent in this state; the service's words.
pub fn not_versionable(operation: &str, state: &str) -> ApiError {
    validation(format!("{operation} operation can't be performed on AgentAlias when Agent is in {state} state."))
}

/// A page token that is none of ours.
pub fn bad_token() -> ApiError {
    invalid_field("nextToken", "The nextToken is not valid. Start again without it.")
}

/// The operation is known but not built yet.
pub fn not_implemented(operation: &Operation) -> ApiError {
    ApiError::new("NotImplementedException", format!("{} is not implemented by Outcrop yet.", operation.name))
}

/// No operation has this name.
pub fn unknown_action(name: &str) -> ApiError {
    let name = &name[..name.floor_char_boundary(200)];
    ApiError::new("UnknownOperationException", format!("Could not find operation {name}."))
}

/// No operation has this method and path.
pub fn unknown_operation(method: &str, path: &str) -> ApiError {
    let path = &path[..path.floor_char_boundary(200)];
    ApiError::new("UnknownOperationException", format!("No operation is known for {method} {path}."))
}
