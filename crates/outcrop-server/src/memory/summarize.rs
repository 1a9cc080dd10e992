//! One session to one summary: what was said is read from the journal, the agent's model sums it up with the agent's own
//! prompt, the author's parser reads the reply where there is one.

use super::recent;
use crate::App;
use crate::agents::documents::{agent, alias};
use crate::bill::Payer;
use crate::errors::{ApiError, OpResult};
use crate::metrics::MemoryOutcome;
use crate::turn::{functions, over};
use outcrop_planner::memory::{self, Topic};
use outcrop_planner::{PhaseModels, PreparedAgent};
use outcrop_ports::{AgentIdentity, ModelReply, ModelRequest};
use outcrop_store::{MemoryJob, MemorySummary, Tx};
use std::sync::Arc;

/// Why an attempt did not come to a summary, for the operator.
#[derive(Debug)]
pub(super) struct Problem(pub(super) String);

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self(error.message)
    }
}

/// Sums a session up and ends its job.
///
/// Dropping it gives the attempt up; what was written by then is whole.
pub(super) async fn summarize(app: &Arc<App>, job: &MemoryJob) -> Result<MemoryOutcome, Problem> {
    let Some(found) = topics(app, job).await? else {
        let session = job.session;
        app.store.write::<_, ApiError, _>(move |tx| Ok(tx.end_memory_job(session)?)).await?;
        return Ok(MemoryOutcome::Nothing);
    };
    if found.topics.is_empty() {
        return Err(Problem("the summary is empty".to_owned()));
    }
    let (job, now) = (job.clone(), app.clock.now());
    let written = app.store.write(move |tx| write(tx, &job, &found, now)).await?;
    Ok(if written { MemoryOutcome::Written } else { MemoryOutcome::Nothing })
}

/// What there is to remember, and for how long.
struct Found {
    topics: Vec<Topic>,
    storage_days: u32,
}

/// `None` when there is nothing to sum up: nothing was said, or the agent does not remember.
async fn topics(app: &Arc<App>, job: &MemoryJob) -> Result<Option<Found>, Problem> {
    let Some(held) = over::held(app, job.session).await? else { return Ok(None) };
    let Some(prepared) = app.prepared.by_hash(app, &held.snapshot).await? else { return Ok(None) };
    let Some(how) = memory::remembering(&prepared) else { return Ok(None) };
    if held.messages.is_empty() {
        return Ok(None);
    }
    let (of, now) = ((job.agent_id.clone(), job.alias_id.clone(), job.memory_id.clone()), app.clock.now());
    let past = app.store.read(move |tx| recent(tx, (&of.0, &of.1, &of.2), how, now)).await?;
    // The alias may be gone by now; then nothing names a model for it.
    let named = app.prepared.target(app, &job.agent_id, &job.alias_id).await;
    let named = named.map(|target| target.controls.models.clone()).unwrap_or_default();
    let models = named.of_agent(&prepared.prompts, &app.settings.models);
    let Some(request) = memory::request(&prepared, &models, &memory::content(&past), &held.messages) else {
        return Ok(None);
    };
    let payer = Payer { agent: job.agent_id.as_str().into(), session: job.session_id.as_str().into() };
    let reply = ask(app, &payer, &request).await?;
    let identity = AgentIdentity {
        name: prepared.agent_name.clone(),
        id: prepared.agent_id.clone(),
        alias: job.alias_id.as_str().into(),
        version: held.version.as_str().into(),
    };
    let topics = read(app, &prepared, &models, &identity, reply).await?;
    Ok(Some(Found { topics, storage_days: how.storage_days }))
}

async fn ask(app: &App, payer: &Payer, request: &ModelRequest) -> Result<ModelReply, Problem> {
    let patience = app.settings.model_call_timeout;
    let model = app.models.model(&request.model_id);
    let asked = tokio::time::timeout(patience, model.converse(request, None)).await;
    let reply = asked.as_ref().ok().and_then(|answer| answer.as_ref().ok());
    app.model_answered(payer, &request.model_id, reply);
    match asked {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) => Err(Problem(format!("model {}: {}", request.model_id, error.message))),
        Err(_) => Err(Problem(format!("model {}: no answer within {} s", request.model_id, patience.as_secs()))),
    }
}

async fn read(
    app: &Arc<App>,
    agent: &PreparedAgent,
    models: &PhaseModels,
    identity: &AgentIdentity,
    reply: ModelReply,
) -> Result<Vec<Topic>, Problem> {
    let Some(call) = memory::parser_call(agent, models, identity, &reply) else {
        return Ok(memory::read(&reply.message));
    };
    let of_parser = |problem: String| Problem(format!("parser {}: {problem}", call.function_arn));
    let patience = app.settings.tool_call_timeout;
    let answer = functions::invoke(app, &call.function_arn, call.payload.clone().into_bytes(), patience).await;
    let answer = answer.map_err(|failure| of_parser(failure.message))?;
    memory::read_parsed(&String::from_utf8_lossy(&answer)).map_err(of_parser)
}

/// Writes the summary and ends the job; answers whether it was written: what was forgotten meanwhile, or whose agent or
/// alias is gone, is not.
fn write(tx: &mut Tx<'_>, job: &MemoryJob, found: &Found, now: outcrop_wire::Timestamp) -> OpResult<bool> {
    let MemoryJob { agent_id, alias_id, memory_id, session_id, .. } = job;
    let is_there = match agent(tx, agent_id).and_then(|stored| alias(tx, &stored, alias_id, String::new())) {
        Ok(_) => true,
        Err(error) if error.code == "ResourceNotFoundException" => false,
        Err(error) => return Err(error),
    };
    let earlier = tx.memory_of((agent_id, alias_id, memory_id), session_id, now)?;
    let summary = MemorySummary {
        session_id: session_id.clone(),
        started_at: tx.session_began(job.session)?.unwrap_or(job.ended_at),
        expires_at: MemorySummary::expiry(now, found.storage_days),
        summary: memory::text(&found.topics, earlier.as_ref().map(|one| one.summary.as_str())),
    };
    Ok(tx.finish_memory_job(job, is_there.then_some(&summary), now)?)
}
