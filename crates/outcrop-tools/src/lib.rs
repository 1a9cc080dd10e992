//! Tool executors: Lambda, local and remote.
//!
//! [`LambdaTools`] is the way in: it finds what answers a Lambda ARN in its [`FunctionRegistry`], has the event worked
//! on by the local [host](HostConfig) or a remote endpoint, and reads the answer. [`envelope`] holds what goes over the
//! wire to and from functions of action groups.

mod delivery;
pub mod envelope;
mod failure;
mod functions;
mod host;
mod invoke;
mod names;

pub use functions::{
    BadPattern, ConfiguredFunction, FunctionRegistry, FunctionSource, FunctionSpec, LocalFunction, Runtime,
};
pub use host::HostConfig;
pub use names::{FunctionName, Home};

use bytes::Bytes;
use failure::{Answer, Failure, function_error};
use host::LocalHost;
use outcrop_http::HttpClient;
use outcrop_ports::{
    BoxFuture, Clock, Delivery, Ids, ToolCall, ToolContext, ToolExecutor, ToolFailure, ToolLimits, ToolOutcome,
};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Functions by name or ARN, wherever they run.
///
/// One per process, shared by reference. Dropping it kills local functions; [`LambdaTools::shutdown`] also waits.
pub struct LambdaTools {
    home: Home,
    registry: FunctionRegistry,
    host: LocalHost,
    http: HttpClient,
}

/// How long and how much, for one invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvokeLimits {
    /// Given up after this, whatever the function's own time-out says; waiting for a free process included.
    pub timeout: Duration,
    /// Largest answer, in bytes.
    pub response_bytes_max: usize,
    /// Whether the end of the function's log is wanted; costs a few milliseconds with local functions.
    pub log_tail: bool,
}

/// What Lambda's Invoke answers with status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeResult {
    /// What the function answered, or its error in Lambda's form.
    pub payload: Bytes,
    /// Whether it is an error (header `X-Amz-Function-Error`): raised by the function, its end, or its time-out.
    pub function_error: bool,
    /// At most the last 4 KB of its log; empty unless asked for, and from remote functions whatever they send.
    pub log_tail: String,
}

impl LambdaTools {
    /// Prepares the host's scratch folder, which it empties; starts nothing. Fails when that folder cannot be made.
    pub fn new(
        config: HostConfig,
        registry: FunctionRegistry,
        http: HttpClient,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> io::Result<Self> {
        Ok(Self { home: config.home.clone(), registry, http, host: LocalHost::new(config, clock, ids)? })
    }

    /// Invokes a function as Lambda's Invoke does: `function` is a name or an ARN, with or without qualifier.
    ///
    /// Errors of the function are results. Fails when no function has the name, or when it cannot be run or reached.
    /// Dropping the future ends the process that works on it.
    pub async fn invoke(
        &self,
        function: &str,
        payload: Bytes,
        limits: InvokeLimits,
    ) -> Result<InvokeResult, ToolFailure> {
        let answer = self.run(function, payload, &Delivery::default(), limits).await;
        let answer = answer.or_else(Failure::for_invoke).map_err(|failure| failure.for_tool(&shown_name(function)))?;
        Ok(InvokeResult { payload: answer.payload, function_error: answer.function_error, log_tail: answer.log })
    }

    /// Whether anything answers this name or ARN; says nothing about whether it works.
    pub fn knows(&self, function: &str) -> bool {
        FunctionName::parse(function).is_some_and(|name| self.registry.find(&name, &self.home).is_some())
    }

    /// Whether the configuration itself names what answers this name or ARN.
    pub fn is_configured(&self, function: &str) -> bool {
        FunctionName::parse(function).is_some_and(|name| self.registry.is_configured(&name, &self.home))
    }

    /// Adds or replaces a function while running. Events under way are finished by the old code.
    pub fn deploy(&self, spec: FunctionSpec) {
        if let Some(replaced) = self.registry.deploy(spec) {
            self.host.retire(&replaced);
        }
    }

    /// Removes a deployed function; `false` when there was none. Functions of the configuration stay. Events under way
    /// are finished.
    pub fn remove(&self, name: &str) -> bool {
        let removed = self.registry.remove(name);
        removed.iter().for_each(|entry| self.host.retire(entry));
        removed.is_some()
    }

    /// What is known, for messages: patterns of the configuration, then deployed names.
    pub fn known(&self) -> Vec<String> {
        self.registry.known()
    }

    /// Processes of local functions that run now.
    pub fn processes(&self) -> usize {
        self.host.processes()
    }

    /// Ends all local functions and waits until they are gone. Calls under way fail; further local calls are refused.
    pub async fn shutdown(&self) {
        self.host.shutdown().await;
    }

    async fn run(
        &self,
        function: &str,
        payload: Bytes,
        delivery: &Delivery,
        limits: InvokeLimits,
    ) -> Result<Answer, Failure> {
        let unknown = || Failure::NotFound { detail: format!("{function}; known are: {}", self.known().join(", ")) };
        let name = FunctionName::parse(function).ok_or_else(unknown)?;
        let entry = self.registry.find(&name, &self.home).ok_or_else(unknown)?;
        match &entry.source {
            FunctionSource::Local(local) => {
                let client_context = delivery::client_context(delivery);
                self.host.call(&entry, local, &name, payload, client_context, limits).await
            }
            FunctionSource::Url(url) => invoke::call(&self.http, url, &name, payload, delivery, limits).await,
        }
    }
}

impl ToolExecutor for LambdaTools {
    fn execute<'a>(
        &'a self,
        call: &'a ToolCall,
        context: &'a ToolContext,
        delivery: &'a Delivery,
        limits: ToolLimits,
    ) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let event = envelope::write_event(call, context);
            let limits = InvokeLimits {
                timeout: limits.timeout,
                response_bytes_max: limits.response_bytes_max,
                log_tail: false,
            };
            let function = &call.function_arn;
            match self.run(function, event, delivery, limits).await {
                Ok(answer) if answer.function_error => {
                    ToolOutcome::Failed(function_error(&shown_name(function), &answer.payload))
                }
                Ok(answer) => envelope::read_reply(call, &shown_name(function), &answer.payload),
                Err(failure) => ToolOutcome::Failed(failure.for_tool(&shown_name(function))),
            }
        })
    }
}

impl fmt::Debug for LambdaTools {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LambdaTools").field("known", &self.known()).finish_non_exhaustive()
    }
}

/// The bare name, as messages show it.
fn shown_name(function: &str) -> String {
    FunctionName::parse(function).map_or_else(|| failure::head(function, 200).to_owned(), |name| name.name().to_owned())
}
