//! An answer as an event stream, whatever the events look like.
//!
//! The stream begins with the first piece of the answer, so that a failure before it is an error of HTTP, which clients
//! retry, and one after it a frame. A piece is forwarded as soon as it is there. A caller that hangs up ends the call.

use super::ask::{self, Asked};
use super::gate::Gate;
use super::guarded::Guarding;
use super::models::Named;
use super::order::Order;
use crate::edge::event_stream::{self, FrameSender};
use crate::edge::respond::{self, Body};
use crate::errors::{self, ApiError};
use crate::ops::OpContext;
use http::{HeaderValue, Response};
use outcrop_api::bedrock_runtime::ConverseStreamOutput;
use outcrop_guardrails::Verdict;
use outcrop_ports::{BoxFuture, Delta, DeltaSink, ModelError, ModelRequest};
use tokio::sync::{Mutex, oneshot};

/// A frame: the event's type and its payload.
pub(super) type Event = (&'static str, Vec<u8>);

/// Writes an answer as events.
pub(super) trait Events: Send + Sync + 'static {
    /// Whether the stream has a place for a time-out of the model.
    const HAS_TIMEOUT: bool;

    /// What stands before the answer.
    fn begin(&mut self, out: &mut Vec<Event>);

    /// A piece of it.
    fn delta(&mut self, delta: Delta, out: &mut Vec<Event>);

    /// What stands after it.
    fn end(&mut self, asked: &Asked, out: &mut Vec<Event>);
}

/// An event of ConverseStream.
pub(super) fn event(output: &ConverseStreamOutput) -> Event {
    (output.event_type(), output.payload().unwrap_or_default())
}

/// Asks, and answers with the stream as soon as something of the answer is there.
pub(super) async fn stream(
    cx: &OpContext,
    named: Named,
    request: ModelRequest,
    guarding: Guarding,
    events: impl Events,
) -> Result<Response<Body>, ApiError> {
    let (frames, body) = event_stream::channel(cx.settings.reader_timeout);
    let (begun, begins) = oneshot::channel();
    let (tasks, cx_in_task) = (cx.turns.clone(), cx.clone());
    tasks.spawn(run(cx_in_task, named, request, guarding, events, frames, begun));
    begins.await.map_err(|_| errors::internal())??;
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("application/vnd.amazon.eventstream");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    respond::set_request_id(&mut response, &cx.request_id);
    Ok(response)
}

type Begun = oneshot::Sender<Result<(), ApiError>>;

async fn run<E: Events>(
    cx: OpContext,
    named: Named,
    request: ModelRequest,
    guarding: Guarding,
    events: E,
    frames: FrameSender,
    begun: Begun,
) {
    let refusal = guarding.refusal();
    let is_refused = refusal.is_some();
    // What can only be judged as a whole is shown when it is there.
    let is_whole = is_refused || guarding.wants_whole_answer(&cx);
    let gate = if is_whole { None } else { guarding.gate() };
    let writer = Writer { events, frames: frames.clone(), begun: Some(begun), order: Order::default(), gate };
    let sink = Sink(Mutex::new(writer));
    let deltas: Option<&dyn DeltaSink> = if is_whole { None } else { Some(&sink) };
    let answered = match refusal {
        Some(refusal) => Ok(refusal),
        None => tokio::select! {
            answered = ask::ask(&cx, &named, &request, deltas) => answered,
            // Nobody reads any more: the model need not go on.
            () = frames.closed() => return,
        },
    };
    let mut writer = sink.0.into_inner();
    match answered {
        Ok(mut asked) => {
            if is_whole && !is_refused {
                guarding.assess_output(&cx, &mut asked, None).await;
            }
            for delta in writer.order.rest(&asked.reply) {
                writer.write(delta).await;
            }
            if let Some(gate) = writer.gate.take() {
                writer.end_guarded(&cx, &guarding, gate, &mut asked).await;
            }
            writer.start().await;
            let mut out = Vec::new();
            writer.events.end(&asked, &mut out);
            writer.send(out).await;
        }
        Err(error) => writer.fail(error).await,
    }
}

/// Where the pieces go.
struct Sink<E>(Mutex<Writer<E>>);

impl<E: Events> DeltaSink for Sink<E> {
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.0.lock().await.delta(delta).await })
    }
}

struct Writer<E> {
    events: E,
    frames: FrameSender,
    /// Told once, when the first piece is there.
    begun: Option<Begun>,
    order: Order,
    /// Where guardrails are applied to the answer.
    gate: Option<Gate>,
}

impl<E: Events> Writer<E> {
    async fn start(&mut self) {
        let Some(begun) = self.begun.take() else { return };
        // A caller that is gone is noticed elsewhere.
        let _ = begun.send(Ok(()));
        let mut out = Vec::new();
        self.events.begin(&mut out);
        self.send(out).await;
    }

    async fn delta(&mut self, delta: Delta) {
        for delta in self.order.admit(delta) {
            self.write(delta).await;
        }
    }

    /// Shows a piece, as far as guardrails let it.
    async fn write(&mut self, delta: Delta) {
        let shown = match &mut self.gate {
            Some(gate) => gate.admit(delta),
            None => vec![delta],
        };
        for delta in shown {
            self.show(delta).await;
        }
    }

    /// Shows what the gate still holds, or what stands in its place.
    async fn end_guarded(&mut self, cx: &OpContext, guarding: &Guarding, mut gate: Gate, asked: &mut Asked) {
        let rest = gate.finish();
        let verdict = guarding.assess_output(cx, asked, gate.into_refused()).await;
        let rest = match (verdict == Verdict::Blocked, guarding.is_async()) {
            (false, _) => rest,
            (true, false) => vec![Delta::Text(asked.reply.message.text())],
            (true, true) => Vec::new(),
        };
        for delta in rest {
            self.show(delta).await;
        }
    }

    async fn show(&mut self, delta: Delta) {
        self.start().await;
        let mut out = Vec::new();
        self.events.delta(delta, &mut out);
        self.send(out).await;
    }

    async fn send(&self, events: Vec<Event>) {
        for (event_type, payload) in events {
            self.frames.event(event_type, &payload).await;
        }
    }

    async fn fail(&mut self, error: ModelError) {
        match self.begun.take() {
            Some(begun) => {
                let _ = begun.send(Err(ask::exception(error)));
            }
            None => {
                let error = ask::exception_in_stream(error, E::HAS_TIMEOUT);
                self.frames.exception(&error.stream_member(), &error.body()).await;
            }
        }
    }
}
