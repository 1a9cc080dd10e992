//! Turns that are there already: shown again to whoever asks for them, and gone on with where nobody drives them.

use super::begin::{self, Place};
use super::callback;
use super::collaborators::Scope;
use super::drive::{Driver, Ended, Sleep, finished, lost};
use super::emit::{Emitter, failure};
use super::history;
use super::journal;
use super::recorded::{self, Recorded};
use super::request;
use super::sessions::{RunningTurn, SessionGuard};
use crate::App;
use crate::errors::{self, OpResult};
use outcrop_api::bedrock_agent_runtime::Attribution;
use outcrop_planner::turn::{Call, Decision, Event, Step, Turn};
use outcrop_store::{KnownState, KnownTurn, Session, TurnRef};
use outcrop_wire::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The turn of a request that came before.
pub(super) struct Known {
    pub(super) turn: KnownTurn,
    pub(super) held: SessionGuard,
    /// What the request was shown of it already.
    pub(super) recorded: Option<Box<Recorded>>,
    pub(super) stream: bool,
    pub(super) traced: bool,
}

/// Shows what is recorded, and goes on with the turn when it is open.
pub(super) async fn known(app: &Arc<App>, known: Known, emitter: &mut Emitter) -> OpResult<Ended> {
    let Known { turn: KnownTurn { turn: at, attributes, state }, held, recorded, stream, traced } = known;
    let mut recorded = match recorded.filter(|recorded| recorded.is_of(at)) {
        Some(recorded) => *recorded,
        None => Recorded::of(app, at, attributes.clone(), emitter, traced).await?,
    };
    let parts = recorded.read(app).await?;
    if let KnownState::Open { cut_off } = state {
        tracing::info!(session = at.session, turn = at.turn, cut_off, "a request attached to its turn, which goes on");
        // Should the process have ended before earlier turns were closed.
        history::before(app, at, &attributes).await?;
        recorded::show(parts).await;
        let how = How { cut_off, stream, traced, to_boundary: false, above: None };
        let (mut driver, decision, unwritten) = resume(app, at, recorded, how, held, emitter).await?;
        return driver.drive(decision, unwritten).await;
    }
    // What is shown does not change any more, and its reader may be slow.
    drop(held);
    recorded::show(parts).await;
    let ended = match state {
        KnownState::Asleep { until } => Ok(Ended::Asleep(sleep_of(&recorded, until))),
        _ => show_end(&recorded, emitter, "").await,
    };
    if matches!(state, KnownState::Over { unread: true }) && emitter.has_reader() {
        app.store.end_was_read(at).await?;
    }
    ended
}

/// How a turn is gone on with.
pub(super) struct How {
    /// Whoever drove it went away in its middle.
    pub(super) cut_off: bool,
    pub(super) stream: bool,
    pub(super) traced: bool,
    /// It is brought to its next boundary only, and left there.
    pub(super) to_boundary: bool,
    /// What is handed down, if it is a collaborator's.
    pub(super) above: Option<Scope>,
}

/// A driver for a turn that was read and is this process's now, with its first decision and the event that led to it, if
/// that is not written yet.
pub(super) async fn resume<'a>(
    app: &'a Arc<App>,
    at: TurnRef,
    recorded: Recorded,
    how: How,
    held: SessionGuard,
    emitter: &'a mut Emitter,
) -> OpResult<(Driver<'a>, Decision, Option<Vec<u8>>)> {
    let How { cut_off, stream, traced, to_boundary, above } = how;
    let (mut turn, mut step, mut next_seq) =
        recorded.into_turn().ok_or_else(|| lost("a turn that is to go on has no beginning"))?;
    emitter.speak_as(&turn.tool_context().agent.version);
    // Results that were called back in the meantime are results like any other.
    for call in turn.calls_to_make().into_iter().flatten() {
        let Call::Tool(call) = call else { continue };
        let key = request::call_name(callback::CALLS, &turn.call_scope(), &call.tool_use_id);
        let Some(result) = callback::early(app, at, &key).await? else { continue };
        let event = callback::returned(app, &call.tool_use_id, Some(&result));
        app.store.append_events(at, next_seq, vec![(app.clock.now(), journal::event_row(&event))]).await?;
        app.store.callback_was_taken(key).await?;
        next_seq += 1;
        let decision = turn.apply(event);
        emitter.output(decision.output).await;
        step = decision.step;
    }
    let (decision, unwritten) = match cut_off {
        true => {
            let recovered = turn.recovery(app.clock.now());
            let decision = turn.take_up(&recovered, step);
            (decision, Some(journal::event_row(&Event::Recovered(recovered))))
        }
        false => {
            let step = match step {
                Step::CallTools(_) | Step::Wait => turn.calls_to_make().map_or(Step::Wait, Step::CallTools),
                step => step,
            };
            (Decision { step, output: Vec::new() }, None)
        }
    };
    let ends_at = Instant::now() + Duration::from_secs(turn.limits().wall_time_seconds);
    let place = Place { at, next_seq, ends_at, stream, enable_trace: traced, to_boundary };
    let mut driver = begin::driver(app, turn, place, held, emitter, above);
    driver.again = true;
    Ok((driver, decision, unwritten))
}

/// What a collaborator's turn comes to that was asked for before its supervisor's was taken up; with the session's
/// attributes. What it has shown is shown with its supervisor's.
pub(super) async fn take_up_below(
    app: &Arc<App>,
    session: &Session,
    number: u32,
    request_id: &str,
    scope: Scope,
    held: SessionGuard,
    mut emitter: Emitter,
) -> OpResult<(Ended, BTreeMap<String, String>)> {
    let at = TurnRef { session: session.id, turn: number, epoch: session.epoch };
    let traced = scope.enable_trace;
    let mut recorded = Recorded::of(app, at, session.attributes.clone(), &emitter, traced).await?.only(request_id);
    drop(recorded.read(app).await?);
    let is_last = number == session.turns;
    let (owner, now) = (app.lease.owner().to_owned(), app.clock.now());
    let taken = if is_last && session.open_turn.is_some() {
        app.store.take_over(at, owner, now).await?
    } else if is_last && session.asleep_until.is_some() {
        app.store.wake_turn(at, owner, now).await?
    } else {
        let attributes = recorded.turn().map(|turn| turn.session_attributes().clone()).unwrap_or_default();
        return Ok((end_of(&recorded)?.0, attributes));
    };
    let at = taken.ok_or_else(|| errors::conflict("another server works on the collaborator's turn"))?;
    let cut_off = session.open_turn.is_some() && session.lease_owner.is_some();
    let how = How { cut_off, stream: false, traced, to_boundary: scope.to_boundary, above: Some(scope) };
    let (mut driver, decision, unwritten) = resume(app, at, recorded, how, held, &mut emitter).await?;
    let ended = driver.drive(decision, unwritten).await?;
    Ok((ended, driver.turn.session_attributes().clone()))
}

/// Follows a turn that this process drives, from its beginning. False when nobody drives it any more and it has no end:
/// whoever follows may go on with it. `recorded` is what was shown by then.
pub async fn follow(
    app: &Arc<App>,
    running: &RunningTurn,
    emitter: &Emitter,
    (stream, traced): (bool, bool),
    recorded: &mut Option<Box<Recorded>>,
) -> OpResult<bool> {
    let mut progress = running.progress();
    let mut told = String::new();
    loop {
        let has_ended = running.has_ended();
        let at = *progress.borrow_and_update();
        if let Some(at) = at {
            if recorded.as_ref().is_none_or(|recorded| !recorded.is_of(at)) {
                let session = app.store.read(move |tx| tx.kept_session(at.session)).await?;
                let attributes = session.map(|session| session.session.attributes).unwrap_or_default();
                *recorded = Some(Box::new(Recorded::of(app, at, attributes, emitter, traced).await?));
            }
            let Some(recorded) = recorded else { continue };
            recorded::show(recorded.read(app).await?).await;
            if stream {
                let said = running.said();
                if let Some(more) = said.strip_prefix(told.as_str()).filter(|more| !more.is_empty()) {
                    emitter.text(more).await;
                    told = said;
                }
            }
            if matches!(recorded.step(), Some(Step::Finish { .. } | Step::Fail { .. } | Step::ReturnControl(_))) {
                show_end(recorded, emitter, &told).await?;
                return Ok(true);
            }
        }
        if !emitter.has_reader() {
            return Ok(true);
        }
        if has_ended {
            return Ok(false);
        }
        tokio::select! {
            _ = progress.changed() => {}
            () = running.ended() => {}
        }
    }
}

/// Shows what a turn that was read ends with; `told` is what of its answer was shown while it was written.
async fn show_end(recorded: &Recorded, emitter: &Emitter, told: &str) -> OpResult<Ended> {
    let (ended, attribution) = end_of(recorded)?;
    match &ended {
        Ended::Finished { text } => {
            finished(emitter, told, Vec::new(), text, attribution).await;
        }
        Ended::Suspended { payload } => emitter.return_control(payload).await,
        Ended::Asleep(_) | Ended::Left => {}
    }
    Ok(ended)
}

/// What a turn sleeps for that was read. What a collaborator waits for stands in the journal of its own turn.
fn sleep_of(recorded: &Recorded, until: Timestamp) -> Sleep {
    let own = recorded.turn().map(Turn::sleeping).unwrap_or_default();
    let below = || Sleep { until, actions: "an action of a collaborator".to_owned(), function_arn: String::new() };
    Sleep::of(&own, &[]).unwrap_or_else(below)
}

/// What a turn that was read ends with.
fn end_of(recorded: &Recorded) -> OpResult<(Ended, Option<Attribution>)> {
    Ok(match recorded.step() {
        Some(Step::Finish { text, attribution }) => (Ended::Finished { text: text.clone() }, attribution.clone()),
        Some(Step::ReturnControl(payload)) => (Ended::Suspended { payload: Box::new(payload.clone()) }, None),
        Some(Step::Fail { kind, message, resource }) => {
            return Err(failure(*kind, message.clone(), resource.clone()));
        }
        _ => return Err(lost("a turn that is over has no end")),
    })
}
