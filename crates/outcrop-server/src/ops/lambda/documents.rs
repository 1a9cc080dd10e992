//! What is stored of functions, and the rules for what may stand in it.

use super::code::{self, KeptCode};
use super::layers::LayerVersion;
use super::names::{FunctionName, LATEST};
use super::settings::Changes;
use super::{FunctionDeployment, errors};
use crate::agents::tags;
use crate::errors::{ApiError, OpResult};
use crate::{App, Settings};
use outcrop_api::lambda as api;
use outcrop_store::{Kind, LIST_ALL_MAX, PutError, Resource};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Parent of the documents.
pub(super) const PARENT: &str = "";

/// Seconds a function has for one event when nothing else is said.
const TIMEOUT_SECONDS: i64 = 3;
const MEMORY_MB: i64 = 128;
const EPHEMERAL_STORAGE_MB: i64 = 512;
/// A function with what its document does not show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredFunction {
    /// Bare name.
    pub(super) name: String,
    /// The document as it is served.
    pub(super) configuration: api::FunctionConfiguration,
    /// Hash of its zip file.
    pub(super) code: String,
    /// Those of its layers: they stay with the function when the layer is deleted.
    #[serde(default)]
    pub(super) layer_codes: Vec<String>,
    /// When it was changed last.
    pub(super) updated_at: Timestamp,
}

impl StoredFunction {
    /// A function without settings and code.
    pub(super) fn new(settings: &Settings, name: &FunctionName, architectures: Option<Vec<api::Architecture>>) -> Self {
        let configuration = api::FunctionConfiguration {
            function_name: Some(name.name.clone()),
            function_arn: Some(name.arn(settings)),
            description: Some(String::new()),
            timeout: Some(TIMEOUT_SECONDS),
            memory_size: Some(MEMORY_MB),
            version: Some(LATEST.to_owned()),
            tracing_config: Some(api::TracingConfigResponse { mode: Some(api::TracingMode::PassThrough) }),
            state: Some(api::State::Active),
            last_update_status: Some(api::LastUpdateStatus::Successful),
            package_type: Some(api::PackageType::Zip),
            architectures: Some(architectures.unwrap_or_else(|| vec![api::Architecture::X86_64])),
            ephemeral_storage: Some(api::EphemeralStorage { size: EPHEMERAL_STORAGE_MB }),
            snap_start: Some(api::SnapStartResponse {
                apply_on: Some(api::SnapStartApplyOn::None),
                optimization_status: Some(api::SnapStartOptimizationStatus::Off),
            }),
            logging_config: Some(api::LoggingConfig {
                log_format: Some(api::LogFormat::Text),
                log_group: Some(format!("/aws/lambda/{}", name.name)),
                ..api::LoggingConfig::default()
            }),
            ..api::FunctionConfiguration::default()
        };
        Self {
            name: name.name.clone(),
            configuration,
            code: String::new(),
            layer_codes: Vec::new(),
            updated_at: Timestamp::default(),
        }
    }

    /// Points it at other code.
    pub(super) fn set_code(&mut self, kept: KeptCode) {
        self.configuration.code_size = Some(kept.bytes);
        self.configuration.code_sha256 = Some(kept.sha256);
        self.code = kept.hash;
    }

    /// Gives it these layers in place of those that it has.
    pub(super) fn set_layers(&mut self, found: Vec<LayerVersion>) {
        let told = |layer: &LayerVersion| api::Layer {
            arn: Some(layer.arn.clone()),
            code_size: Some(layer.code.bytes),
            ..api::Layer::default()
        };
        self.configuration.layers = Some(found.iter().map(told).collect()).filter(|layers: &Vec<_>| !layers.is_empty());
        self.layer_codes = found.into_iter().map(|layer| layer.code.hash).collect();
    }

    /// Marks it as changed: a new revision.
    pub(super) fn touch(&mut self, revision_id: String, now: Timestamp) {
        self.configuration.revision_id = Some(revision_id);
        self.configuration.last_modified = Some(last_modified(now));
        self.updated_at = now;
    }

    /// Changes settings; what is not given stays.
    pub(super) fn apply(&mut self, changes: Changes) -> OpResult<()> {
        changes.check()?;
        let mine = &mut self.configuration;
        mine.role = changes.role.or(mine.role.take());
        mine.handler = changes.handler.or(mine.handler.take());
        mine.runtime = changes.runtime.or(mine.runtime);
        mine.description = changes.description.or(mine.description.take());
        mine.timeout = changes.timeout.or(mine.timeout);
        mine.memory_size = changes.memory_size.or(mine.memory_size);
        mine.ephemeral_storage = changes.ephemeral_storage.or(mine.ephemeral_storage.take());
        if let Some(environment) = changes.environment {
            let variables = environment.variables.filter(|variables| !variables.is_empty());
            mine.environment =
                variables.map(|variables| api::EnvironmentResponse { variables: Some(variables), error: None });
        }
        if let Some(vpc) = changes.vpc_config {
            mine.vpc_config = Some(api::VpcConfigResponse {
                subnet_ids: Some(vpc.subnet_ids.unwrap_or_default()),
                security_group_ids: Some(vpc.security_group_ids.unwrap_or_default()),
                vpc_id: Some(String::new()),
                ipv6_allowed_for_dual_stack: Some(vpc.ipv6_allowed_for_dual_stack.unwrap_or(false)),
            });
        }
        if let Some(key) = changes.kms_key_arn {
            mine.kms_key_arn = Some(key).filter(|key| !key.is_empty());
        }
        if let Some(queue) = changes.dead_letter_config {
            mine.dead_letter_config =
                Some(queue).filter(|queue| queue.target_arn.as_deref().is_some_and(|arn| !arn.is_empty()));
        }
        if let Some(tracing) = changes.tracing_config {
            mine.tracing_config = Some(api::TracingConfigResponse { mode: tracing.mode });
        }
        if let Some(apply_on) = changes.snap_start.and_then(|snap_start| snap_start.apply_on) {
            let off = Some(api::SnapStartOptimizationStatus::Off);
            mine.snap_start = Some(api::SnapStartResponse { apply_on: Some(apply_on), optimization_status: off });
        }
        if let Some(logging) = changes.logging_config {
            let old = mine.logging_config.take().unwrap_or_default();
            mine.logging_config = Some(api::LoggingConfig {
                log_format: logging.log_format.or(old.log_format),
                application_log_level: logging.application_log_level.or(old.application_log_level),
                system_log_level: logging.system_log_level.or(old.system_log_level),
                log_group: logging.log_group.or(old.log_group),
            });
        }
        Ok(())
    }

    /// What the host needs.
    pub(super) fn deployment(&self, functions_dir: &Path) -> FunctionDeployment {
        let mine = &self.configuration;
        let variables = mine.environment.as_ref().and_then(|environment| environment.variables.clone());
        FunctionDeployment {
            name: self.name.clone(),
            code: code::path(functions_dir, &self.code),
            layers: self.layer_codes.iter().map(|hash| code::path(functions_dir, hash)).collect(),
            runtime: mine.runtime.map_or("", api::Runtime::as_str).to_owned(),
            handler: mine.handler.clone().unwrap_or_default(),
            timeout: Duration::from_secs(mine.timeout.unwrap_or(TIMEOUT_SECONDS).unsigned_abs()),
            memory_mb: u32::try_from(mine.memory_size.unwrap_or(MEMORY_MB)).unwrap_or(u32::MAX),
            environment: variables.unwrap_or_default(),
        }
    }

    /// ARN without qualifier.
    pub(super) fn arn(&self) -> &str {
        self.configuration.function_arn.as_deref().unwrap_or(&self.name)
    }

    /// The document for one who asked by this name: asked by version, the ARN has it too.
    pub(super) fn served(self, name: &FunctionName) -> api::FunctionConfiguration {
        let mut configuration = self.configuration;
        if let (Some(arn), Some(qualifier)) = (&mut configuration.function_arn, &name.qualifier) {
            arn.push(':');
            arn.push_str(qualifier);
        }
        configuration
    }
}

/// Lambda's form of a time: `2026-01-05T10:00:00.000+0000`.
pub(super) fn last_modified(at: Timestamp) -> String {
    let text = at.to_string();
    let milliseconds = text.get(.."2026-01-05T10:00:00.000".len()).unwrap_or(&text);
    format!("{milliseconds}+0000")
}

/// The function of this name, if it is stored.
pub(super) async fn find(app: &App, name: &str) -> OpResult<Option<StoredFunction>> {
    let name = name.to_owned();
    app.store.read(move |tx| Ok::<_, ApiError>(tx.get(Kind::Function, PARENT, &name)?)).await
}

/// The function, or the caller's error.
pub(super) async fn get(app: &App, name: &FunctionName) -> OpResult<StoredFunction> {
    let not_found = || errors::function_not_found(app, name);
    if name.wants_other_version() {
        return Err(not_found());
    }
    find(app, &name.name).await?.ok_or_else(not_found)
}

/// Sees to it that there is such a function, stored or of the configuration.
pub(super) async fn check_exists(app: &App, name: &FunctionName) -> OpResult<()> {
    if !name.wants_other_version() && app.functions.is_configured(&name.arn(&app.settings)) {
        return Ok(());
    }
    get(app, name).await.map(drop)
}

/// Sees to it that there is room for one more: all functions are listed at start.
pub(super) async fn check_count(app: &App) -> OpResult<()> {
    let count = app.store.read(|tx| Ok::<_, ApiError>(tx.count(Kind::Function, PARENT)?)).await?;
    if count < LIST_ALL_MAX {
        return Ok(());
    }
    Err(ApiError::new(
        "CodeStorageExceededException",
        format!("There are {count} functions, and no more are kept. Delete some first."),
    ))
}

/// Stores a function and sets these tags beside those it has.
pub(super) async fn put(app: &App, function: StoredFunction, tags: BTreeMap<String, String>) -> OpResult<()> {
    let quotas = app.settings.quotas;
    app.store
        .write(move |tx| {
            let resource = Resource {
                kind: Kind::Function,
                parent: PARENT,
                id: &function.name,
                name: None,
                created_at: function.updated_at,
                updated_at: function.updated_at,
            };
            tx.put(&resource, &function).map_err(|error| match error {
                PutError::Store(error) => error.into(),
                PutError::NameTaken | PutError::IdTaken => errors::function_exists(&function.name),
            })?;
            tags::set(tx, &quotas, function.arn(), &tags)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(members: Value) -> api::CreateFunctionRequest {
        let Value::Object(members) = members else { panic!("not an object: {members}") };
        let mut whole = json!({"FunctionName": "orders", "Role": "arn:aws:iam::000000000000:role/fn", "Code": {}});
        whole.as_object_mut().expect("an object").extend(members);
        serde_json::from_value(whole).expect("a request")
    }

    fn function(members: Value) -> OpResult<StoredFunction> {
        let name = FunctionName::parse("orders").expect("a name");
        let mut function = StoredFunction::new(&Settings::default(), &name, None);
        function.apply(Changes::of_new(&mut request(members)))?;
        Ok(function)
    }

    #[test]
    fn documents_have_lambdas_form() {
        let mut orders = function(json!({"Runtime": "python3.12", "Handler": "app.lambda_handler"})).expect("fits");
        orders.set_code(code::describe(b"abc"));
        orders.touch("revision".to_owned(), Timestamp::parse("2026-01-05T10:00:00.123456Z").expect("a time"));
        let expected = json!({
            "FunctionName": "orders", "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:orders",
            "Runtime": "python3.12", "Role": "arn:aws:iam::000000000000:role/fn", "Handler": "app.lambda_handler",
            "CodeSize": 3, "CodeSha256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", "Description": "",
            "Timeout": 3, "MemorySize": 128, "LastModified": "2026-01-05T10:00:00.123+0000", "Version": "$LATEST",
            "TracingConfig": {"Mode": "PassThrough"}, "RevisionId": "revision", "State": "Active",
            "LastUpdateStatus": "Successful", "PackageType": "Zip", "Architectures": ["x86_64"],
            "EphemeralStorage": {"Size": 512}, "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/orders"},
        });
        assert_eq!(serde_json::to_value(&orders.configuration).expect("JSON"), expected);

        let deployment = orders.deployment(Path::new("functions"));
        let code = "functions/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.zip".into();
        assert_eq!((deployment.code, deployment.timeout, deployment.memory_mb), (code, Duration::from_secs(3), 128));
        let name = FunctionName::parse("orders:$LATEST").expect("a name");
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:orders:$LATEST";
        assert_eq!(orders.served(&name).function_arn.as_deref(), Some(arn));
    }

    #[test]
    fn changes_leave_the_rest() {
        let mut orders = function(json!({
            "Runtime": "nodejs22.x", "Handler": "a.b", "Timeout": 9, "Environment": {"Variables": {"A": "1"}},
            "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:q"}, "KMSKeyArn": "arn:aws:kms:x",
            "LoggingConfig": {"LogGroup": "own"}, "VpcConfig": {"SubnetIds": ["s"]},
        }))
        .expect("fits");
        let before = orders.configuration.clone();
        let mut update = |members: Value| {
            let mut whole = json!({"FunctionName": "orders"});
            whole.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
            orders
                .apply(Changes::of_update(&mut serde_json::from_value(whole).expect("a request")))
                .map(|()| orders.configuration.clone())
        };
        assert_eq!(update(json!({})).as_ref(), Ok(&before));
        let longer = update(json!({"Timeout": 10, "LoggingConfig": {"LogFormat": "JSON"}})).expect("fits");
        assert_eq!((longer.timeout, longer.handler), (Some(10), before.handler));
        let logging = longer.logging_config.expect("has one");
        assert_eq!((logging.log_format, logging.log_group.as_deref()), (Some(api::LogFormat::Json), Some("own")));
        let emptied =
            update(json!({"Environment": {}, "KMSKeyArn": "", "DeadLetterConfig": {"TargetArn": ""}})).expect("fits");
        assert_eq!((emptied.environment, emptied.kms_key_arn, emptied.dead_letter_config), (None, None, None));
    }
}
