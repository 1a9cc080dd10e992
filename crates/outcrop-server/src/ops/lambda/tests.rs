//! Requests as clients encode them, through routes, constraints and operations, to a host that only takes notes.

use super::{FunctionDeployment, FunctionHost, FunctionReply, load, register, zip};
use crate::agents::controls::Controls;
use crate::objects::Objects;
use crate::ops::{OpContext, OperationTable};
use crate::{App, AppParts, Settings};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::BodyExt;
use outcrop_api::{ApiOperation, decode, lambda as api, route};
use outcrop_ports::{
    BoxFuture, Clock, Ids, Model, ModelCatalog, ToolCall, ToolContext, ToolExecutor, ToolFailure, ToolFailureCause,
    ToolLimits, ToolOutcome,
};
use outcrop_store::Store;
use outcrop_wire::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const ROLE: &str = "arn:aws:iam::000000000000:role/fn";

/// Keeps deployments. Refuses the handler `refused.handler`; answers calls with what it got.
#[derive(Default)]
struct Host {
    deployed: Mutex<BTreeMap<String, FunctionDeployment>>,
    events: Mutex<Vec<Bytes>>,
}

impl Host {
    fn handler(&self, name: &str) -> Option<String> {
        self.deployed.lock().expect("whole").get(name).map(|function| function.handler.clone())
    }

    fn names(&self) -> Vec<String> {
        self.deployed.lock().expect("whole").keys().cloned().collect()
    }
}

impl FunctionHost for Host {
    fn deploy(&self, function: FunctionDeployment) -> Result<(), String> {
        self.deployed.lock().expect("whole").insert(function.name.clone(), function.clone());
        if function.handler == "refused.handler" { Err("the host says no".to_owned()) } else { Ok(()) }
    }

    fn remove(&self, name: &str) {
        self.deployed.lock().expect("whole").remove(name);
    }

    fn is_configured(&self, function: &str) -> bool {
        function.ends_with(":function:configured")
    }

    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
        _limits: ToolLimits,
        log_tail: bool,
    ) -> BoxFuture<'a, Result<FunctionReply, ToolFailure>> {
        Box::pin(async move {
            self.events.lock().expect("whole").push(payload.clone());
            if payload == r#"{"unreachable":1}"# {
                return Err(ToolFailure {
                    cause: ToolFailureCause::Unreachable,
                    message: "not there".to_owned(),
                    detail: String::new(),
                });
            }
            let answer =
                json!({"function": function, "event": serde_json::from_slice::<Value>(&payload).expect("JSON")});
            Ok(FunctionReply {
                payload: answer.to_string().into(),
                function_error: payload == r#"{"fail":1}"#,
                log_tail: if log_tail { vec![b'x'; 5000] } else { Vec::new() },
            })
        })
    }
}

struct Nothing;

impl ModelCatalog for Nothing {
    fn model(&self, model_id: &str) -> Arc<dyn Model> {
        unreachable!("no model is asked for: {model_id}")
    }
}

impl ToolExecutor for Nothing {
    fn execute<'a>(&'a self, call: &'a ToolCall, _: &'a ToolContext, _: ToolLimits) -> BoxFuture<'a, ToolOutcome> {
        unreachable!("no tool is called: {call:?}")
    }
}

/// Ids that count up, and a second for each time it is asked.
#[derive(Default)]
struct Counter(AtomicI64);

impl Clock for Counter {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_607_200_000 + 1000 * self.0.fetch_add(1, Ordering::SeqCst))
    }
}

impl Ids for Counter {
    fn resource_id(&self) -> String {
        unreachable!("functions have names")
    }

    fn uuid(&self) -> String {
        format!("uuid-{}", self.0.fetch_add(1, Ordering::SeqCst))
    }
}

struct World {
    folder: TempDir,
    host: Arc<Host>,
    app: Arc<App>,
    table: OperationTable,
}

struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl World {
    fn new() -> Self {
        Self::on(tempfile::tempdir().expect("a folder"))
    }

    fn on(folder: TempDir) -> Self {
        let store = folder.path().join("outcrop.db");
        let host = Arc::new(Host::default());
        let app = App::new(AppParts {
            store: Store::open(store.to_str().expect("UTF-8")).expect("a store"),
            models: Arc::new(Nothing),
            prices: std::sync::Arc::new(outcrop_ports::NoPrices),
            tools: Arc::new(Nothing),
            functions: host.clone(),
            clock: Arc::new(Counter::default()),
            ids: Arc::new(Counter::default()),
            objects: Objects::new(folder.path().join("objects")),
            settings: Settings { functions_dir: folder.path().join("functions"), ..Settings::default() },
            stopping: tokio_util::sync::CancellationToken::new(),
        });
        let mut table = OperationTable::default();
        register(&mut table);
        Self { folder, host, app, table }
    }

    /// The answer as the edge gives it.
    async fn call<O: ApiOperation>(&self, input: Value) -> Answered {
        let input: O::Input = serde_json::from_value(input).expect("an input");
        let request = outcrop_api::encode_request(O::OPERATION, &input).expect("a request");
        let (path, query) = request.path_and_query.split_once('?').unwrap_or((&request.path_and_query, ""));
        let method = Method::from_bytes(request.method.as_bytes()).expect("a method");
        let route = route::find(&method, path, &request.body, Some("lambda")).expect("a route");
        assert_eq!(route.operation.name, O::OPERATION.name);
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value")));
        let headers = HeaderMap::from_iter(headers);
        let parts = decode::Parts { labels: &route.labels, query, headers: &headers, body: &request.body };
        let context =
            OpContext { app: self.app.clone(), request_id: "request".to_owned(), controls: Controls::default() };
        let handler = self.table.handler(route.operation).expect("implemented");
        let answered = match handler(context, parts) {
            Ok(answer) => answer.await,
            Err(error) => Err(error),
        };
        let (status, headers, body) = match answered {
            Ok(response) => {
                let (head, body) = response.into_parts();
                (head.status.as_u16(), head.headers, body.collect().await.expect("never fails").to_bytes().to_vec())
            }
            Err(error) => {
                let code = HeaderMap::from_iter([(
                    http::HeaderName::from_static("code"),
                    HeaderValue::from_static(error.code),
                )]);
                (error.status(Some(route.operation)), code, error.body())
            }
        };
        Answered { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    /// Asserts an error and answers its message.
    async fn refused<O: ApiOperation>(&self, input: Value, status: u16, code: &str) -> String {
        let answered = self.call::<O>(input.clone()).await;
        assert_eq!((answered.status, answered.header("code")), (status, code), "{input} {}", answered.body);
        answered.body["message"].as_str().expect("a message").to_owned()
    }

    async fn create(&self, name: &str, content: &[u8]) -> Answered {
        self.call::<api::CreateFunction>(new_function(name, content)).await
    }

    fn files(&self) -> Vec<String> {
        files(&self.folder.path().join("functions"))
    }
}

impl Answered {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn zip_text(content: &[u8]) -> String {
    STANDARD.encode(zip::build(&[("app.py", content)]))
}

fn new_function(name: &str, content: &[u8]) -> Value {
    json!({
        "FunctionName": name, "Role": ROLE, "Runtime": "python3.12", "Handler": "app.handler",
        "Code": {"ZipFile": zip_text(content)}, "Tags": {"team": "shop"},
    })
}

fn with(mut whole: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    whole.as_object_mut().expect("an object").extend(members);
    whole
}

#[tokio::test]
async fn functions_live_change_and_die() {
    let world = World::new();
    let created = world.create("orders", b"one").await;
    assert_eq!(
        (created.status, &created.body["State"], &created.body["FunctionName"]),
        (201, &json!("Active"), &json!("orders"))
    );
    let [file] = <[String; 1]>::try_from(world.files()).expect("one file");
    let deployed = world.host.deployed.lock().expect("whole").get("orders").cloned().expect("deployed");
    assert!(deployed.code.is_file() && deployed.code.ends_with(&file));

    let message =
        world.refused::<api::CreateFunction>(new_function("orders", b"two"), 409, "ResourceConflictException").await;
    assert_eq!(message, "Function already exist: orders");
    assert_eq!(world.files(), std::slice::from_ref(&file));

    let got = world.call::<api::GetFunction>(json!({"FunctionName": created.body["FunctionArn"]})).await;
    assert_eq!(
        (got.status, &got.body["Configuration"], &got.body["Tags"]),
        (200, &created.body, &json!({"team": "shop"}))
    );
    let got =
        world.call::<api::GetFunctionConfiguration>(json!({"FunctionName": "orders", "Qualifier": "$LATEST"})).await;
    assert_eq!(got.body["FunctionArn"], json!("arn:aws:lambda:us-east-1:000000000000:function:orders:$LATEST"));
    let message =
        world.refused::<api::GetFunction>(json!({"FunctionName": "orders:7"}), 404, "ResourceNotFoundException").await;
    assert_eq!(message, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:orders:7");

    let same = json!({"FunctionName": "orders", "ZipFile": zip_text(b"one")});
    let new = json!({"FunctionName": "orders", "ZipFile": zip_text(b"two")});
    let dry = world.call::<api::UpdateFunctionCode>(with(new.clone(), json!({"DryRun": true}))).await;
    assert_eq!(
        (dry.status, &dry.body["RevisionId"], world.files()),
        (200, &created.body["RevisionId"], vec![file.clone()])
    );
    assert_eq!(world.call::<api::UpdateFunctionCode>(same).await.body["CodeSha256"], created.body["CodeSha256"]);
    assert_eq!(world.files(), std::slice::from_ref(&file));
    let stale = with(new.clone(), json!({"RevisionId": created.body["RevisionId"]}));
    world.refused::<api::UpdateFunctionCode>(stale, 412, "PreconditionFailedException").await;
    let updated = world.call::<api::UpdateFunctionCode>(new).await;
    assert_eq!(updated.body["CodeSha256"], dry.body["CodeSha256"]);
    assert!(updated.body["LastModified"].as_str() > created.body["LastModified"].as_str());
    assert!(world.files().len() == 1 && world.files() != [file]);

    let changed =
        world.call::<api::UpdateFunctionConfiguration>(json!({"FunctionName": "orders", "Handler": "app.other"})).await;
    assert_eq!(
        (&changed.body["Handler"], world.host.handler("orders").as_deref()),
        (&json!("app.other"), Some("app.other"))
    );

    assert_eq!(world.create("twin", b"two").await.status, 201);
    let deleted = world.call::<api::DeleteFunction>(json!({"FunctionName": "orders"})).await;
    assert_eq!((deleted.status, world.files().len(), world.host.names()), (204, 1, vec!["twin".to_owned()]));
    world.refused::<api::DeleteFunction>(json!({"FunctionName": "orders"}), 404, "ResourceNotFoundException").await;
    world
        .refused::<api::DeleteFunction>(json!({"FunctionName": "twin:$LATEST"}), 400, "InvalidParameterValueException")
        .await;
    assert_eq!(world.call::<api::DeleteFunction>(json!({"FunctionName": "twin"})).await.status, 204);
    assert!(world.files().is_empty());
}

#[tokio::test]
async fn a_host_that_refuses_changes_nothing() {
    let world = World::new();
    let refused = with(new_function("orders", b"one"), json!({"Handler": "refused.handler"}));
    let message = world.refused::<api::CreateFunction>(refused, 400, "InvalidParameterValueException").await;
    assert_eq!((message.as_str(), world.files(), world.host.names()), ("the host says no", vec![], vec![]));
    let created = world.create("orders", b"one").await;
    let update = json!({"FunctionName": "orders", "Handler": "refused.handler"});
    world.refused::<api::UpdateFunctionConfiguration>(update, 400, "InvalidParameterValueException").await;
    assert_eq!(world.host.handler("orders").as_deref(), Some("app.handler"));
    let got = world.call::<api::GetFunctionConfiguration>(json!({"FunctionName": "orders"})).await;
    assert_eq!((got.body, world.files().len()), (created.body, 1));
}

#[tokio::test]
async fn functions_come_back_at_start() {
    let world = World::new();
    for name in ["a", "b"] {
        assert_eq!(world.create(name, name.as_bytes()).await.status, 201);
    }
    let files = world.files();
    let functions = world.folder.path().join("functions");
    for name in [format!("{}.zip", "0".repeat(64)), format!("{}.zip.new", "1".repeat(64)), "mine.txt".to_owned()] {
        std::fs::write(functions.join(name), "left over").expect("a file");
    }
    world.app.store.close().await;
    let World { folder, app, .. } = world;
    drop(app);

    let world = World::on(folder);
    assert_eq!(load(&world.app).await, Ok(2));
    assert_eq!(world.host.names(), ["a", "b"]);
    assert_eq!(world.files(), [files, vec!["mine.txt".to_owned()]].concat());
}

#[tokio::test]
async fn code_comes_from_one_good_source() {
    let world = World::new();
    let bucket = world.folder.path().join("objects/code");
    std::fs::create_dir_all(&bucket).expect("a folder");
    std::fs::write(bucket.join("orders.zip"), zip::build(&[("app.py", b"x")])).expect("a file");
    let new = |code: Value| with(new_function("orders", b""), json!({"Code": code}));
    let zip = zip_text(b"x");
    for (code, words) in [
        (json!({}), "Please provide a source"),
        (
            json!({"ZipFile": STANDARD.encode("no zip, though it is long enough")}),
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ),
        (json!({"ZipFile": ""}), "non-empty zip"),
        (json!({"ZipFile": zip, "S3Bucket": "code", "S3Key": "orders.zip"}), "do not provide other"),
        (json!({"S3Bucket": "code", "S3Key": "none.zip"}), "NoSuchKey"),
        (json!({"S3Bucket": "code", "S3Key": "../secret"}), "NoSuchKey"),
        (json!({"S3Bucket": "code"}), "S3Key is missing"),
        (json!({"S3Key": "orders.zip"}), "S3Bucket is missing"),
        (json!({"S3Bucket": "code", "S3Key": "orders.zip", "S3ObjectVersion": "1"}), "no versions"),
        (json!({"ImageUri": "x"}), "images are not run"),
    ] {
        let message = world.refused::<api::CreateFunction>(new(code), 400, "InvalidParameterValueException").await;
        assert!(message.contains(words), "{message}");
    }
    let mut bare = new(json!({"ZipFile": zip}));
    bare.as_object_mut().expect("an object").remove("Handler");
    let message = world.refused::<api::CreateFunction>(bare, 400, "InvalidParameterValueException").await;
    assert!(message.starts_with("Runtime and Handler are mandatory"), "{message}");
    assert!(world.files().is_empty() && world.host.names().is_empty());

    let created = world.call::<api::CreateFunction>(new(json!({"S3Bucket": "code", "S3Key": "orders.zip"}))).await;
    assert_eq!((created.status, world.files().len()), (201, 1));
}

#[tokio::test]
async fn invocations() {
    let world = World::new();
    world.create("orders", b"x").await;
    let invoke = |members: Value| with(json!({"FunctionName": "orders"}), members);
    let payload = |text: &str| json!({"Payload": STANDARD.encode(text)});

    let answered = world.call::<api::Invoke>(invoke(json!({}))).await;
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:orders";
    assert_eq!((answered.status, answered.body.clone()), (200, json!({"function": arn, "event": {}})));
    assert_eq!(
        ["x-amz-executed-version", "x-amz-function-error", "x-amz-log-result"].map(|name| answered.header(name)),
        ["$LATEST", "", ""]
    );
    let failed = world.call::<api::Invoke>(with(invoke(payload(r#"{"fail":1}"#)), json!({"LogType": "Tail"}))).await;
    assert_eq!((failed.status, failed.header("x-amz-function-error")), (200, "Unhandled"));
    assert_eq!(failed.header("x-amz-log-result"), STANDARD.encode([b'x'; 4096]));

    let dry = world.call::<api::Invoke>(invoke(json!({"InvocationType": "DryRun"}))).await;
    assert_eq!((dry.status, dry.header("content-type"), world.host.events.lock().expect("whole").len()), (204, "", 2));
    let taken = world.call::<api::Invoke>(with(invoke(payload("[7]")), json!({"InvocationType": "Event"}))).await;
    assert_eq!((taken.status, taken.body), (202, Value::Null));
    world.app.turns.close();
    world.app.turns.wait().await;
    assert_eq!(world.host.events.lock().expect("whole").last().map(Bytes::as_ref), Some(&b"[7]"[..]));

    let code = "InvalidRequestContentException";
    let message = world.refused::<api::Invoke>(invoke(payload("{")), 400, code).await;
    assert!(
        message.starts_with("Could not parse request body into json: Could not parse payload into json: "),
        "{message}"
    );
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    let event = with(invoke(payload(&large)), json!({"InvocationType": "Event"}));
    world.refused::<api::Invoke>(event, 413, "RequestTooLargeException").await;
    assert_eq!(world.call::<api::Invoke>(invoke(payload(&large))).await.status, 200);
    world
        .refused::<api::Invoke>(
            invoke(payload(&format!("\"{}\"", "x".repeat(6 * 1024 * 1024)))),
            413,
            "RequestTooLargeException",
        )
        .await;
    world.refused::<api::Invoke>(invoke(payload(r#"{"unreachable":1}"#)), 500, "ServiceException").await;
    world.refused::<api::Invoke>(invoke(json!({"Qualifier": "live"})), 404, "ResourceNotFoundException").await;
    let message = world.refused::<api::Invoke>(json!({"FunctionName": "none"}), 404, "ResourceNotFoundException").await;
    assert_eq!(message, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:none");

    let far = "arn:aws:lambda:eu-west-1:123456789012:function:configured";
    assert_eq!(world.call::<api::Invoke>(json!({"FunctionName": far})).await.body["function"], json!(far));
    world.refused::<api::GetFunction>(json!({"FunctionName": far}), 404, "ResourceNotFoundException").await;
}

#[tokio::test]
async fn permissions_are_recorded() {
    let world = World::new();
    world.create("orders", b"x").await;
    let permission = |function: &str, id: &str| json!({"FunctionName": function, "StatementId": id, "Action": "lambda:InvokeFunction", "Principal": "bedrock.amazonaws.com"});
    let not_found = "ResourceNotFoundException";
    world.refused::<api::GetPolicy>(json!({"FunctionName": "orders"}), 404, not_found).await;
    for function in ["orders", "configured"] {
        let added = world.call::<api::AddPermission>(permission(function, "one")).await;
        assert_eq!(added.status, 201);
        let message =
            world.refused::<api::AddPermission>(permission(function, "one"), 409, "ResourceConflictException").await;
        assert!(message.starts_with("The statement id (one) provided already exists."), "{message}");
        assert_eq!(world.call::<api::AddPermission>(permission(function, "two")).await.status, 201);
        let got = world.call::<api::GetPolicy>(json!({"FunctionName": function})).await;
        let policy: Value = serde_json::from_str(got.body["Policy"].as_str().expect("text")).expect("JSON");
        let statement: Value = serde_json::from_str(added.body["Statement"].as_str().expect("text")).expect("JSON");
        assert_eq!((&policy["Statement"][0], policy["Statement"].as_array().map(Vec::len)), (&statement, Some(2)));

        let remove = |id: &str| json!({"FunctionName": function, "StatementId": id});
        let stale = with(remove("one"), json!({"RevisionId": "old"}));
        world.refused::<api::RemovePermission>(stale, 412, "PreconditionFailedException").await;
        let current = with(remove("one"), json!({"RevisionId": got.body["RevisionId"]}));
        assert_eq!(world.call::<api::RemovePermission>(current).await.status, 204);
        world.refused::<api::RemovePermission>(remove("one"), 404, not_found).await;
        assert_eq!(world.call::<api::RemovePermission>(remove("two")).await.status, 204);
        world.refused::<api::GetPolicy>(json!({"FunctionName": function}), 404, not_found).await;
    }
    let mut status = 0;
    for number in 0..200 {
        status = world.call::<api::AddPermission>(permission("orders", &format!("s{number}"))).await.status;
    }
    assert_eq!(status, 400, "a policy has a largest size");
    world.call::<api::DeleteFunction>(json!({"FunctionName": "orders"})).await;
    world.create("orders", b"x").await;
    world.refused::<api::GetPolicy>(json!({"FunctionName": "orders"}), 404, not_found).await;
    world.refused::<api::AddPermission>(permission("none", "one"), 404, not_found).await;
}

#[tokio::test]
async fn lists_go_page_by_page() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.create(name, b"x").await;
    }
    let names = |answered: &Answered| -> Vec<Value> {
        answered.body["Functions"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|function| function["FunctionName"].clone())
            .collect()
    };
    let first = world.call::<api::ListFunctions>(json!({"MaxItems": 2})).await;
    let second = world.call::<api::ListFunctions>(json!({"MaxItems": 2, "Marker": first.body["NextMarker"]})).await;
    assert_eq!((names(&first), names(&second)), (vec![json!("c"), json!("b")], vec![json!("a")]));
    assert_eq!(second.body.get("NextMarker"), None);
    world.refused::<api::ListFunctions>(json!({"Marker": "garbled"}), 400, "InvalidParameterValueException").await;
}
