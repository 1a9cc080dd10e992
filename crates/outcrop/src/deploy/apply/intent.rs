//! Creations whose outcome is unknown: the answer was lost, or the deployment was killed before it could record it.
//!
//! An intent stands in the stack's record from before a thing is created until its id is recorded. The next deployment
//! looks whether the thing is there. Agents and aliases are known by the client token of their creation; a function has
//! no token, but none had its name when the intent was written.

use super::{Apply, Failure, Made, agent, alias, function, guardrail, recorded};
use crate::client::Client;
use crate::deploy::check::Live;
use crate::deploy::package::text_sha256;
use crate::deploy::record::{Intent, Recorded};
use crate::deploy::resource::Type;
use crate::deploy::wanted::Wanted;
use serde_json::Value;

impl Apply<'_> {
    /// Enters what earlier deployments have created without being able to record it.
    pub(super) async fn settle_intents(&mut self, order: &[Live]) -> Result<(), Failure> {
        for (id, intent) in self.record.intents.clone() {
            let found = find(self.client, &intent).await?;
            // What is still wanted is created under the same intent: its request may be under way.
            if found.is_some() || !order.iter().any(|live| live.id == id) {
                self.record.intents.remove(&id);
            }
            if let Some(Made { physical_id, attributes }) = found {
                let Intent { r#type, position, .. } = intent;
                let adopted = Recorded { r#type, physical_id, attributes, position, ..Recorded::default() };
                self.record.resources.insert(id, adopted);
            }
        }
        Ok(())
    }

    /// Creates a resource under an intent, and records it as soon as it has an id.
    pub(super) async fn create(&mut self, live: &Live, position: usize, wanted: &Wanted) -> Result<Made, Failure> {
        if live.kind.recorded_properties().is_some() {
            return Ok(recorded::made(&self.place, live.kind, &live.id, &wanted.properties));
        }
        let (token, is_resumed) = self.begin(live, position, wanted).await?;
        let created = match live.kind {
            Type::Agent => agent::create(self.client, &wanted.properties, &token).await,
            Type::AgentAlias => alias::create(self.client, &wanted.properties, &token).await,
            Type::Guardrail => guardrail::create(self.client, &wanted.properties, &token).await,
            Type::GuardrailVersion => guardrail::create_version(self.client, &wanted.properties, &token).await,
            _ => function::create(self.client, wanted).await,
        };
        let made = match created {
            Ok(made) => made,
            // The request that was begun earlier has come through meanwhile.
            Err(error) if is_resumed && live.kind.is_function() && error.is_conflict() => {
                function::find(self.client, wanted.properties["FunctionName"].as_str().unwrap_or_default()).await?
            }
            Err(error) => {
                if error.is_refusal() {
                    self.record.intents.remove(&live.id);
                    self.save().await.map_err(|Failure(second)| Failure(format!("{error}; and then {second}")))?;
                }
                return Err(error.into());
            }
        };
        let id = made.physical_id.clone();
        self.open(live, position, made);
        self.save().await?;
        match live.kind {
            Type::Agent => agent::complete(self.client, &id, None, &wanted.properties).await,
            Type::AgentAlias => alias::settled(self.client, &id).await,
            Type::Guardrail => Ok(guardrail::update(self.client, &id, None, &wanted.properties).await?),
            Type::GuardrailVersion => Ok(guardrail::version(self.client, &id).await?),
            _ if is_resumed => function::update(self.client, &id, None, wanted).await,
            _ => function::settled(self.client, &id).await,
        }
    }

    /// Records that a creation begins. Gives its client token, and whether it may have been begun before.
    async fn begin(&mut self, live: &Live, position: usize, wanted: &Wanted) -> Result<(String, bool), Failure> {
        let earlier = self.record.intents.get(&live.id);
        let intent = Intent::new(live.kind, &wanted.properties, position, earlier, self.ids.uuid());
        let is_resumed = earlier.is_some_and(|earlier| earlier.is_function_of(&intent));
        if live.kind.is_function() && !is_resumed {
            match function::find(self.client, &intent.name).await {
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {
                    let message = "Function already exist: {}. It was not made by this resource of this stack";
                    return Err(Failure(message.replace("{}", &intent.name)));
                }
            }
        }
        let token = intent.token.clone();
        self.record.intents.insert(live.id.clone(), intent);
        self.save().await?;
        Ok((token, is_resumed))
    }
}

impl Intent {
    /// The intent to create what `properties` say. A creation that was begun with the same properties keeps its token,
    /// so that a request which is still under way and this one make one thing.
    fn new(kind: Type, properties: &Value, position: usize, earlier: Option<&Self>, token: String) -> Self {
        let text = |key: &str| properties[key].as_str().unwrap_or_default().to_owned();
        let (name, agent_id) = match kind {
            Type::Agent => (text("agentName"), String::new()),
            Type::AgentAlias => (text("agentAliasName"), text("agentId")),
            Type::Guardrail => (text("name"), String::new()),
            Type::GuardrailVersion => (text("guardrailIdentifier"), String::new()),
            _ => (text("FunctionName"), String::new()),
        };
        let properties_sha256 = text_sha256(&properties.to_string());
        let same = earlier.filter(|earlier| earlier.properties_sha256 == properties_sha256);
        let token = same.map_or(token, |earlier| earlier.token.clone());
        Self { r#type: kind.name().to_owned(), name, agent_id, token, properties_sha256, position }
    }

    /// Whether both are functions of one name.
    fn is_function_of(&self, other: &Self) -> bool {
        let is_function = |intent: &Self| Type::of(&intent.r#type).is_some_and(Type::is_function);
        is_function(self) && is_function(other) && self.name == other.name
    }
}

/// What the intent has made, if it has made anything.
async fn find(client: &Client, intent: &Intent) -> Result<Option<Made>, Failure> {
    let found = match Type::of(&intent.r#type) {
        Some(Type::Agent) => agent::find(client, &intent.name, &intent.token).await,
        Some(Type::AgentAlias) => alias::find(client, &intent.agent_id, &intent.name, &intent.token).await,
        Some(Type::Function | Type::ServerlessFunction) => function::find(client, &intent.name).await.map(Some),
        _ => Ok(None),
    };
    match found {
        Err(error) if error.is_not_found() => Ok(None),
        found => Ok(found?),
    }
}
