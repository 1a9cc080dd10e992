//! What the machine needs to keep a conversation within its model's window.

use crate::App;
use outcrop_planner::turn::{Event, ModelFailed, ModelReplied, Summarized};
use outcrop_planner::{Phase, PreparedAgent};
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

/// Windows of the models that an agent asks, as far as they are known.
pub(super) fn of_agent(app: &App, agent: &PreparedAgent) -> BTreeMap<String, u32> {
    let of_phases = Phase::ALL.iter().filter_map(|&phase| agent.prompts.get(phase).foundation_model.as_deref());
    let models = of_phases.chain([&*agent.model_id]);
    models.filter_map(|id| Some((id.to_owned(), app.models.context_tokens(id)?))).collect()
}
