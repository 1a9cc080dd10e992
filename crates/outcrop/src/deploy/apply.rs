//! Makes the server hold what the template says, one resource after the other.
//!
//! The record is written before and after every change, so that a deployment that was interrupted goes on where it
//! stopped: a resource whose record has no properties is set again from scratch.

mod agent;
mod alias;
mod collaborators;
mod function;
mod guardrail;
mod intent;
mod poll;
mod recorded;

use super::check::{Checked, Live};
use super::evaluate::{Found, Place, References};
use super::package::text_sha256;
use super::record::{Change, Recorded, StackRecord, compare};
use super::report::{Action, Reporter};
use super::resource::Type;
use super::template::Problem;
use super::wanted::Wanted;
use crate::client::{Client, ClientError};
use outcrop_ports::{Clock, Ids};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between the first writing of the record and the look whether it is still there. Another deployment that read the
/// record before it was written has written its own within this time, and one of the two sees the other's.
const CLAIM_PAUSE: Duration = Duration::from_millis(25);

/// Why a deployment stopped half-way.
#[derive(Debug)]
pub(crate) struct Failure(pub String);

impl Failure {
    /// As an error of the client, for a request that could not be built.
    fn unsent(self) -> ClientError {
        ClientError::BadRequest(self.0)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(format!("cannot write the output: {error}"))
    }
}

/// What exists for a logical id: the value of `Ref` and the values of `Fn::GetAtt`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    pub physical_id: String,
    pub attributes: BTreeMap<String, String>,
}

/// How to deploy.
pub(crate) struct Apply<'a> {
    /// The server.
    pub client: &'a Client,
    /// Where the record is kept.
    pub record_path: String,
    /// Where the stack lives.
    pub place: Place,
    /// The record as it is on the server.
    pub record: StackRecord,
    /// Whether aliases that cut their own versions follow their agents.
    pub refresh_aliases: bool,
    /// Tells the time for the record.
    pub clock: &'a dyn Clock,
    /// Makes client tokens and revisions of the record.
    pub ids: &'a dyn Ids,
    /// Whether this deployment has written the record. False at the beginning.
    pub claimed: bool,
}

impl Apply<'_> {
    /// Creates and updates in order, then deletes what is no longer wanted, then settles the outputs.
    ///
    /// Dropping the future leaves the record as it was last written; the next deployment continues from it.
    pub(crate) async fn run(&mut self, checked: &mut Checked, reporter: &mut Reporter<'_>) -> Result<(), Failure> {
        let before = self.record.clone();
        let order = checked.order.clone();
        self.settle_intents(&order).await?;
        for (position, live) in order.iter().enumerate() {
            let started = Instant::now();
            let change = self.resource(checked, live, position, reporter).await;
            let change = change.map_err(|Failure(reason)| {
                Failure(format!("cannot deploy {} ({}, line {}): {reason}", live.id, live.kind.name(), live.line))
            })?;
            let physical_id = self.record.resources.get(&live.id).map_or("", |made| &made.physical_id);
            reporter.resource(change, &live.id, live.kind.name(), physical_id, started.elapsed())?;
        }
        let wanted: Vec<String> = order.into_iter().map(|live| live.id).collect();
        self.clean_up(&wanted, reporter).await?;
        self.record.outputs = checked.outputs(&Deployed(&self.record)).map_err(|problems| told(&problems))?;
        let (updated_at, revision) = (before.updated_at, before.revision.clone());
        let unchanged = StackRecord { updated_at, revision, ..self.record.clone() } == before;
        if unchanged { Ok(()) } else { self.save().await }
    }

    async fn resource(
        &mut self,
        checked: &mut Checked,
        live: &Live,
        position: usize,
        reporter: &mut Reporter<'_>,
    ) -> Result<Action, Failure> {
        let wanted = checked.wanted(live, &Deployed(&self.record)).map_err(|problems| told(&problems))?;
        let mut old = self.record.resources.get(&live.id).cloned();
        let mut change = compare(old.as_ref(), live.kind, &wanted.properties);
        if change == Change::Replace {
            self.record.leftovers.extend(self.record.resources.remove(&live.id));
        } else if let Some(known) = &old
            && !self.exists(live.kind, known).await?
        {
            change = Change::Create;
        }
        if matches!(change, Change::Create | Change::Replace) {
            old = None;
            if let Some(returned) = self.record.take_back(live.kind, &wanted.properties)
                && self.exists(live.kind, &returned).await?
            {
                (change, old) = (Change::Update, Some(returned));
            }
        }
        let cut_from = self.cut_from(live.kind, &wanted.properties);
        let is_behind = cut_from.is_some() && old.as_ref().is_some_and(|old| old.cut_from != cut_from);
        if change == Change::Keep && is_behind {
            if self.refresh_aliases {
                change = Change::Update;
            } else {
                let mend = "as with CloudFormation, it moves when its Description changes";
                reporter.note(format!("{} serves its agent as it was before the last change; {mend}", live.id))?;
            }
        }
        let cuts = cut_from.is_some() && change != Change::Keep;
        if cuts && let Some(agent_id) = wanted.properties["agentId"].as_str() {
            self.prepare_for_version(agent_id, &live.id, reporter).await?;
        }
        let made = match (change, old) {
            (Change::Keep, Some(old)) => {
                let kept = Recorded { r#type: live.kind.name().to_owned(), position, retain: live.retain, ..old };
                self.record.resources.insert(live.id.clone(), kept);
                return Ok(Action::Keep);
            }
            (_, Some(old)) => {
                self.open(
                    live,
                    position,
                    Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() },
                );
                self.save().await?;
                self.update(live, &old, &wanted).await?
            }
            (_, None) => self.create(live, position, &wanted).await?,
        };
        let recorded = Recorded {
            r#type: live.kind.name().to_owned(),
            physical_id: made.physical_id,
            properties: Some(wanted.properties),
            attributes: made.attributes,
            position,
            retain: live.retain,
            cut_from,
        };
        self.record.resources.insert(live.id.clone(), recorded);
        self.save().await?;
        Ok(match change {
            Change::Create => Action::Create,
            Change::Replace => Action::Replace,
            Change::Update | Change::Keep => Action::Update,
        })
    }

    /// Enters a resource whose change is under way.
    fn open(&mut self, live: &Live, position: usize, made: Made) {
        self.record.intents.remove(&live.id);
        let recorded = Recorded {
            r#type: live.kind.name().to_owned(),
            physical_id: made.physical_id,
            properties: None,
            attributes: made.attributes,
            position,
            retain: live.retain,
            cut_from: None,
        };
        self.record.resources.insert(live.id.clone(), recorded);
    }

    async fn update(&mut self, live: &Live, old: &Recorded, wanted: &Wanted) -> Result<Made, Failure> {
        let (id, before) = (&old.physical_id, old.properties.as_ref());
        match live.kind {
            Type::Agent => {
                agent::update(self.client, id, before, &wanted.properties).await?;
                agent::complete(self.client, id, before, &wanted.properties).await
            }
            Type::AgentAlias => alias::update(self.client, id, before, &wanted.properties).await,
            Type::Guardrail => guardrail::update(self.client, id, before, &wanted.properties).await,
            Type::GuardrailVersion => Ok(guardrail::version(self.client, id).await?),
            Type::Function | Type::ServerlessFunction => function::update(self.client, id, before, wanted).await,
            Type::Permission | Type::Role | Type::Policy | Type::ManagedPolicy => {
                Ok(recorded::made(&self.place, live.kind, &live.id, &wanted.properties))
            }
        }
    }

    async fn exists(&self, kind: Type, known: &Recorded) -> Result<bool, Failure> {
        let found = match kind {
            Type::Agent => agent::exists(self.client, &known.physical_id).await,
            Type::AgentAlias => alias::exists(self.client, &known.physical_id).await,
            Type::Guardrail => guardrail::exists(self.client, &known.physical_id).await,
            Type::GuardrailVersion => guardrail::version(self.client, &known.physical_id).await.map(|_| ()),
            Type::Function | Type::ServerlessFunction => {
                function::find(self.client, &known.physical_id).await.map(|_| ())
            }
            Type::Permission | Type::Role | Type::Policy | Type::ManagedPolicy => Ok(()),
        };
        match found {
            Ok(()) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn delete(&self, old: &Recorded) -> Result<(), Failure> {
        let id = &old.physical_id;
        let deleted = match Type::of(&old.r#type) {
            Some(Type::Agent) => agent::delete(self.client, id, old.properties.as_ref()).await,
            Some(Type::AgentAlias) => alias::delete(self.client, id).await,
            Some(Type::Guardrail) => guardrail::delete(self.client, id).await,
            Some(Type::GuardrailVersion) => guardrail::delete_version(self.client, id).await,
            Some(Type::Function | Type::ServerlessFunction) => function::delete(self.client, id).await,
            // Recorded only; or a type of another version of this program, which alone knows what to delete.
            _ => Ok(()),
        };
        match deleted {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn clean_up(&mut self, wanted: &[String], reporter: &mut Reporter<'_>) -> Result<(), Failure> {
        while let Some(old) = self.record.leftovers.first().cloned() {
            let started = Instant::now();
            let failed =
                |Failure(reason)| Failure(format!("cannot delete {} ({}): {reason}", old.physical_id, old.r#type));
            self.delete(&old).await.map_err(failed)?;
            self.record.leftovers.remove(0);
            self.save().await?;
            reporter.resource(Action::Delete, "(replaced)", &old.r#type, &old.physical_id, started.elapsed())?;
        }
        for id in self.record.removed(wanted) {
            let started = Instant::now();
            let Some(old) = self.record.resources.get(&id).cloned() else { continue };
            if !old.retain {
                let failed = |Failure(reason)| Failure(format!("cannot delete {id} ({}): {reason}", old.r#type));
                self.delete(&old).await.map_err(failed)?;
            }
            self.record.resources.remove(&id);
            self.save().await?;
            let action = if old.retain { Action::Retain } else { Action::Delete };
            reporter.resource(action, &id, &old.r#type, &old.physical_id, started.elapsed())?;
        }
        Ok(())
    }

    /// For an alias that cuts its own versions: what its agent is like, as a hash.
    fn cut_from(&self, kind: Type, properties: &Value) -> Option<String> {
        let cuts = kind == Type::AgentAlias && properties.get("routingConfiguration").is_none();
        let agent_id = properties["agentId"].as_str().filter(|_| cuts)?;
        let mut agents = self.record.resources.values().filter(|other| other.r#type == Type::Agent.name());
        let agent = agents.find(|agent| agent.physical_id == agent_id)?;
        Some(text_sha256(&agent.properties.as_ref()?.to_string()))
    }

    /// A version can be cut from a prepared agent only. On AWS a template without `AutoPrepare` fails here.
    async fn prepare_for_version(
        &self,
        agent_id: &str,
        alias: &str,
        reporter: &mut Reporter<'_>,
    ) -> Result<(), Failure> {
        if agent::prepare_if_needed(self.client, agent_id).await? {
            let advice = "AWS needs `AutoPrepare: true` at the agent";
            reporter.note(format!("prepared agent {agent_id} so that {alias} can cut a version; {advice}"))?;
        }
        Ok(())
    }

    /// Writes the record, unless another deployment has written it since.
    async fn save(&mut self) -> Result<(), Failure> {
        self.check_alone().await?;
        self.record.updated_at = self.clock.now().to_micros();
        self.record.revision = self.ids.uuid();
        self.client.put(&self.record_path, &self.record).await?;
        if !self.claimed {
            sleep(CLAIM_PAUSE).await;
            self.check_alone().await?;
            self.claimed = true;
        }
        Ok(())
    }

    async fn check_alone(&self) -> Result<(), Failure> {
        let current = self.client.get::<StackRecord>(&self.record_path).await?.unwrap_or_default();
        if current.revision == self.record.revision {
            return Ok(());
        }
        Err(Failure("another deployment of this stack is under way; deploy again when it has ended".to_owned()))
    }
}

/// References to what is recorded.
struct Deployed<'a>(&'a StackRecord);

impl References for Deployed<'_> {
    fn find(&self, id: &str, attribute: Option<&str>) -> Found {
        let Some(recorded) = self.0.resources.get(id) else {
            return Found::No(format!("`{id}` does not exist yet"));
        };
        match attribute {
            None => Found::Text(recorded.physical_id.clone()),
            Some(attribute) => match recorded.attributes.get(attribute) {
                Some(text) => Found::Text(text.clone()),
                None => Found::No(format!("`{id}` has no value for `{attribute}` yet")),
            },
        }
    }
}

fn told(problems: &[Problem]) -> Failure {
    let told: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
    Failure(told.join("; "))
}
