//! What the machine needs to keep a conversation within its model's window.

use crate::App;
use crate::agents::prepared::Target;
use outcrop_planner::turn::{Event, ModelFailed, ModelReplied, Summarized};
use outcrop_planner::{Phase, PhaseModels, PreparedAgent};
use std::collections::BTreeMap;

/// What a call for a summary came to.
pub(super) fn summarized(event: Event, app: &App) -> Event {
    match event {
        Event::ModelReplied(ModelReplied { started_at, at, call_id, reply }) => {
            Event::Summarized(Summarized { started_at, at, call_id, outcome: Ok(reply) })
        }
        Event::ModelFailed(ModelFailed { started_at, at, error }) => {
            Event::Summarized(Summarized { started_at, at, call_id: app.ids.uuid(), outcome: Err(error) })
        }
        limit => limit,
    }
}

/// Models that are asked in place of the agent's: its tags say so, else the operator for all agents.
pub(super) fn models(app: &App, target: &Target) -> PhaseModels {
    target.controls.models.of_agent(&target.prepared.prompts, &app.settings.models)
}

/// Windows of the models that an agent asks, as far as they are known.
pub(super) fn of_agent(app: &App, agent: &PreparedAgent, models: &PhaseModels) -> BTreeMap<String, u32> {
    let of_phases = Phase::ALL.iter().filter_map(|&phase| agent.prompts.get(phase).foundation_model.as_deref());
    let models = of_phases.chain([&*agent.model_id]).chain(models.iter().map(|(_, model)| &**model));
    models.filter_map(|id| Some((id.to_owned(), app.models.context_tokens(id)?))).collect()
}
