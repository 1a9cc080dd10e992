//! Groups, collaborators and knowledge bases of a draft or version.

use super::Work;
use crate::agents::collaboration;
use crate::agents::documents::StoredGroup;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::bedrock_agent::import::read::{Content, Group};
use crate::ops::bedrock_agent::{action_groups, create_agent_action_group};
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, ReadTx};
use outcrop_wire::Timestamp;

/// Documents as they are stored.
#[derive(Default)]
pub(in crate::ops::bedrock_agent::import) struct Parts {
    pub(in crate::ops::bedrock_agent::import) groups: Vec<StoredGroup>,
    pub(in crate::ops::bedrock_agent::import) collaborators: Vec<api::AgentCollaborator>,
    pub(in crate::ops::bedrock_agent::import) bases: Vec<api::AgentKnowledgeBase>,
}

impl Parts {
    /// When the last of them was made.
    pub(super) fn last_change(&self) -> Option<Timestamp> {
        let groups = self.groups.iter().map(|stored| stored.group.updated_at);
        let collaborators = self.collaborators.iter().map(|one| one.last_updated_at);
        groups.chain(collaborators).chain(self.bases.iter().map(|base| base.updated_at)).max()
    }
}

/// Documents as they are compiled: schemas by value.
#[derive(Default)]
pub(super) struct Compiled {
    pub(super) groups: Vec<api::AgentActionGroup>,
    pub(super) collaborators: Vec<api::AgentCollaborator>,
    pub(super) knowledge_bases: Vec<api::AgentKnowledgeBase>,
    /// What cannot be read.
    pub(super) problems: Vec<String>,
    /// Collaborators that are not there.
    pub(super) gone: Vec<String>,
    /// Knowledge bases that are not there.
    pub(super) missing_bases: Vec<String>,
}

/// Makes the parts. The order in which they were made is the order in which a model sees them, so each is a bit later
/// than the one before.
pub(super) async fn of(work: &Work<'_>, content: &Content, version: &str) -> OpResult<(Parts, Compiled)> {
    let mut at = work.now;
    let mut next = || {
        let this = at;
        at = Timestamp::from_nanos(at.as_nanos() + 1_000);
        this
    };
    let (mut parts, mut compiled) = (Parts::default(), Compiled::default());
    for (group, id) in content.groups.iter().zip(work.place.of_groups(work.app, content)) {
        let mut document = create_agent_action_group::document(id, next(), group.request.clone());
        document.agent_id.clone_from(&work.place.agent_id);
        version.clone_into(&mut document.agent_version);
        let mut by_value = document.clone();
        let tools = match read_schema(work, group, &mut by_value).await? {
            Ok(tools) => tools,
            Err(problem) => {
                compiled.problems.extend(problem);
                0
            }
        };
        parts.groups.push(StoredGroup { group: document, tools });
        compiled.groups.push(by_value);
    }
    let mut elsewhere = Vec::new();
    for (one, id) in content.collaborators.iter().zip(work.place.of_collaborators(work.app, content)) {
        let (request, at) = (one.request.clone(), next());
        let mut document = api::AgentCollaborator {
            agent_id: work.place.agent_id.clone(),
            agent_version: version.to_owned(),
            agent_descriptor: request.agent_descriptor,
            collaborator_id: id,
            collaboration_instruction: request.collaboration_instruction,
            collaborator_name: request.collaborator_name,
            created_at: at,
            last_updated_at: at,
            relay_conversation_history: Some(
                request.relay_conversation_history.unwrap_or(api::RelayConversationHistory::Disabled),
            ),
            client_token: None,
        };
        match &one.alias {
            Some(alias) => {
                let arn = work.arns.get(alias).ok_or_else(|| {
                    let name = &document.collaborator_name;
                    errors::validation(format!("collaborator {name}: {alias} is no alias of an agent of the request."))
                })?;
                document.agent_descriptor.alias_arn = Some(arn.clone());
            }
            None => elsewhere.push(document.clone()),
        }
        parts.collaborators.push(document);
    }
    let bases: Vec<String> = content.bases.iter().map(|base| base.knowledge_base_id.clone()).collect();
    if !elsewhere.is_empty() || !bases.is_empty() {
        let app = work.app.clone();
        let look = move |tx: &ReadTx<'_>| {
            let mut missing = Vec::new();
            for id in bases {
                if !tx.exists(Kind::KnowledgeBase, "", &id)? {
                    missing.push(id);
                }
            }
            Ok::<_, ApiError>((collaboration::gone(tx, &app, &elsewhere)?, missing))
        };
        (compiled.gone, compiled.missing_bases) = work.app.store.read(look).await?;
    }
    for request in &content.bases {
        let at = next();
        parts.bases.push(api::AgentKnowledgeBase {
            agent_id: work.place.agent_id.clone(),
            agent_version: version.to_owned(),
            knowledge_base_id: request.knowledge_base_id.clone(),
            description: request.description.clone(),
            created_at: at,
            updated_at: at,
            knowledge_base_state: request.knowledge_base_state.unwrap_or(api::KnowledgeBaseState::Enabled),
        });
    }
    compiled.collaborators.clone_from(&parts.collaborators);
    compiled.knowledge_bases.clone_from(&parts.bases);
    Ok((parts, compiled))
}

/// Replaces a schema that is named in the object store by its text. Gives the number of the group's functions or
/// operations; or what cannot be read, unless compiling will say it.
async fn read_schema(
    work: &Work<'_>,
    group: &Group,
    document: &mut api::AgentActionGroup,
) -> OpResult<Result<usize, Option<String>>> {
    let name = document.action_group_name.clone();
    let is_enabled = document.action_group_state == api::ActionGroupState::Enabled;
    let text = match (&document.api_schema, &group.schema_text) {
        (None, _) => return Ok(Ok(group.functions)),
        (Some(api::APISchema::Payload(text)), _) => text.clone(),
        (Some(api::APISchema::S3(_)), _) if !is_enabled => return Ok(Ok(0)),
        (Some(api::APISchema::S3(_)), Some(text)) => text.clone(),
        (Some(api::APISchema::S3(s3)), None) => match action_groups::read_schema(&work.app.objects, s3).await {
            Ok(text) => text,
            Err(error) => return Ok(Err(Some(format!("action group {name}: {}", error.message)))),
        },
    };
    document.api_schema = Some(api::APISchema::Payload(text.clone()));
    Ok(action_groups::count_operations(&name, text).await?.map_err(|_| None))
}
