//! Reading on in a large result: it stands whole in the journal, in the event that brought it.

use super::journal::{self, Entry};
use crate::App;
use outcrop_planner::turn::results::{self, ReadResult};
use outcrop_planner::turn::{Event, ToolReturned};
use outcrop_ports::{ToolFailure, ToolFailureCause, ToolOutcome, ToolSuccess};
use std::sync::Arc;

/// Reads; `session` and `running` are the session and its running turn. What is not there any more is told to the model.
pub(super) async fn read(app: Arc<App>, session: i64, running: u32, asked: ReadResult) -> ToolReturned {
    let started_at = app.clock.now();
    let tool_use_id = asked.tool_use_id.clone();
    let rows = app.store.turn_events(session, asked.turn.unwrap_or(running)).await;
    // Parsing a turn's journal and searching in megabytes take their time.
    let read = tokio::task::spawn_blocking(move || {
        let rows = rows.inspect_err(|error| {
            tracing::error!(error = error as &dyn std::error::Error, "a journal cannot be read");
        });
        let piece = rows.unwrap_or_default().iter().find_map(|row| match journal::read(&row.body)? {
            Entry::Event(event) => piece(&event, &asked),
            Entry::Ended { .. } => None,
        });
        piece.ok_or_else(|| {
            let reference = asked.reference;
            format!("There is no result {reference} any more, or there never was. Call the tool that gave it again.")
        })
    });
    let outcome = match read.await {
        Ok(Ok(body)) => ToolOutcome::Succeeded(ToolSuccess { body, ..ToolSuccess::default() }),
        Ok(Err(message)) => failed(message),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "reading a result panicked");
            failed("The result cannot be read.".to_owned())
        }
    };
    ToolReturned { started_at, at: app.clock.now(), call_id: app.ids.uuid(), tool_use_id, outcome, assessed: None }
}

fn piece(event: &Event, asked: &ReadResult) -> Option<String> {
    results::find(event, &asked.reference).map(|whole| results::read(whole, asked))
}

fn failed(message: String) -> ToolOutcome {
    ToolOutcome::Failed(ToolFailure { cause: ToolFailureCause::NotFound, message, detail: String::new() })
}
