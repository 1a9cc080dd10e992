//! From agents in memory to files.
//!
//! ```text
//! outcrop-export.json                       format, and which agents were asked for
//! agents/NAME/agent.json                    the draft: members of CreateAgent, order of its parts, tags
//!            /ids.json                      ids it had; the only file that differs between two servers
//!            /instruction.md
//!            /action-groups/GROUP.json      with GROUP.openapi.yaml (or .json) or GROUP.functions.json
//!            /prompts/TYPE.txt              templates of overridden prompts
//!            /collaborators/NAME.json       with NAME.md
//!            /aliases/ALIAS.json
//!            /versions/N/                   the same for a version, without aliases and tags
//! ```
//!
//! Texts stand in files of their own, exactly as they are, with one line feed added at the end.

use super::Bundle;
use super::fetch::{Named, name_in};
use super::files::Files;
use outcrop_server::transfer::{ImportedAgent, ImportedContent};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The file that makes a folder an export.
pub(super) const MANIFEST: &str = "outcrop-export.json";
/// Number of this layout. A reader refuses higher ones.
pub(super) const FORMAT: u64 = 1;
/// The file of ids.
pub(super) const IDS: &str = "ids.json";
/// The main file of a draft or version.
pub(super) const AGENT: &str = "agent.json";

/// Keeps git from changing line ends.
const ATTRIBUTES: &str = "* -text\n";

/// The files of a bundle.
pub(super) fn files(bundle: &Bundle) -> Files {
    let mut files = Files::new();
    let mut names = Names::default();
    let manifest = json!({"format": FORMAT, "agents": bundle.roots});
    put_json(&mut files, MANIFEST, &manifest);
    files.insert(".gitattributes".to_owned(), ATTRIBUTES.into());
    for agent in &bundle.agents {
        let folder = format!("agents/{}", names.file("agents", agent.name()));
        agent_files(&mut files, &folder, agent);
    }
    files
}

fn agent_files(files: &mut Files, folder: &str, agent: &ImportedAgent) {
    let mut names = Names::default();
    let mut main = content_files(files, folder, &agent.draft);
    main.insert("prepared".to_owned(), Value::from(agent.prepared));
    put_tags(&mut main, "tags", &agent.tags);
    put_tags(&mut main, "testAliasTags", &agent.test_alias_tags);
    put_json(files, &format!("{folder}/{AGENT}"), &main);
    let mut alias_ids = Map::new();
    for alias in &agent.aliases {
        let mut document = alias.members.clone();
        if !alias.history.is_empty() {
            document.insert("history".to_owned(), json!(alias.history));
        }
        put_tags(&mut document, "tags", &alias.tags);
        let file = names.file("aliases", alias.name());
        put_json(files, &format!("{folder}/aliases/{file}.json"), &document);
        alias_ids.extend(alias.agent_alias_id.as_ref().map(|id| (alias.name().to_owned(), Value::from(id.as_str()))));
    }
    let mut ids = Map::new();
    ids.extend(agent.agent_id.as_ref().map(|id| ("agentId".to_owned(), Value::from(id.as_str()))));
    put_ids(&mut ids, "aliases", alias_ids);
    content_ids(&mut ids, &agent.draft);
    put_json(files, &format!("{folder}/{IDS}"), &ids);
    for (number, version) in &agent.versions {
        let folder = format!("{folder}/versions/{number}");
        let main = content_files(files, &folder, version);
        put_json(files, &format!("{folder}/{AGENT}"), &main);
        let mut ids = Map::new();
        content_ids(&mut ids, version);
        if !ids.is_empty() {
            put_json(files, &format!("{folder}/{IDS}"), &ids);
        }
    }
}

/// Writes the parts of a draft or version; gives what its main file says.
fn content_files(files: &mut Files, folder: &str, content: &ImportedContent) -> Map<String, Value> {
    let mut names = Names::default();
    let mut main = content.agent.clone();
    if let Some(instruction) = main.get_mut("instruction") {
        put_text(files, folder, "instruction.md", instruction);
    }
    let prompts =
        main.get_mut("promptOverrideConfiguration").and_then(|all| all["promptConfigurations"].as_array_mut());
    for prompt in prompts.into_iter().flatten() {
        let kind = prompt["promptType"].as_str().unwrap_or("PROMPT").to_owned();
        let file = format!("prompts/{}.txt", names.file("prompts", &kind));
        if let Some(template) = prompt.get_mut("basePromptTemplate") {
            put_text(files, folder, &file, template);
        }
    }
    let mut parts = Vec::new();
    for group in &content.action_groups {
        let file = names.file("action-groups", name_in(&group.members, "actionGroupName"));
        let in_folder = format!("{folder}/action-groups");
        let mut document = group.members.clone();
        if let Some(payload) = document.get_mut("apiSchema").and_then(|schema| schema.get_mut("payload")) {
            let ending = schema_ending(payload);
            put_text(files, &in_folder, &format!("{file}.openapi.{ending}"), payload);
        }
        if let Some(text) = &group.schema_text {
            let mut text = Value::from(text.as_str());
            let ending = schema_ending(&text);
            put_text(files, &in_folder, &format!("{file}.openapi.{ending}"), &mut text);
            document.insert("apiSchemaText".to_owned(), text);
        }
        if let Some(functions) = document.get_mut("functionSchema").and_then(|schema| schema.get_mut("functions")) {
            let name = format!("{file}.functions.json");
            put_json(files, &format!("{in_folder}/{name}"), functions);
            *functions = json!({ "file": name });
        }
        put_json(files, &format!("{in_folder}/{file}.json"), &document);
        parts.push(json!({"file": format!("action-groups/{file}.json")}));
    }
    put_list(&mut main, "actionGroups", parts);
    let bases = content.knowledge_bases.iter().cloned().map(Value::Object);
    put_list(&mut main, "knowledgeBases", bases.collect());
    let mut parts = Vec::new();
    for collaborator in &content.collaborators {
        let file = names.file("collaborators", name_in(&collaborator.members, "collaboratorName"));
        let in_folder = format!("{folder}/collaborators");
        let mut document = Map::new();
        document.extend(collaborator.alias.as_ref().map(|alias| ("alias".to_owned(), Value::from(alias.as_str()))));
        document.extend(collaborator.members.clone());
        if let Some(instruction) = document.get_mut("collaborationInstruction") {
            put_text(files, &in_folder, &format!("{file}.md"), instruction);
        }
        put_json(files, &format!("{in_folder}/{file}.json"), &document);
        parts.push(json!({"file": format!("collaborators/{file}.json")}));
    }
    put_list(&mut main, "collaborators", parts);
    main
}

fn content_ids(ids: &mut Map<String, Value>, content: &ImportedContent) {
    let groups = content.action_groups.iter().filter_map(|group| {
        let id = group.action_group_id.as_deref()?;
        Some((name_in(&group.members, "actionGroupName").to_owned(), Value::from(id)))
    });
    put_ids(ids, "actionGroups", groups.collect());
    let collaborators = content.collaborators.iter().filter_map(|one| {
        let id = one.collaborator_id.as_deref()?;
        Some((name_in(&one.members, "collaboratorName").to_owned(), Value::from(id)))
    });
    put_ids(ids, "collaborators", collaborators.collect());
}

fn put_ids(ids: &mut Map<String, Value>, member: &str, mut of: Map<String, Value>) {
    if !of.is_empty() {
        of.sort_keys();
        ids.insert(member.to_owned(), Value::Object(of));
    }
}

fn put_tags(document: &mut Map<String, Value>, member: &str, tags: &BTreeMap<String, String>) {
    if !tags.is_empty() {
        document.insert(member.to_owned(), json!(tags));
    }
}

fn put_list(document: &mut Map<String, Value>, member: &str, items: Vec<Value>) {
    if !items.is_empty() {
        document.insert(member.to_owned(), Value::Array(items));
    }
}

/// Moves a text into a file beside the document that has it, and leaves the file's name there.
fn put_text(files: &mut Files, folder: &str, name: &str, text: &mut Value) {
    if let Some(content) = text.as_str() {
        files.insert(format!("{folder}/{name}"), format!("{content}\n").into_bytes());
        *text = json!({ "file": name });
    }
}

fn put_json(files: &mut Files, path: &str, document: &impl serde::Serialize) {
    // Documents are made of JSON values; nothing can go wrong in writing one.
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    files.insert(path.to_owned(), format!("{text}\n").into_bytes());
}

fn schema_ending(text: &Value) -> &'static str {
    let is_json = text.as_str().is_some_and(|text| text.trim_start().starts_with('{'));
    if is_json { "json" } else { "yaml" }
}

/// Names of files for names of things. The name in the file counts; two that differ in case only would be one file on
/// some systems.
#[derive(Default)]
struct Names {
    used: BTreeMap<&'static str, Vec<String>>,
}

impl Names {
    fn file(&mut self, folder: &'static str, name: &str) -> String {
        let plain: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect();
        let plain = if plain.is_empty() { "_".to_owned() } else { plain };
        let used = self.used.entry(folder).or_default();
        let is_used = |name: &str| used.iter().any(|other| other.eq_ignore_ascii_case(name));
        let mut file = plain.clone();
        let mut count = 1;
        while is_used(&file) {
            count += 1;
            file = format!("{plain}~{count}");
        }
        used.push(file.clone());
        file
    }
}
