//! Care over an upstream that plays its outcomes.

use super::*;
use crate::families;
use outcrop_ports::{Caching, InferenceConfig, Message, StopReason, ToolChoice, Usage};
use outcrop_testkit::CollectedDeltas;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// What an attempt comes to: deltas, then the outcome, after a while.
#[derive(Clone, Debug)]
struct Play {
    heard: &'static str,
    outcome: Result<&'static str, (ModelErrorKind, Again)>,
    after: Duration,
}

#[derive(Clone, Debug, Default)]
struct Upstream {
    plays: Arc<Mutex<VecDeque<Play>>>,
    asked: Arc<Mutex<usize>>,
    /// Most that were under way at once, and how many are.
    at_once: Arc<Mutex<(usize, usize)>>,
}

impl Attempt for Upstream {
    fn attempt<'a>(
        &'a self,
        _: &'a ModelRequest,
        deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, Failed>> {
        Box::pin(async move {
            *self.asked.lock().unwrap() += 1;
            {
                let mut at_once = self.at_once.lock().unwrap();
                at_once.1 += 1;
                at_once.0 = at_once.0.max(at_once.1);
            }
            let play = self.plays.lock().unwrap().pop_front().expect("the test foresees every attempt");
            if let Some(deltas) = deltas.filter(|_| !play.heard.is_empty()) {
                deltas.send(Delta::Text(play.heard.to_owned())).await;
            }
            tokio::time::sleep(play.after).await;
            self.at_once.lock().unwrap().1 -= 1;
            match play.outcome {
                Ok(text) => Ok(ModelReply::new(Message::assistant(text), StopReason::EndTurn, Usage::default())),
                Err((kind, again)) => Err(Failed { error: ModelError::new(kind, "no"), again }),
            }
        })
    }

    fn count<'a>(&'a self, _: &'a ModelRequest) -> BoxFuture<'a, Result<Option<u64>, Failed>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn model<'a>(&'a self, model_id: &'a str) -> &'a str {
        model_id
    }

    fn family(&self, model_id: &str) -> families::Family {
        families::of(model_id)
    }
}

fn request() -> ModelRequest {
    ModelRequest {
        model_id: "m".to_owned(),
        system: Vec::new(),
        messages: vec![Arc::new(Message::user("hi"))],
        tools: Arc::new([]),
        tool_choice: ToolChoice::Auto,
        inference: InferenceConfig::default(),
        additional_fields: None,
        caching: Caching::Automatic,
    }
}

fn says(text: &'static str) -> Play {
    Play { heard: "", outcome: Ok(text), after: Duration::ZERO }
}

fn fails(kind: ModelErrorKind, again: Again) -> Play {
    Play { heard: "", outcome: Err((kind, again)), after: Duration::ZERO }
}

fn served(plays: impl Into<VecDeque<Play>>, care: Care) -> (Upstream, Served) {
    let upstream = Upstream { plays: Arc::new(Mutex::new(plays.into())), ..Upstream::default() };
    (upstream.clone(), Served::new(upstream, "played".to_owned(), false, care))
}

const AGAIN: Again = Again::After(None);

/// A listener that takes what follows whole.
struct Patient(CollectedDeltas);

impl DeltaSink for Patient {
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()> {
        self.0.send(delta)
    }

    fn may_begin_again(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_is_not_taken_back() {
    let broke = Play { heard: "Hel", ..fails(ModelErrorKind::Unavailable, AGAIN) };
    let (upstream, model) = served([broke.clone()], Care::default());
    let strict = CollectedDeltas::new();
    assert_eq!(model.converse(&request(), Some(&strict)).await.unwrap_err().kind, ModelErrorKind::Unavailable);
    assert_eq!(*upstream.asked.lock().unwrap(), 1);

    let (upstream, model) = served([broke, Play { heard: "Hello", ..says("Hello.") }], Care::default());
    let patient = Patient(CollectedDeltas::new());
    let reply = model.converse(&request(), Some(&patient)).await.unwrap();
    assert_eq!((reply.message.text().as_str(), patient.0.text().as_str()), ("Hello.", "Hel"));
    assert_eq!(*upstream.asked.lock().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_asked_for_holds_for_everybody() {
    let wait = Duration::from_secs(7);
    let throttled = fails(ModelErrorKind::Throttled, Again::After(Some(wait)));
    let (_, model) = served([throttled, says("a"), says("b")], Care::default());
    let began = tokio::time::Instant::now();
    let first = async { model.converse(&request(), None).await.unwrap() };
    let second = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        model.converse(&request(), None).await.unwrap();
        began.elapsed()
    };
    let (_, waited) = tokio::join!(first, second);
    assert!(waited >= wait, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn so_many_at_once_and_no_more() {
    let slow = Play { after: Duration::from_secs(1), ..says("a") };
    let queue = QueueSettings { concurrency_max: 2, length_max: 3, ..QueueSettings::default() };
    let (upstream, model) = served(vec![slow; 5], Care { queue, ..Care::default() });
    let request = request();
    let ask = || model.converse(&request, None);
    let all = [ask(), ask(), ask(), ask(), ask(), ask()];
    let mut outcomes = Vec::new();
    for outcome in futures_join(all).await {
        outcomes.push(outcome.map(|reply| reply.message.text()).map_err(|error| error.kind));
    }
    let refused = outcomes.iter().filter(|outcome| **outcome == Err(ModelErrorKind::Throttled)).count();
    assert_eq!((refused, outcomes.len(), upstream.at_once.lock().unwrap().0), (1, 6, 2));
}

/// All of them, side by side in one task.
async fn futures_join<const N: usize>(
    mut futures: [BoxFuture<'_, Result<ModelReply, ModelError>>; N],
) -> Vec<Result<ModelReply, ModelError>> {
    let mut done: Vec<Option<Result<ModelReply, ModelError>>> = (0..N).map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, slot) in futures.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(outcome) = future.as_mut().poll(context)
            {
                *slot = Some(outcome);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(done.iter_mut().filter_map(Option::take).collect()),
            false => std::task::Poll::Pending,
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn so_many_in_a_minute() {
    let queue = QueueSettings { calls_per_minute: Some(60), ..QueueSettings::default() };
    let (_, model) = served(vec![says("a"); 5], Care { queue, ..Care::default() });
    let began = tokio::time::Instant::now();
    for _ in 0..5 {
        model.converse(&request(), None).await.unwrap();
    }
    let took = began.elapsed();
    assert!((Duration::from_secs(3)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn who_only_fails_is_left_alone_and_tried_again() {
    let breaker = BreakerSettings { failures: 2, pause: Duration::from_secs(10) };
    let care = Care { breaker, retries: Retries { count_max: 0, ..Retries::default() }, ..Care::default() };
    let down = fails(ModelErrorKind::Unavailable, AGAIN);
    let refused = fails(ModelErrorKind::Invalid, Again::Never);
    let plays = vec![down.clone(), refused, down.clone(), down.clone(), down, says("well"), says("well")];
    let (upstream, model) = served(plays, care);
    let ask = async || model.converse(&request(), None).await.map_err(|error| error.message);
    // What is refused shows that the provider is there.
    for _ in 0..4 {
        assert_eq!(ask().await, Err("no".to_owned()));
    }
    let left_alone = ask().await.unwrap_err();
    assert_eq!(left_alone, "model `m`: its provider failed 2 times in a row and is left alone for 10.0 s more");
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(ask().await, Err("no".to_owned()), "one tries it out");
    assert!(ask().await.unwrap_err().contains("left alone"));
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(ask().await.is_ok() && ask().await.is_ok());
    assert_eq!(*upstream.asked.lock().unwrap(), 7);
}
