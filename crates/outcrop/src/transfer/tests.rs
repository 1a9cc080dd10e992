use super::*;
use files::Files;
use outcrop_server::transfer::{ImportedAlias, ImportedCollaborator, ImportedContent, ImportedGroup, Members};
use proptest::prelude::*;
use serde_json::{Value, json};

fn members(value: &Value) -> Members {
    value.as_object().cloned().unwrap_or_default()
}

/// An agent with one of everything, and a text that may be anything.
fn bundle_with(text: &str, payload: &str) -> Bundle {
    let prompt = json!({"promptType": "ORCHESTRATION", "promptCreationMode": "OVERRIDDEN", "basePromptTemplate": text});
    let agent = json!({"agentName": "shop", "instruction": text, "foundationModel": "qwen3:8b",
        "promptOverrideConfiguration": {"promptConfigurations": [prompt]}});
    let functions =
        json!([{"name": "b", "parameters": {"z": {"type": "string"}, "a": {"type": "string"}}}, {"name": "a"}]);
    let group = |name: &str, more: Value| {
        let mut all = members(&json!({ "actionGroupName": name }));
        all.extend(members(&more));
        ImportedGroup { action_group_id: Some("GROUP00001".to_owned()), members: all, schema_text: None }
    };
    let content = ImportedContent {
        agent: members(&agent),
        action_groups: vec![
            group("Tools", json!({"functionSchema": {"functions": functions}})),
            group("tools", json!({"apiSchema": {"payload": payload}})),
        ],
        knowledge_bases: vec![members(&json!({"knowledgeBaseId": "BASE000001", "description": "What is sold."}))],
        collaborators: vec![ImportedCollaborator {
            collaborator_id: Some("COLLAB0001".to_owned()),
            alias: Some("shop/PROD".to_owned()),
            members: members(&json!({"collaboratorName": "self", "collaborationInstruction": "Ask."})),
        }],
    };
    let routing = |version: &str| members(&json!({ "agentVersion": version }));
    let alias = ImportedAlias {
        agent_alias_id: Some("ALIAS00001".to_owned()),
        members: members(&json!({"agentAliasName": "PROD", "routingConfiguration": [routing("7")]})),
        history: vec![vec![routing("3")], vec![]],
        tags: BTreeMap::from([("012".to_owned(), "yes ".to_owned())]),
    };
    let agent = ImportedAgent {
        agent_id: Some("AGENT00001".to_owned()),
        draft: content.clone(),
        prepared: true,
        versions: BTreeMap::from([(7, content)]),
        aliases: vec![alias],
        tags: BTreeMap::from([("1e3".to_owned(), "012".to_owned())]),
        test_alias_tags: BTreeMap::new(),
    };
    Bundle { roots: vec!["shop".to_owned()], agents: vec![agent], notes: Vec::new(), arns: BTreeMap::new() }
}

fn files_of(bundle: &Bundle) -> Files {
    layout::files(bundle)
}

proptest! {
    #[test]
    fn files_hold_a_bundle_exactly(text in "[\\PC\r\n\t ]{0,40}", payload in "[{}\\PC\n]{1,40}") {
        let text = format!("{:40}{text}", "");
        let bundle = bundle_with(&text, &payload);
        let mut parsed = parse::bundle(&files_of(&bundle)).unwrap();
        parsed.notes.clear();
        prop_assert_eq!(parsed, bundle);
    }
}

#[track_caller]
fn check_broken(change: impl FnOnce(&mut Files), expected: &str) {
    let mut files = files_of(&bundle_with(&"x".repeat(40), "openapi: 3.0.0"));
    change(&mut files);
    let problems = parse::bundle(&files).expect_err("is broken");
    assert!(problems.iter().any(|problem| problem.contains(expected)), "{problems:#?}");
}

fn replace(files: &mut Files, path: &str, old: &str, new: &str) {
    let text = String::from_utf8(files[path].clone()).unwrap();
    assert!(text.contains(old), "{text}");
    files.insert(path.to_owned(), text.replacen(old, new, 1).into_bytes());
}

#[test]
fn what_is_wrong_with_a_folder_is_told_with_its_file() {
    let agent = "agents/shop/agent.json";
    check_broken(
        |files| drop(files.remove("agents/shop/instruction.md")),
        "agents/shop/agent.json: the file `instruction.md`",
    );
    check_broken(|files| drop(files.remove("agents/shop/versions/7/agent.json")), "versions/7/agent.json: is missing");
    check_broken(|files| replace(files, agent, "instruction.md", "../../secret"), "`../../secret` is not below");
    check_broken(|files| replace(files, agent, "instruction.md", "/etc/passwd"), "`/etc/passwd` is not below");
    check_broken(|files| replace(files, agent, "agentName", "agentname"), "did you mean `agentName`?");
    check_broken(|files| replace(files, agent, "{", "{,"), "agents/shop/agent.json:1:2: is not JSON");
    check_broken(|files| replace(files, agent, "shop", "a b"), "'agentName' failed to satisfy constraint");
    check_broken(|files| replace(files, "outcrop-export.json", "1", "2"), "newer Outcrop");
    check_broken(|files| replace(files, "outcrop-export.json", "shop", "shoe"), "names shoe");
    check_broken(
        |files| replace(files, "outcrop-export.json", "{", "{\"unfinished\": true,"),
        "was interrupted; run it again",
    );
    check_broken(|files| replace(files, "agents/shop/aliases/PROD.json", "\"7\"", "\"8\""), "leads to version 8");
    check_broken(
        |files| replace(files, "agents/shop/collaborators/self.json", "shop/PROD", "shop/DEV"),
        "`shop/DEV`, which is not in the folder",
    );
    check_broken(
        |files| drop(files.insert("agents/shop/instruction.md".to_owned(), vec![0xff; 50])),
        "instruction.md: is not UTF-8",
    );
}

#[test]
fn names_that_differ_in_case_have_files_of_their_own() {
    let files = files_of(&bundle_with(&"x".repeat(40), "{}"));
    assert!(files.contains_key("agents/shop/action-groups/tools~2.openapi.json"), "{:?}", files.keys());
}

#[test]
fn a_new_name_goes_to_all_that_refer_to_it() {
    let mut bundle = bundle_with(&"x".repeat(40), "{}");
    rename(&mut bundle, "store").unwrap();
    let agent = &bundle.agents[0];
    assert_eq!(agent.name(), "store");
    assert_eq!(agent.draft.collaborators[0].alias.as_deref(), Some("store/PROD"));
    assert_eq!(agent.versions[&7].agent["agentName"], "store");
}
