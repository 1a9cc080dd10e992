//! What calls of models cost, and who for: the bill.
//!
//! Sums are kept in memory and written down once a second when there is something new, in one go, so that a call costs
//! no write of its own; [`Bill::write_down`] is also what a look at the bill and the end of the process begin with. What a
//! process that is killed had not written in its last second is missing here. The traces of its turns, which are told
//! from the journal, have it all the same.

use crate::App;
use crate::errors::ApiError;
use outcrop_ports::{Cost, ModelReply, PriceList};
use outcrop_store::{ModelUsage, UsageOf};
use outcrop_wire::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often sums are written down.
const WRITTEN_DOWN_EVERY: Duration = Duration::from_secs(1);
/// Sums in memory at most; more are written down at once.
const SUMS_MAX: usize = 4_096;
/// Longest name of a model or session that is written down, in bytes: they come from callers.
const NAME_BYTES_MAX: usize = 256;
/// Nanoseconds of a day.
const DAY: i64 = 86_400 * 1_000_000_000;

/// Who a call is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payer {
    /// An agent's id, `profile/NAME` for an application inference profile, or nothing for other calls of the gateway.
    pub agent: Arc<str>,
    /// The session as its client named it; that of the root for the turns of collaborators. Empty for the gateway.
    pub session: Arc<str>,
}

impl Payer {
    /// A call of the gateway.
    pub fn gateway() -> Self {
        Self::default()
    }

    /// A call through an application inference profile, which is what they are for.
    pub fn profile(profile: &outcrop_api::bedrock::GetInferenceProfileResponse) -> Self {
        Self { agent: format!("profile/{}", profile.inference_profile_name).into(), session: "".into() }
    }
}

/// Sums that are not written down yet.
#[derive(Debug, Default)]
pub struct Bill {
    sums: Mutex<HashMap<UsageOf, ModelUsage>>,
}

impl Bill {
    /// Writes down what there is. What cannot be written now is kept and tried again.
    pub async fn write_down(app: &App) -> Result<(), ApiError> {
        let sums = std::mem::take(&mut *app.bill.lock());
        if sums.is_empty() {
            return Ok(());
        }
        let written = sums.clone();
        let done = app
            .store
            .write(move |tx| {
                written.iter().try_for_each(|(of, usage)| tx.add_model_usage(of, usage)).map_err(ApiError::from)
            })
            .await;
        if done.is_err() {
            let mut kept = app.bill.lock();
            for (of, usage) in sums {
                kept.entry(of).or_default().add(&usage);
            }
        }
        done
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UsageOf, ModelUsage>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, of: UsageOf, usage: &ModelUsage) {
        let mut sums = self.lock();
        if sums.len() >= SUMS_MAX && !sums.contains_key(&of) {
            tracing::warn!("the bill has more kinds of calls in one second than are kept apart; some are summed up");
            let rest = UsageOf { day: of.day, model: "(others)".to_owned(), ..UsageOf::default() };
            sums.entry(rest).or_default().add(usage);
            return;
        }
        sums.entry(of).or_default().add(usage);
    }
}

/// Starts writing down what comes up; ends with the process.
pub fn start(app: &Arc<App>) {
    app.turns.spawn(run(app.clone()));
}

async fn run(app: Arc<App>) {
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(WRITTEN_DOWN_EVERY) => {}
        }
        if let Err(error) = Bill::write_down(&app).await {
            tracing::error!(code = error.code, "the bill was not written down; it is tried again");
        }
    }
}

impl App {
    /// A model was asked; `reply` is there when it answered. For the counters and the bill.
    pub(crate) fn model_answered(&self, payer: &Payer, model_id: &str, reply: Option<&ModelReply>) {
        let now = self.clock.now();
        let cost = reply.map(|reply| cost(reply, now, &*self.prices));
        self.metrics.model_call(model_id, reply.map(|reply| (&reply.usage, cost.unwrap_or_default())));
        let answered_by = reply.and_then(|reply| reply.answered_by.as_ref());
        let of = UsageOf {
            day: day_of(now),
            agent: payer.agent.to_string(),
            session: short(&payer.session),
            model: short(model_id),
            answered_by: answered_by.map_or_else(String::new, |by| short(&format!("{}/{}", by.provider, by.model))),
        };
        let mut took = ModelUsage { calls: 1, failed_calls: u64::from(reply.is_none()), ..ModelUsage::default() };
        if let Some(reply) = reply {
            let usage = &reply.usage;
            took.input_tokens = usage.input_tokens;
            took.output_tokens = usage.output_tokens;
            took.cache_read_tokens = usage.cache_read_input_tokens;
            took.cache_write_tokens = usage.cache_write_input_tokens;
            took.unpriced_calls = u64::from(cost == Some(None));
            took.cost = cost.flatten().unwrap_or_default().0;
        }
        self.bill.add(of, &took);
    }
}

/// What an answer cost at a time; nothing where nobody is paid, `None` where the price is not known.
pub(crate) fn cost(reply: &ModelReply, at: Timestamp, prices: &dyn PriceList) -> Option<Cost> {
    match &reply.answered_by {
        None => Some(Cost::default()),
        Some(by) => prices.price(by, at).map(|price| price.of(&reply.usage)),
    }
}

/// Days since the epoch, in UTC.
pub(crate) fn day_of(at: Timestamp) -> i64 {
    at.as_nanos().div_euclid(DAY)
}

/// The first moment of a day.
pub(crate) fn begin_of(day: i64) -> Timestamp {
    Timestamp::from_nanos(day.saturating_mul(DAY))
}

fn short(name: &str) -> String {
    name[..name.floor_char_boundary(NAME_BYTES_MAX.min(name.len()))].to_owned()
}
