//! From files to agents in memory. Everything that is wrong is told at once, with the file it is in.

use super::Bundle;
use super::fetch::{BASE_NAME, Named};
use super::files::Files;
use super::layout::{AGENT, FORMAT, IDS, MANIFEST};
use super::shapes::{problems_of, unknown};
use outcrop_api::ApiOperation;
use outcrop_api::bedrock_agent as api;
use outcrop_server::transfer::{ImportedAgent, ImportedAlias, ImportedCollaborator, ImportedContent, ImportedGroup};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the files of an export; or what is wrong with them, as `path: what`.
pub(super) fn bundle(files: &Files) -> Result<Bundle, Vec<String>> {
    let mut parse = Parse { files, used: BTreeSet::new(), problems: Vec::new() };
    let bundle = parse.bundle();
    if parse.problems.is_empty() { Ok(bundle) } else { Err(parse.problems) }
}

struct Parse<'a> {
    files: &'a Files,
    used: BTreeSet<String>,
    problems: Vec<String>,
}

/// Ids by the member that has them and the name of the thing.
type Ids = Map<String, Value>;

impl Parse<'_> {
    fn bundle(&mut self) -> Bundle {
        let mut bundle = Bundle::default();
        let Some(mut manifest) = self.json::<Map<String, Value>>(MANIFEST) else { return bundle };
        match manifest.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => {}
            Some(newer) if newer > FORMAT => {
                let mend = "it was written by a newer Outcrop; upgrade this one";
                self.problem(MANIFEST, format!("format {newer} is not known here, the highest is {FORMAT}: {mend}"));
                return bundle;
            }
            _ => {
                self.problem(MANIFEST, format!("`format` must be {FORMAT}"));
                return bundle;
            }
        }
        if manifest.get("unfinished").is_some() {
            self.problem(MANIFEST, "the export was interrupted; run it again".to_owned());
            return bundle;
        }
        manifest.shift_remove("format");
        bundle.roots = self.member(MANIFEST, &mut manifest, "agents").unwrap_or_default();
        self.nothing_else(MANIFEST, &manifest, &["format", "agents"]);
        for folder in self.folders("agents") {
            let agent = self.agent(&folder);
            if bundle.agents.iter().any(|other| other.name() == agent.name()) {
                self.problem(&format!("{folder}/{AGENT}"), format!("another agent is called {} too", agent.name()));
            }
            bundle.agents.push(agent);
        }
        for root in &bundle.roots {
            if !bundle.agents.iter().any(|agent| agent.name() == root) {
                self.problem(MANIFEST, format!("`agents` names {root}, and there is no such agent below agents/"));
            }
        }
        self.check_collaborators(&bundle);
        bundle.agents.sort_by(|one, other| one.name().cmp(other.name()));
        let extra = self.files.keys().filter(|name| !self.used.contains(*name));
        bundle.notes.extend(extra.map(|name| format!("{name}: nothing refers to this file; it is left out")));
        bundle
    }

    fn agent(&mut self, folder: &str) -> ImportedAgent {
        let path = format!("{folder}/{AGENT}");
        let mut agent = ImportedAgent::default();
        let ids = self.ids(folder, &["agentId", "aliases", "actionGroups", "collaborators"]);
        let Some(mut main) = self.json::<Map<String, Value>>(&path) else { return agent };
        agent.prepared = self.member(&path, &mut main, "prepared").unwrap_or_default();
        agent.tags = self.member(&path, &mut main, "tags").unwrap_or_default();
        agent.test_alias_tags = self.member(&path, &mut main, "testAliasTags").unwrap_or_default();
        agent.agent_id = ids.get("agentId").and_then(Value::as_str).map(str::to_owned);
        agent.draft = self.content(folder, main, &ids);
        for folder in self.folders(&format!("{folder}/versions")) {
            let number = folder.rsplit('/').next().unwrap_or_default();
            let Some(number) = number.parse().ok().filter(|parsed: &u32| *parsed > 0 && parsed.to_string() == number)
            else {
                self.problem(&folder, "is not named after a version's number".to_owned());
                continue;
            };
            let ids = self.ids(&folder, &["actionGroups", "collaborators"]);
            let Some(main) = self.json(&format!("{folder}/{AGENT}")) else { continue };
            let content = self.content(&folder, main, &ids);
            agent.versions.insert(number, content);
        }
        for path in self.documents(&format!("{folder}/aliases")) {
            let alias = self.alias(&path, &agent, &ids);
            if agent.aliases.iter().any(|other| other.name() == alias.name()) {
                self.problem(&path, format!("another alias is called {} too", alias.name()));
            }
            agent.aliases.push(alias);
        }
        agent.aliases.sort_by(|one, other| one.name().cmp(other.name()));
        agent
    }

    fn content(&mut self, folder: &str, mut main: Map<String, Value>, ids: &Ids) -> ImportedContent {
        let path = format!("{folder}/{AGENT}");
        let mut content = ImportedContent::default();
        for part in self.parts(&path, &mut main, "actionGroups") {
            let group = self.group(&part, ids);
            let name = |group: &ImportedGroup| group.members.get("actionGroupName").cloned();
            if content.action_groups.iter().any(|other| name(other) == name(&group)) {
                self.problem(&part, "another action group of the agent has the same name".to_owned());
            }
            content.action_groups.push(group);
        }
        for part in self.parts(&path, &mut main, "collaborators") {
            let collaborator = self.collaborator(&part, ids);
            content.collaborators.push(collaborator);
        }
        content.knowledge_bases = self.member(&path, &mut main, "knowledgeBases").unwrap_or_default();
        for base in &content.knowledge_bases {
            let mut members = base.clone();
            members.shift_remove(BASE_NAME);
            self.check::<api::AssociateAgentKnowledgeBase>(&path, &members);
        }
        if let Some(instruction) = main.get_mut("instruction") {
            self.text(&path, instruction);
        }
        let prompts = main.get_mut("promptOverrideConfiguration").and_then(|all| all.get_mut("promptConfigurations"));
        for prompt in prompts.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(template) = prompt.get_mut("basePromptTemplate") {
                self.text(&path, template);
            }
        }
        self.check::<api::CreateAgent>(&path, &main);
        content.agent = main;
        content
    }

    fn group(&mut self, path: &str, ids: &Ids) -> ImportedGroup {
        let mut group = ImportedGroup::default();
        let Some(mut members) = self.json::<Map<String, Value>>(path) else { return group };
        if let Some(mut text) = members.shift_remove("apiSchemaText") {
            self.text(path, &mut text);
            group.schema_text = text.as_str().map(str::to_owned);
        }
        if let Some(payload) = members.get_mut("apiSchema").and_then(|schema| schema.get_mut("payload")) {
            self.text(path, payload);
        }
        if let Some(functions) = members.get_mut("functionSchema").and_then(|schema| schema.get_mut("functions"))
            && functions.is_object()
            && let Some(file) = self.reference(path, functions)
            && let Some(read) = self.json(&file)
        {
            *functions = read;
        }
        self.check::<api::CreateAgentActionGroup>(path, &members);
        group.action_group_id = id_of(ids, "actionGroups", &members, "actionGroupName");
        group.members = members;
        group
    }

    fn collaborator(&mut self, path: &str, ids: &Ids) -> ImportedCollaborator {
        let mut collaborator = ImportedCollaborator::default();
        let Some(mut members) = self.json::<Map<String, Value>>(path) else { return collaborator };
        collaborator.alias = self.member(path, &mut members, "alias");
        if let Some(instruction) = members.get_mut("collaborationInstruction") {
            self.text(path, instruction);
        }
        let mut whole = members.clone();
        if collaborator.alias.is_some() {
            // What it will be at the server.
            let arn = "arn:aws:bedrock:us-east-1:000000000000:agent-alias/AAAAAAAAAA/AAAAAAAAAA";
            whole.insert("agentDescriptor".to_owned(), serde_json::json!({ "aliasArn": arn }));
            if members.contains_key("agentDescriptor") {
                self.problem(path, "has both `alias` and `agentDescriptor`; one says it".to_owned());
            }
        }
        self.check::<api::AssociateAgentCollaborator>(path, &whole);
        collaborator.collaborator_id = id_of(ids, "collaborators", &members, "collaboratorName");
        collaborator.members = members;
        collaborator
    }

    fn alias(&mut self, path: &str, agent: &ImportedAgent, ids: &Ids) -> ImportedAlias {
        let mut alias = ImportedAlias::default();
        let Some(mut members) = self.json::<Map<String, Value>>(path) else { return alias };
        alias.history = self.member(path, &mut members, "history").unwrap_or_default();
        alias.tags = self.member(path, &mut members, "tags").unwrap_or_default();
        self.check::<api::UpdateAgentAlias>(path, &members);
        let routing = members.get("routingConfiguration").and_then(Value::as_array).into_iter().flatten();
        for version in routing.filter_map(|item| item["agentVersion"].as_str()) {
            if !version.parse().is_ok_and(|number| agent.versions.contains_key(&number)) {
                self.problem(path, format!("leads to version {version}, and there is no folder versions/{version}"));
            }
        }
        alias.agent_alias_id = id_of(ids, "aliases", &members, "agentAliasName");
        alias.members = members;
        alias
    }

    /// A collaborator that is named must be in the folder.
    fn check_collaborators(&mut self, bundle: &Bundle) {
        let aliases: BTreeMap<&str, BTreeSet<&str>> = bundle
            .agents
            .iter()
            .map(|agent| {
                (agent.name(), agent.aliases.iter().map(Named::name).chain([super::fetch::TEST_ALIAS]).collect())
            })
            .collect();
        for agent in &bundle.agents {
            let contents = agent.versions.values().chain([&agent.draft]);
            for alias in contents.flat_map(|content| &content.collaborators).filter_map(|one| one.alias.as_deref()) {
                let known = alias
                    .split_once('/')
                    .is_some_and(|(agent, alias)| aliases.get(agent).is_some_and(|aliases| aliases.contains(alias)));
                if !known {
                    let what = format!("a collaborator of {} is `{alias}`, which is not in the folder", agent.name());
                    self.problem("agents", format!("{what}; name one as AGENT/ALIAS, or give an `agentDescriptor`"));
                }
            }
        }
    }

    fn check<O: ApiOperation>(&mut self, path: &str, members: &Map<String, Value>) {
        for problem in problems_of::<O>(members) {
            self.problem(path, problem);
        }
    }

    /// Takes a member out of a document, as a type.
    fn member<T: DeserializeOwned>(&mut self, path: &str, of: &mut Map<String, Value>, name: &str) -> Option<T> {
        let value = of.shift_remove(name)?;
        match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(path, format!("`{name}`: {error}"));
                None
            }
        }
    }

    /// Files of a list of parts, in its order.
    fn parts(&mut self, path: &str, main: &mut Map<String, Value>, name: &str) -> Vec<String> {
        let listed: Vec<Value> = self.member(path, main, name).unwrap_or_default();
        listed.iter().filter_map(|one| self.reference(path, one)).collect()
    }

    /// Puts the text of the file in the place of its name. A text that stands there itself stays.
    fn text(&mut self, path: &str, value: &mut Value) {
        if !value.is_object() {
            return;
        }
        let Some(file) = self.reference(path, value) else { return };
        let Some(content) = self.files.get(&file) else { return };
        match std::str::from_utf8(content) {
            Ok(text) => *value = Value::from(text.strip_suffix('\n').unwrap_or(text)),
            Err(_) => self.problem(&file, "is not UTF-8 text".to_owned()),
        }
    }

    /// The file that `{"file": …}` names, from the folder of the document that says so.
    fn reference(&mut self, path: &str, value: &Value) -> Option<String> {
        let named =
            value.as_object().filter(|members| members.len() == 1).and_then(|members| members.get("file")?.as_str());
        let Some(named) = named else {
            self.problem(path, format!("expected {{\"file\": NAME}}, found {value}"));
            return None;
        };
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\\');
        if !named.split('/').all(is_plain) {
            self.problem(path, format!("the file `{named}` is not below the folder of the file that names it"));
            return None;
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let file = format!("{folder}/{named}");
        if !self.files.contains_key(&file) {
            self.problem(path, format!("the file `{named}` that it names is missing ({file})"));
            return None;
        }
        self.used.insert(file.clone());
        Some(file)
    }

    fn json<T: DeserializeOwned>(&mut self, path: &str) -> Option<T> {
        let Some(content) = self.files.get(path) else {
            self.problem(path, "is missing".to_owned());
            return None;
        };
        self.used.insert(path.to_owned());
        match serde_json::from_slice(content) {
            Ok(document) => Some(document),
            Err(error) if error.is_data() => {
                self.problem(path, format!("is not what it should be: {error}"));
                None
            }
            Err(error) => {
                self.problem(&format!("{path}:{}:{}", error.line(), error.column()), format!("is not JSON: {error}"));
                None
            }
        }
    }

    fn ids(&mut self, folder: &str, known: &[&str]) -> Ids {
        let path = format!("{folder}/{IDS}");
        if !self.files.contains_key(&path) {
            return Ids::new();
        }
        let ids: Ids = self.json(&path).unwrap_or_default();
        self.nothing_else(&path, &ids, known);
        ids
    }

    fn nothing_else(&mut self, path: &str, document: &Map<String, Value>, known: &[&str]) {
        for name in document.keys().filter(|name| !known.contains(&name.as_str())) {
            self.problem(path, unknown(name, name, known.iter().copied()));
        }
    }

    /// Folders directly below a folder.
    fn folders(&self, of: &str) -> BTreeSet<String> {
        let inner = self.files.keys().filter_map(|name| {
            let (first, _) = name.strip_prefix(of)?.strip_prefix('/')?.split_once('/')?;
            Some(format!("{of}/{first}"))
        });
        inner.collect()
    }

    /// JSON files directly in a folder.
    fn documents(&self, folder: &str) -> Vec<String> {
        let is_inner = |name: &&String| {
            let rest = name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
            rest.is_some_and(|rest| !rest.contains('/') && rest.ends_with(".json"))
        };
        self.files.keys().filter(is_inner).cloned().collect()
    }

    fn problem(&mut self, path: &str, mut what: String) {
        what.insert_str(0, &format!("{path}: "));
        self.problems.push(what);
    }
}

fn id_of(ids: &Ids, member: &str, document: &Map<String, Value>, name: &str) -> Option<String> {
    let name = document.get(name)?.as_str()?;
    Some(ids.get(member)?.get(name)?.as_str()?.to_owned())
}
