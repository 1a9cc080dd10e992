//! Settings of functions as callers give them, and which of them can be honoured here.

use super::errors;
use crate::errors::OpResult;
use outcrop_api::lambda as api;
use std::collections::BTreeMap;

/// Most bytes of all variables of a function together. Lambda takes 4 KiB; systems take no more than 128 KiB of one.
const ENVIRONMENT_BYTES_MAX: usize = 64 * 1024;
/// What runs here, by the beginnings of AWS's names.
const RUNTIME_FAMILIES: [&str; 3] = ["python3", "nodejs", "provided"];

/// Variables that a function cannot declare: Lambda sets them, or its runtime reads them.
const RESERVED_VARIABLES: [&str; 19] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
];

/// Settings that a caller gives when making or changing a function.
pub(super) struct Changes {
    pub(super) role: Option<String>,
    pub(super) handler: Option<String>,
    pub(super) runtime: Option<api::Runtime>,
    pub(super) description: Option<String>,
    pub(super) timeout: Option<i64>,
    pub(super) memory_size: Option<i64>,
    pub(super) environment: Option<api::Environment>,
    pub(super) vpc_config: Option<api::VpcConfig>,
    pub(super) dead_letter_config: Option<api::DeadLetterConfig>,
    pub(super) kms_key_arn: Option<String>,
    pub(super) tracing_config: Option<api::TracingConfig>,
    pub(super) ephemeral_storage: Option<api::EphemeralStorage>,
    pub(super) snap_start: Option<api::SnapStart>,
    pub(super) logging_config: Option<api::LoggingConfig>,
    /// Settings that change what code finds or how it runs, and that nothing here can honour.
    unknown_here: Vec<&'static str>,
}

/// Both requests have the same members under the same names.
macro_rules! changes_from {
    ($request:ident, [$($further:literal: $is_set:expr),*]) => {{
        let given = [
            ("FileSystemConfigs", $request.file_system_configs.as_ref().is_some_and(|systems| !systems.is_empty())),
            ("ImageConfig", $request.image_config.is_some()),
            ("CapacityProviderConfig", $request.capacity_provider_config.is_some()),
            ("DurableConfig", $request.durable_config.is_some()),
            ("RuntimeConfig", $request.runtime_config.is_some()),
            ("AcceleratorConfig", $request.accelerator_config.is_some()),
            $(($further, $is_set),)*
        ];
        let unknown_here = given.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect();
        Changes {
            handler: $request.handler.take(),
            runtime: $request.runtime.take(),
            description: $request.description.take(),
            timeout: $request.timeout.take(),
            memory_size: $request.memory_size.take(),
            environment: $request.environment.take(),
            vpc_config: $request.vpc_config.take(),
            dead_letter_config: $request.dead_letter_config.take(),
            kms_key_arn: $request.kms_key_arn.take(),
            tracing_config: $request.tracing_config.take(),
            ephemeral_storage: $request.ephemeral_storage.take(),
            snap_start: $request.snap_start.take(),
            logging_config: $request.logging_config.take(),
            role: None,
            unknown_here,
        }
    }};
}

impl Changes {
    /// Takes the settings out of a request.
    pub(super) fn of_new(request: &mut api::CreateFunctionRequest) -> Self {
        let changes = changes_from!(request, ["TenancyConfig": request.tenancy_config.is_some()]);
        Self { role: Some(std::mem::take(&mut request.role)), ..changes }
    }

    /// Takes the settings out of a request.
    pub(super) fn of_update(request: &mut api::UpdateFunctionConfigurationRequest) -> Self {
        let changes = changes_from!(request, []);
        Self { role: request.role.take(), ..changes }
    }

    /// Whether a function can run like this.
    pub(super) fn check(&self) -> OpResult<()> {
        if !self.unknown_here.is_empty() {
            let names = self.unknown_here.join(", ");
            return Err(errors::invalid(format!(
                "{names} cannot be honoured here: functions run on this machine from their zip file alone. Put all that the code needs into the zip file and leave {names} out."
            )));
        }
        if let Some(runtime) = self.runtime {
            check_runtime(runtime.as_str())?;
        }
        check_environment(self.environment.as_ref().and_then(|environment| environment.variables.as_ref()))
    }
}

fn check_runtime(runtime: &str) -> OpResult<()> {
    if RUNTIME_FAMILIES.iter().any(|family| runtime.starts_with(family)) {
        return Ok(());
    }
    Err(errors::invalid(format!(
        "The runtime {runtime} does not run here. Runtimes that do: python3.*, nodejs*.x, provided and provided.* (an executable named bootstrap)."
    )))
}

fn check_environment(variables: Option<&BTreeMap<String, String>>) -> OpResult<()> {
    let Some(variables) = variables else { return Ok(()) };
    let reserved: Vec<&str> =
        variables.keys().map(String::as_str).filter(|name| RESERVED_VARIABLES.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(errors::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    if variables.iter().any(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')) {
        return Err(errors::invalid(
            "Names of environment variables have no equals sign, and neither names nor values a zero byte.",
        ));
    }
    let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > ENVIRONMENT_BYTES_MAX {
        return Err(errors::invalid(format!(
            "The environment variables have {bytes} bytes; at most {ENVIRONMENT_BYTES_MAX} are taken."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn given(members: Value) -> OpResult<()> {
        let Value::Object(members) = members else { panic!("not an object: {members}") };
        let mut whole = json!({"FunctionName": "orders", "Role": "arn:aws:iam::000000000000:role/fn", "Code": {}});
        whole.as_object_mut().expect("an object").extend(members);
        Changes::of_new(&mut serde_json::from_value(whole).expect("a request")).check()
    }

    #[test]
    fn refuses_what_cannot_run() {
        let check = |members: Value, words: &[&str]| {
            let error = given(members.clone()).expect_err(&members.to_string());
            assert_eq!(error.code, "InvalidParameterValueException");
            for word in words {
                assert!(error.message.contains(word), "{word} in {}", error.message);
            }
        };
        check(json!({"Runtime": "java21"}), &["java21", "python3", "nodejs", "provided"]);
        check(json!({"Runtime": "python2.7"}), &["python2.7"]);
        check(json!({"ImageConfig": {}}), &["ImageConfig", "zip file"]);
        check(
            json!({"Environment": {"Variables": {"AWS_REGION": "x", "_HANDLER": "y", "MINE": "z"}}}),
            &["reserved keys", ": AWS_REGION, _HANDLER"],
        );
        check(json!({"Environment": {"Variables": {"A": "x\0y"}}}), &["zero byte"]);
        check(json!({"Environment": {"Variables": {"A": "x".repeat(ENVIRONMENT_BYTES_MAX)}}}), &["65537 bytes"]);
        assert!(given(json!({"Layers": [], "Environment": {"Variables": {"AWS_ENDPOINT_URL": "http://x"}}})).is_ok());
    }
}
