//! The part of Lambda that action groups need: functions are kept here and run by a [`FunctionHost`].
//!
//! Documents of functions are in the store, their zip files in a folder under the hash of their content. There is one
//! version of a function, `$LATEST`. Functions that the configuration names have no document: they can be invoked and
//! given permissions, and nothing else.

mod add_permission;
mod changes;
mod code;
mod create_function;
mod delete_function;
mod delete_layer_version;
mod documents;
mod errors;
mod get_function;
mod get_function_configuration;
mod get_layer_version;
mod get_policy;
mod invoke;
mod layers;
mod list_functions;
mod list_layer_versions;
mod list_layers;
mod names;
mod policy;
mod publish_layer_version;
mod remove_permission;
mod settings;
mod tags;
#[cfg(test)]
mod tests;
mod update_function_code;
mod update_function_configuration;
mod zip;

use crate::App;
use crate::edge::respond::Body;
use crate::errors::{ApiError, OpResult};
use crate::ops::{OpContext, OperationTable};
use bytes::Bytes;
use documents::StoredFunction;
use http::Response;
use outcrop_api::{ApiOperation, lambda as api};
use outcrop_ports::{BoxFuture, ToolFailure, ToolLimits};
use outcrop_store::Kind;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Runs functions that were deployed here.
pub trait FunctionHost: Send + Sync {
    /// Adds or replaces a function; takes effect for new calls. The error says for the caller why it cannot run.
    fn deploy(&self, function: FunctionDeployment) -> Result<(), String>;

    /// Takes a deployed function away, by its bare name. Calls under way come to their end.
    fn remove(&self, name: &str);

    /// Whether the configuration names what answers this function; `function` is an ARN without qualifier.
    fn is_configured(&self, function: &str) -> bool;

    /// Invokes and waits; `function` is an ARN without qualifier. What the function itself does wrong (it raises an
    /// error, exits, takes too long) is a reply with `function_error`. The end of the log is got when it is asked for,
    /// which may take some milliseconds. Dropping the future may end the function.
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
        limits: ToolLimits,
        log_tail: bool,
    ) -> BoxFuture<'a, Result<FunctionReply, ToolFailure>>;
}

/// A function as its host gets it.
#[derive(Clone, PartialEq, Eq)]
pub struct FunctionDeployment {
    /// Bare name.
    pub name: String,
    /// A zip file on disk, named after the hash of its content.
    pub code: PathBuf,
    /// Zip files of its layers, likewise.
    pub layers: Vec<PathBuf>,
    /// AWS's name, such as `python3.12`.
    pub runtime: String,
    /// `module.function`.
    pub handler: String,
    /// Longest time for one event.
    pub timeout: Duration,
    /// What the function is told about its memory, in MiB.
    pub memory_mb: u32,
    /// Variables that the function declares.
    pub environment: BTreeMap<String, String>,
}

impl fmt::Debug for FunctionDeployment {
    /// Names of variables only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionDeployment")
            .field("name", &self.name)
            .field("code", &self.code)
            .field("layers", &self.layers)
            .field("runtime", &self.runtime)
            .field("handler", &self.handler)
            .field("timeout", &self.timeout)
            .field("memory_mb", &self.memory_mb)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// What came of an invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionReply {
    /// JSON as the function wrote it, or Lambda's error form.
    pub payload: Bytes,
    /// Whether the payload is an error.
    pub function_error: bool,
    /// The end of what it logged meanwhile; empty unless asked for.
    pub log_tail: Vec<u8>,
}

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    unary::<api::CreateFunction, _, _>(table, create_function::create_function);
    unary::<api::UpdateFunctionCode, _, _>(table, update_function_code::update_function_code);
    unary::<api::UpdateFunctionConfiguration, _, _>(
        table,
        update_function_configuration::update_function_configuration,
    );
    unary::<api::GetFunction, _, _>(table, get_function::get_function);
    unary::<api::GetFunctionConfiguration, _, _>(table, get_function_configuration::get_function_configuration);
    unary::<api::ListFunctions, _, _>(table, list_functions::list_functions);
    unary::<api::DeleteFunction, _, _>(table, delete_function::delete_function);
    raw::<api::Invoke, _, _>(table, invoke::invoke);
    unary::<api::AddPermission, _, _>(table, add_permission::add_permission);
    unary::<api::RemovePermission, _, _>(table, remove_permission::remove_permission);
    unary::<api::GetPolicy, _, _>(table, get_policy::get_policy);
    unary::<api::PublishLayerVersion, _, _>(table, publish_layer_version::publish_layer_version);
    unary::<api::GetLayerVersion, _, _>(table, get_layer_version::get_layer_version);
    unary::<api::ListLayerVersions, _, _>(table, list_layer_versions::list_layer_versions);
    unary::<api::ListLayers, _, _>(table, list_layers::list_layers);
    unary::<api::DeleteLayerVersion, _, _>(table, delete_layer_version::delete_layer_version);
    unary::<api::TagResource, _, _>(table, tags::tag_resource);
    unary::<api::UntagResource, _, _>(table, tags::untag_resource);
    unary::<api::ListTags, _, _>(table, tags::list_tags);
}

/// Brings every stored function to the host and removes code that no function uses; to be called once at start.
/// Answers how many functions run. One that cannot run is logged and does not keep the others from running.
pub async fn load(app: &Arc<App>) -> OpResult<usize> {
    changes::one_at_a_time(app, |app| async move {
        let stored = app
            .store
            .read(|tx| Ok::<_, ApiError>(tx.list_all::<StoredFunction>(Kind::Function, documents::PARENT)?))
            .await?;
        code::sweep(&app.settings.functions_dir, code::used(&app).await?).await;
        let mut count = 0;
        for function in &stored {
            match app.functions.deploy(function.deployment(&app.settings.functions_dir)) {
                Ok(()) => count += 1,
                Err(reason) => tracing::error!(function = function.name, reason, "a stored function cannot run"),
            }
        }
        Ok(count)
    })
    .await
}

/// Adds an operation whose errors have Lambda's form.
fn unary<O, F, A>(table: &mut OperationTable, answer: F)
where
    O: ApiOperation,
    F: Fn(OpContext, O::Input) -> A + Send + Sync + Copy + 'static,
    A: Future<Output = OpResult<O::Output>> + Send + 'static,
{
    table.unary::<O, _, _>(move |context, input| {
        let answered = answer(context, input);
        async move { answered.await.map_err(errors::in_form) }
    });
}

fn raw<O, F, A>(table: &mut OperationTable, answer: F)
where
    O: ApiOperation,
    F: Fn(OpContext, O::Input) -> A + Send + Sync + Copy + 'static,
    A: Future<Output = OpResult<Response<Body>>> + Send + 'static,
{
    table.raw::<O, _, _>(move |context, input| {
        let answered = answer(context, input);
        async move { answered.await.map_err(errors::in_form) }
    });
}
