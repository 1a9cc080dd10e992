//! A unit of work of the writer, with the one who waits for it.

use crate::error::{StoreError, panic_text};
use crate::tx::Tx;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// Work that is plain data: applying it again after its writes were taken back does the same.
pub(crate) trait Request: Send + 'static {
    type Output: Send + 'static;
    type Error: From<StoreError> + Send + 'static;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Self::Output, Self::Error>;

    /// Requests of one number go through one writer; the same for what writes to the same rows.
    fn lane(&self) -> u64 {
        0
    }

    /// Whether something may have been written before this failure.
    fn wrote(error: &Self::Error) -> bool;
}

/// What the batch sees of a piece of work.
pub(crate) trait Job: Send {
    /// Does the work and keeps its result; answers what is to become of its writes.
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;

    /// Whether `run` may be called again after its writes were taken back.
    fn repeatable(&self) -> bool;

    /// Tells the waiting caller the result, or why the commit failed that the result depended on.
    fn settle(self: Box<Self>, commit: Result<(), &StoreError>);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// Its writes, if any, stay.
    Keep,
    /// Its writes are to be taken back.
    TakeBack,
}

type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// Work that can be done once only.
pub(crate) struct Closure<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: Reply<T, E>,
}

/// Work that can be done again.
pub(crate) struct Repeatable<R: Request> {
    request: R,
    result: Option<Result<R::Output, R::Error>>,
    reply: Reply<R::Output, R::Error>,
}

impl<T, E, F> Closure<T, E, F> {
    pub(crate) fn new(work: F, reply: Reply<T, E>) -> Self {
        Self { work: Some(work), result: None, reply }
    }
}

impl<R: Request> Repeatable<R> {
    pub(crate) fn new(request: R, reply: Reply<R::Output, R::Error>) -> Self {
        Self { request, result: None, reply }
    }
}

impl<T, E, F> Job for Closure<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        let Some(work) = self.work.take() else { return Ran::TakeBack };
        let result = guarded(|| work(tx));
        let ran = if result.is_ok() { Ran::Keep } else { Ran::TakeBack };
        self.result = Some(result);
        ran
    }

    fn repeatable(&self) -> bool {
        false
    }

    fn settle(self: Box<Self>, commit: Result<(), &StoreError>) {
        settle(self.reply, self.result, commit);
    }
}

impl<R: Request> Job for Repeatable<R> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        let mut take_back = false;
        let result = guarded(|| self.request.apply(tx)).inspect_err(|error| take_back = R::wrote(error));
        self.result = Some(result);
        if take_back { Ran::TakeBack } else { Ran::Keep }
    }

    fn repeatable(&self) -> bool {
        true
    }

    fn settle(self: Box<Self>, commit: Result<(), &StoreError>) {
        settle(self.reply, self.result, commit);
    }
}

/// A panic stays with the work that panicked.
fn guarded<T, E: From<StoreError>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let error = StoreError::Panicked(panic_text(&*panic));
        tracing::error!(%error, "{error}");
        Err(error.into())
    })
}

fn settle<T, E: From<StoreError>>(reply: Reply<T, E>, result: Option<Result<T, E>>, commit: Result<(), &StoreError>) {
    let told = match (result, commit) {
        (Some(Ok(_)) | None, Err(error)) => Err(error.clone().into()),
        (Some(result), _) => result,
        (None, Ok(())) => Err(StoreError::Closed.into()),
    };
    // Fails only if the asker is gone.
    let _ = reply.send(told);
}
