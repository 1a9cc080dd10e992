//! The operations, one file each, and the table that finds them.

pub mod bedrock;
pub mod bedrock_agent;
pub mod bedrock_agent_runtime;
pub mod bedrock_runtime;
pub mod health;
pub mod iam;
pub mod lambda;
pub mod opensearchserverless;
pub mod outcrop;
pub mod s3;
pub mod sts;

use crate::App;
use crate::agents::controls::Controls;
use crate::edge::respond::{self, Body};
use crate::errors::{ApiError, OpResult};
use http::Response;
use outcrop_api::{ApiOperation, Operation, decode};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest time an operation other than a turn may take.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(60);

/// What an operation gets beside its request.
#[derive(Clone)]
pub struct OpContext {
    /// The world.
    pub app: Arc<App>,
    /// Id of the request.
    pub request_id: String,
    /// What its headers say of how a turn is to run.
    pub controls: Controls,
}

impl Deref for OpContext {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

/// A response on its way.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, ApiError>> + Send>>;
/// Decodes at once and gives what will answer.
pub type Handler = Box<dyn Fn(OpContext, decode::Parts<'_>) -> Result<Answer, ApiError> + Send + Sync>;

/// Operations by their index.
#[derive(Default)]
pub struct OperationTable {
    handlers: Vec<Option<Handler>>,
}

impl OperationTable {
    /// The handler of an operation, if it is implemented.
    pub fn handler(&self, operation: &Operation) -> Option<&Handler> {
        self.handlers.get(operation.index)?.as_ref()
    }

    /// Adds an operation that answers at once.
    pub fn unary<O, F, A>(&mut self, answer: F)
    where
        O: ApiOperation,
        F: Fn(OpContext, O::Input) -> A + Send + Sync + Copy + 'static,
        A: Future<Output = OpResult<O::Output>> + Send + 'static,
    {
        self.raw::<O, _, _>(move |context, input| async move {
            let request_id = context.request_id.clone();
            let output = tokio::time::timeout(OPERATION_TIMEOUT, answer(context, input)).await.map_err(|_| {
                ApiError::new("InternalServerException", "The operation took too long. Retry your request.")
            })??;
            Ok(respond::encoded(&request_id, outcrop_api::encode_response(O::OPERATION, &output, &request_id)))
        });
    }

    /// Adds an operation that makes its own response, such as a stream.
    pub fn raw<O, F, A>(&mut self, answer: F)
    where
        O: ApiOperation,
        F: Fn(OpContext, O::Input) -> A + Send + Sync + Copy + 'static,
        A: Future<Output = Result<Response<Body>, ApiError>> + Send + 'static,
    {
        let index = O::OPERATION.index;
        if self.handlers.len() <= index {
            self.handlers.resize_with(index + 1, || None);
        }
        self.handlers[index] = Some(Box::new(move |context, parts| {
            let input = decode::decode::<O>(parts)?;
            Ok(Box::pin(answer(context, input)) as Answer)
        }));
    }
}

/// All operations that are implemented.
pub fn table() -> &'static OperationTable {
    static TABLE: OnceLock<OperationTable> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = OperationTable::default();
        bedrock::register(&mut table);
        bedrock_agent::register(&mut table);
        bedrock_agent_runtime::register(&mut table);
        bedrock::register(&mut table);
        bedrock_runtime::register(&mut table);
        lambda::register(&mut table);
        sts::register(&mut table);
        iam::register(&mut table);
        opensearchserverless::register(&mut table);
        table
    })
}
