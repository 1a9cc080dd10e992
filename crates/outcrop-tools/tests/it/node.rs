//! Node.js functions. Skipped, and said so, on a machine without Node.js.

use crate::stage::Stage;
use outcrop_tools::Runtime;
use serde_json::json;

fn node_is_here() -> bool {
    let here = std::process::Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !here {
        eprintln!("SKIPPED: there is no Node.js on this machine, so its functions are not tested");
    }
    here
}

#[tokio::test]
async fn runs_all_kinds_of_handlers() {
    if !node_is_here() {
        return;
    }
    let stage = Stage::new();
    stage.write(
        "js/index.js",
        "
let count = 0;
exports.asynchronous = async (event, context) => ({ count: ++count, event, name: context.functionName, left: context.getRemainingTimeInMillis() > 0 });
exports.callback = (event, context, callback) => setTimeout(() => callback(null, 'called back'), 1);
exports.plain = (event) => 'plain';
exports.dry = (event, context, callback) => {};
exports.inner = { deep: async () => 'deep' };
exports.fails = async () => { throw new RangeError('too far'); };
exports.says = (event, context, callback) => callback(new Error('said'));
exports.throws = async () => { throw 'a text'; };
exports.late = () => new Promise(() => setTimeout(() => { throw new Error('nobody catches'); }, 1));
exports.circle = async () => { const a = {}; a.a = a; return a; };
exports.nothing = async () => {};
exports.exits = async () => process.exit(4);
",
    );
    stage.write("js/src/module.mjs", "export const handler = async () => 'module';");
    stage.write("js/common.cjs", "module.exports.handler = async () => 'common';");
    stage.write("js/needs.js", "require('./nowhere');");
    stage.write("js/syntax.js", "exports.handler = (");
    stage.write("esm/package.json", r#"{"type": "module"}"#);
    stage.write("esm/index.js", "export async function handler() { return import.meta.url.length > 0; }");
    let deploy = |handler: &str| {
        stage.deploy("js", |local| {
            local.runtime = Runtime::NodeJs;
            local.handler = handler.into();
        });
    };
    deploy("index.asynchronous");
    for count in 1..=3 {
        let answer = stage.answer("js", &json!({"text": "é"})).await;
        assert_eq!(answer, json!({"count": count, "event": {"text": "é"}, "name": "js", "left": true}));
    }
    for (handler, expected) in [
        ("index.callback", json!("called back")),
        ("index.plain", json!("plain")),
        ("index.dry", json!(null)),
        ("index.inner.deep", json!("deep")),
        ("index.nothing", json!(null)),
        ("src/module.handler", json!("module")),
        ("common.handler", json!("common")),
    ] {
        deploy(handler);
        assert_eq!(stage.answer("js", &json!({})).await, expected, "{handler}");
        assert_eq!(stage.answer("js", &json!({})).await, expected, "{handler} again");
    }
    for (handler, kind, message) in [
        ("index.fails", "RangeError", "too far"),
        ("index.says", "Error", "said"),
        ("index.throws", "string", "a text"),
        ("index.late", "Error", "nobody catches"),
        ("index.circle", "Runtime.MarshalError", "Unable to stringify response body"),
        ("index.exits", "Runtime.ExitError", "exit status 4"),
        ("index.nowhere", "Runtime.HandlerNotFound", "index.nowhere is undefined or not exported"),
        ("nowhere.handler", "Runtime.ImportModuleError", "Cannot find module 'nowhere'"),
        ("needs.handler", "Runtime.ImportModuleError", "nowhere"),
        ("syntax.handler", "Runtime.UserCodeSyntaxError", "SyntaxError"),
        ("index", "Runtime.MalformedHandlerName", "Bad handler 'index'"),
    ] {
        deploy(handler);
        let error = stage.error("js", &json!({})).await;
        assert_eq!(error["errorType"], kind, "{error}");
        assert!(error["errorMessage"].as_str().unwrap().contains(message), "{error}");
    }
    stage.deploy("esm", |local| {
        local.runtime = Runtime::NodeJs;
        local.handler = "index.handler".into();
    });
    assert_eq!(stage.answer("esm", &json!({})).await, true);
}
