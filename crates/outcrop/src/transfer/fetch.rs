//! From a server to agents in memory: reads through the same API as everybody else, so it works with AWS too.

use super::Bundle;
use super::objects::Objects;
use super::shapes::content_of;
use crate::client::{Client, ClientError};
use outcrop_api::ApiOperation;
use outcrop_api::bedrock_agent as api;
use outcrop_server::transfer::{ImportedAgent, ImportedAlias, ImportedCollaborator, ImportedContent, ImportedGroup};
use outcrop_wire::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::sleep;

/// Member that tells the name of a knowledge base beside its id.
pub(super) const BASE_NAME: &str = "knowledgeBaseName";
const DRAFT: &str = "DRAFT";
/// The alias every agent has.
pub(super) const TEST_ALIAS: &str = "TSTALIASID";
/// Pages of a list that are read.
const PAGES_MAX: usize = 1_000;
/// Agents that are followed.
const AGENTS_MAX: usize = 1_000;
/// Names that are suggested.
const NAMES_MAX: usize = 10;
/// How often a call is made that the service puts off.
const TRIES_MAX: u32 = 8;
/// First pause before a call is made again; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

/// Why agents could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// A call failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Something else stands in the way.
    #[error("{0}")]
    Other(String),
}

/// Reads agents from a server.
struct Fetch<'a> {
    client: &'a Client,
    /// Where schemas are read; none: they are not.
    objects: Option<&'a Objects>,
    /// Whether agents that these work with are read too.
    collaborators: bool,
    bundle: Bundle,
    /// Names and aliases of what was read, by agent id.
    known: BTreeMap<String, (String, BTreeMap<String, String>)>,
}

/// Reads agents, by id or name, and those they work with.
pub(super) async fn fetch(
    client: &Client,
    objects: Option<&Objects>,
    wanted: &[String],
    collaborators: bool,
) -> Result<Bundle, FetchError> {
    let mut fetch = Fetch { client, objects, collaborators, bundle: Bundle::default(), known: BTreeMap::new() };
    let mut queue = VecDeque::new();
    for name in wanted {
        let agent = fetch.find(name).await?;
        let name = text(&agent, "agentName");
        if !fetch.bundle.roots.contains(&name) {
            fetch.bundle.roots.push(name);
            queue.push_back(agent);
        }
    }
    while let Some(agent) = queue.pop_front() {
        if fetch.known.contains_key(&text(&agent, "agentId")) {
            continue;
        }
        if fetch.known.len() >= AGENTS_MAX {
            return Err(FetchError::Other(format!("more than {AGENTS_MAX} agents work together; name fewer")));
        }
        for id in fetch.agent(&agent).await? {
            queue.extend(fetch.collaborator(&id).await?);
        }
    }
    fetch.name_collaborators();
    fetch.bundle.agents.sort_by(|one, other| one.name().cmp(other.name()));
    Ok(fetch.bundle)
}

/// The agent that has exactly this name, by a list.
pub(super) async fn named(client: &Client, name: &str) -> Result<Option<String>, ClientError> {
    let fetch =
        Fetch { client, objects: None, collaborators: false, bundle: Bundle::default(), known: BTreeMap::new() };
    let agents = fetch.list::<api::ListAgents>(json!({}), "agentSummaries").await?;
    Ok(agents.iter().find(|agent| agent["agentName"] == name).map(|agent| text(agent, "agentId")))
}

impl Fetch<'_> {
    /// The agent of an id or name. Servers that know names are asked first; AWS does not, there the list tells.
    async fn find(&self, wanted: &str) -> Result<Value, FetchError> {
        match self.get::<api::GetAgent>(json!({ "agentId": wanted }), "agent").await {
            Ok(agent) => return Ok(agent),
            Err(error) if is_unknown(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let agents = self.list::<api::ListAgents>(json!({}), "agentSummaries").await?;
        if let Some(agent) = agents.iter().find(|agent| agent["agentName"] == wanted) {
            return Ok(self.get::<api::GetAgent>(json!({ "agentId": agent["agentId"] }), "agent").await?);
        }
        let mut names: Vec<String> = agents.iter().map(|agent| text(agent, "agentName")).collect();
        names.sort();
        let more = if names.len() > NAMES_MAX { ", …" } else { "" };
        names.truncate(NAMES_MAX);
        let there =
            if names.is_empty() { "there is none".to_owned() } else { format!("there is {}", names.join(", ")) };
        Err(FetchError::Other(format!("no agent `{wanted}` at {}; {there}{more}", self.client.endpoint())))
    }

    /// An agent that another works with; `None`, with a note, when it cannot be read.
    async fn collaborator(&mut self, id: &str) -> Result<Option<Value>, FetchError> {
        if self.known.contains_key(id) {
            return Ok(None);
        }
        match self.get::<api::GetAgent>(json!({ "agentId": id }), "agent").await {
            Ok(agent) => Ok(Some(agent)),
            Err(error @ ClientError::Service { .. }) if error.is_refusal() => {
                self.note(format!("the collaborating agent {id} is not exported: {error}"));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads one agent whole; gives ids of the agents it works with.
    async fn agent(&mut self, agent: &Value) -> Result<Vec<String>, FetchError> {
        let (id, name) = (text(agent, "agentId"), text(agent, "agentName"));
        let mut found = Vec::new();
        let mut imported = ImportedAgent { agent_id: Some(id.clone()), ..ImportedAgent::default() };
        imported.draft = self.content(agent, &id, DRAFT, &mut found).await?;
        // A draft that failed was to be prepared; one that is only saved was not.
        imported.prepared =
            ["PREPARED", "PREPARING", "VERSIONING", "FAILED"].contains(&text(agent, "agentStatus").as_str());
        for summary in self.list::<api::ListAgentVersions>(json!({ "agentId": id }), "agentVersionSummaries").await? {
            let version = text(&summary, "agentVersion");
            let Ok(number) = version.parse() else { continue };
            let request = json!({"agentId": id, "agentVersion": version});
            let document = self.get::<api::GetAgentVersion>(request, "agentVersion").await?;
            let content = self.content(&document, &id, &version, &mut found).await?;
            imported.versions.insert(number, content);
        }
        for summary in self.list::<api::ListAgentAliases>(json!({ "agentId": id }), "agentAliasSummaries").await? {
            let alias_id = text(&summary, "agentAliasId");
            if alias_id != TEST_ALIAS {
                imported.aliases.push(self.alias(&id, &alias_id).await?);
            }
        }
        imported.aliases.sort_by(|one, other| one.name().cmp(other.name()));
        let arn = text(agent, "agentArn");
        self.bundle.arns.insert(name.clone(), arn.clone());
        imported.tags = self.tags(&arn, &name).await?;
        let test_arn = arn.replacen(":agent/", ":agent-alias/", 1) + "/" + TEST_ALIAS;
        imported.test_alias_tags = self.tags(&test_arn, &name).await?;
        let aliases = imported.aliases.iter();
        let by_id =
            aliases.filter_map(|alias| Some((alias.agent_alias_id.clone()?, alias.name().to_owned()))).collect();
        self.known.insert(id, (name, by_id));
        self.bundle.agents.push(imported);
        found.retain(|id| !self.known.contains_key(id));
        Ok(if self.collaborators { found } else { Vec::new() })
    }

    async fn content(
        &mut self,
        document: &Value,
        id: &str,
        version: &str,
        found: &mut Vec<String>,
    ) -> Result<ImportedContent, FetchError> {
        let mut content = ImportedContent { agent: content_of::<api::CreateAgent>(document), ..Default::default() };
        drop_default_prompts(&mut content.agent);
        let of_version = json!({"agentId": id, "agentVersion": version});
        let with = |name: &str, value: &Value| {
            let mut request = of_version.clone();
            request[name] = value.clone();
            request
        };
        let mut groups = Vec::new();
        for summary in self.list::<api::ListAgentActionGroups>(of_version.clone(), "actionGroupSummaries").await? {
            let request = with("actionGroupId", &summary["actionGroupId"]);
            groups.push(self.get::<api::GetAgentActionGroup>(request, "agentActionGroup").await?);
        }
        groups.sort_by_key(|group| made_at(group, "actionGroupId"));
        content.action_groups = groups.iter().map(group).collect();
        for group in &mut content.action_groups {
            group.schema_text = self.schema_text(&group.members).await;
        }
        let mut bases = Vec::new();
        let listed =
            self.list::<api::ListAgentKnowledgeBases>(of_version.clone(), "agentKnowledgeBaseSummaries").await?;
        for summary in listed {
            let request = with("knowledgeBaseId", &summary["knowledgeBaseId"]);
            bases.push(self.get::<api::GetAgentKnowledgeBase>(request, "agentKnowledgeBase").await?);
        }
        bases.sort_by_key(|base| made_at(base, "knowledgeBaseId"));
        for base in bases {
            let mut members = Map::new();
            // For readers: an id says nothing.
            let name = self.base_name(&base["knowledgeBaseId"]).await?;
            members.extend(name.map(|name| (BASE_NAME.to_owned(), name)));
            members.extend(content_of::<api::AssociateAgentKnowledgeBase>(&base));
            content.knowledge_bases.push(members);
        }
        let mut collaborators = Vec::new();
        let listed = self.list::<api::ListAgentCollaborators>(of_version.clone(), "agentCollaboratorSummaries").await?;
        for summary in listed {
            let request = with("collaboratorId", &summary["collaboratorId"]);
            collaborators.push(self.get::<api::GetAgentCollaborator>(request, "agentCollaborator").await?);
        }
        collaborators.sort_by_key(|one| made_at(one, "collaboratorId"));
        for document in collaborators {
            let arn = text(&document["agentDescriptor"], "aliasArn");
            found.extend(ids_of(&arn).map(|(agent_id, _)| agent_id.to_owned()));
            content.collaborators.push(ImportedCollaborator {
                collaborator_id: Some(text(&document, "collaboratorId")),
                alias: None,
                members: content_of::<api::AssociateAgentCollaborator>(&document),
            });
        }
        Ok(content)
    }

    /// Name of a knowledge base, where it can be read.
    async fn base_name(&self, id: &Value) -> Result<Option<Value>, ClientError> {
        match self.get::<api::GetKnowledgeBase>(json!({ "knowledgeBaseId": id }), "knowledgeBase").await {
            Ok(base) => Ok(base.get("name").cloned()),
            Err(error @ ClientError::Service { .. }) if error.is_refusal() || error.is_not_implemented() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Text of a schema in the object store.
    async fn schema_text(&mut self, group: &Map<String, Value>) -> Option<String> {
        let (objects, (bucket, key)) = (self.objects?, object_of(group)?);
        match objects.text(&bucket, &key).await {
            Ok(text) => Some(text),
            Err(reason) => {
                self.note(format!("only the name of the schema s3://{bucket}/{key} is kept: {reason}"));
                None
            }
        }
    }

    async fn alias(&mut self, agent_id: &str, alias_id: &str) -> Result<ImportedAlias, FetchError> {
        let request = json!({"agentId": agent_id, "agentAliasId": alias_id});
        let document = self.get::<api::GetAgentAlias>(request, "agentAlias").await?;
        let mut members = content_of::<api::UpdateAgentAlias>(&document);
        if !leads_somewhere(members.get("routingConfiguration")) {
            members.shift_remove("routingConfiguration");
        }
        let mut events = document["agentAliasHistoryEvents"].as_array().cloned().unwrap_or_default();
        events.sort_by_key(|event| std::cmp::Reverse(time(&event["startDate"])));
        let current = events.first().is_some_and(|event| event["endDate"].is_null());
        // Each event as the routing of an update, for the order of its members.
        let history = events.iter().skip(usize::from(current)).map(|event| {
            let routing = content_of::<api::UpdateAgentAlias>(event).shift_remove("routingConfiguration");
            let items = routing.as_ref().and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| item.as_object().filter(|item| !item.is_empty()).cloned()).collect()
        });
        Ok(ImportedAlias {
            agent_alias_id: Some(alias_id.to_owned()),
            members,
            history: history.collect(),
            tags: self.tags(&text(&document, "agentAliasArn"), &text(&document, "agentAliasName")).await?,
        })
    }

    /// Tags of a resource, without those that only AWS may set.
    async fn tags(&mut self, arn: &str, whose: &str) -> Result<BTreeMap<String, String>, FetchError> {
        let answer = self.ask::<api::ListTagsForResource>(&json!({ "resourceArn": arn })).await;
        let answer = match answer {
            Err(error) if is_unknown(&error) || error.is_not_implemented() => return Ok(BTreeMap::new()),
            answer => answer?,
        };
        let mut tags = BTreeMap::new();
        for (key, value) in answer["tags"].as_object().into_iter().flatten() {
            match key.starts_with("aws:") {
                true => self.note(format!("{whose}: the tag {key} is AWS's own and left out")),
                false => drop(tags.insert(key.clone(), value.as_str().unwrap_or_default().to_owned())),
            }
        }
        Ok(tags)
    }

    /// Writes `AGENT/ALIAS` in place of ARNs of aliases that are in the bundle: ids are another server's business.
    fn name_collaborators(&mut self) {
        let known = &self.known;
        for agent in &mut self.bundle.agents {
            for content in agent.versions.values_mut().chain([&mut agent.draft]) {
                for collaborator in &mut content.collaborators {
                    let arn = text(&collaborator.members["agentDescriptor"], "aliasArn");
                    let Some((agent_id, alias_id)) = ids_of(&arn) else { continue };
                    let Some((name, aliases)) = known.get(agent_id) else { continue };
                    let alias = if alias_id == TEST_ALIAS {
                        Some(TEST_ALIAS)
                    } else {
                        aliases.get(alias_id).map(String::as_str)
                    };
                    if let Some(alias) = alias {
                        collaborator.alias = Some(format!("{name}/{alias}"));
                        collaborator.members.shift_remove("agentDescriptor");
                    }
                }
            }
        }
    }

    fn note(&mut self, note: String) {
        if !self.bundle.notes.contains(&note) {
            self.bundle.notes.push(note);
        }
    }

    async fn get<O: ApiOperation>(&self, request: Value, member: &str) -> Result<Value, ClientError> {
        let mut answer = self.ask::<O>(&request).await?;
        Ok(answer[member].take())
    }

    /// All items of a list. A list that the server does not have is empty.
    async fn list<O: ApiOperation>(&self, mut request: Value, member: &str) -> Result<Vec<Value>, ClientError> {
        let mut items = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut page = match self.ask::<O>(&request).await {
                Err(error) if error.is_not_implemented() => return Ok(items),
                page => page?,
            };
            if let Value::Array(found) = page[member].take() {
                items.extend(found);
            }
            match page.get("nextToken") {
                Some(Value::String(token)) => request["nextToken"] = Value::from(token.as_str()),
                _ => return Ok(items),
            }
        }
        Err(ClientError::BadReply(format!("the list of {member} does not end")))
    }

    /// Calls an operation. AWS lets few calls a second through and says so; those are made again.
    async fn ask<O: ApiOperation>(&self, request: &Value) -> Result<Value, ClientError> {
        let mut pause = PAUSE;
        for _ in 1..TRIES_MAX {
            match self.client.call_json::<O>(request).await {
                Err(error) if error.is_throttling() => sleep(pause).await,
                answer => return answer,
            }
            pause *= 2;
        }
        self.client.call_json::<O>(request).await
    }
}

fn group(document: &Value) -> ImportedGroup {
    let mut members = content_of::<api::CreateAgentActionGroup>(document);
    // The answer's name of it differs from the request's.
    if let Some(signature) = document.get("parentActionSignature").filter(|signature| !signature.is_null()) {
        members.insert("parentActionGroupSignature".to_owned(), signature.clone());
    }
    ImportedGroup { action_group_id: Some(text(document, "actionGroupId")), members, schema_text: None }
}

/// Bucket and key of a group's schema, when it is in the object store.
pub(super) fn object_of(group: &Map<String, Value>) -> Option<(String, String)> {
    let s3 = group.get("apiSchema")?.get("s3")?;
    Some((s3["s3BucketName"].as_str()?.to_owned(), s3["s3ObjectKey"].as_str()?.to_owned()))
}

/// Leaves out prompts that are as the service makes them: their text is the service's, not the author's.
fn drop_default_prompts(agent: &mut Map<String, Value>) {
    let model = agent.get("foundationModel").cloned();
    let defaults = outcrop_server::default_prompts(outcrop_server::Phases { memory: true, routing: true });
    let default_state = |one: &Value| {
        let is_same = |kind: &api::PromptType| one["promptType"] == kind.as_str();
        let default = defaults.iter().find(|default| default.prompt_type.as_ref().is_some_and(is_same));
        default.and_then(|default| default.prompt_state).map_or("ENABLED", api::PromptState::as_str)
    };
    let Some(shown) = agent.get_mut("promptOverrideConfiguration").and_then(Value::as_object_mut) else { return };
    if let Some(Value::Array(prompts)) = shown.get_mut("promptConfigurations") {
        for one in prompts.iter_mut().filter_map(Value::as_object_mut) {
            // The agent's own model, which the service repeats.
            if one.get("foundationModel").is_some_and(|own| Some(own) == model.as_ref()) {
                one.shift_remove("foundationModel");
            }
            if one.get("promptCreationMode").is_none_or(|mode| mode != "OVERRIDDEN") {
                one.retain(|name, _| !["basePromptTemplate", "inferenceConfiguration"].contains(&name.as_str()));
                if one.get("parserMode").is_some_and(|mode| mode == "DEFAULT") {
                    one.shift_remove("parserMode");
                }
            }
        }
        prompts.retain(|one| {
            let is_empty = ["parserMode", "foundationModel", "additionalModelRequestFields"]
                .iter()
                .all(|member| one.get(*member).is_none());
            let has_default_state = one.get("promptState").is_none_or(|state| state == default_state(one));
            one["promptCreationMode"] == "OVERRIDDEN" || !is_empty || !has_default_state
        });
    }
    let is_empty = shown.get("promptConfigurations").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if is_empty && shown.get("overrideLambda").is_none() {
        agent.shift_remove("promptOverrideConfiguration");
    }
}

fn leads_somewhere(routing: Option<&Value>) -> bool {
    let items = routing.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_object).any(|item| !item.is_empty())
}

/// Agent and alias of an alias's ARN.
fn ids_of(arn: &str) -> Option<(&str, &str)> {
    arn.split_once(":agent-alias/")?.1.split_once('/')
}

fn made_at(document: &Value, id: &str) -> (Option<Timestamp>, String) {
    (time(&document["createdAt"]), text(document, id))
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(Timestamp::parse)
}

pub(super) fn text(document: &Value, member: &str) -> String {
    document[member].as_str().unwrap_or_default().to_owned()
}

/// A name that breaks the constraint of an id is answered with a ValidationException.
fn is_unknown(error: &ClientError) -> bool {
    error.is_not_found() || matches!(error, ClientError::Service { code, .. } if code == "ValidationException")
}

/// The names in members of agents and aliases.
pub(super) trait Named {
    /// The name; empty when there is none.
    fn name(&self) -> &str;
}

impl Named for ImportedAgent {
    fn name(&self) -> &str {
        name_in(&self.draft.agent, "agentName")
    }
}

impl Named for ImportedAlias {
    fn name(&self) -> &str {
        name_in(&self.members, "agentAliasName")
    }
}

pub(super) fn name_in<'a>(members: &'a Map<String, Value>, member: &str) -> &'a str {
    members.get(member).and_then(Value::as_str).unwrap_or_default()
}
