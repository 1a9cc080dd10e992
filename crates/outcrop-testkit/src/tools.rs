//! Functions that answer out of closures and remember what they were asked.

use outcrop_ports::{
    Action, BoxFuture, Delivery, ToolCall, ToolContext, ToolExecutor, ToolFailure, ToolFailureCause, ToolLimits,
    ToolOutcome, ToolSuccess,
};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

type Answer = Box<dyn Fn(&ToolCall, &ToolContext) -> ToolOutcome + Send + Sync>;

/// Answers calls out of closures, found by [`FakeTools::name_of`]; a call nobody answers is
/// [`ToolFailureCause::NotFound`].
#[derive(Default)]
pub struct FakeTools {
    answers: HashMap<String, Answer>,
    calls: Mutex<Vec<ToolCall>>,
}

impl FakeTools {
    /// Answers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the calls of a name with what the closure makes.
    #[must_use]
    pub fn answer(
        mut self,
        name: &str,
        with: impl Fn(&ToolCall, &ToolContext) -> ToolOutcome + Send + Sync + 'static,
    ) -> Self {
        self.answers.insert(name.to_owned(), Box::new(with));
        self
    }

    /// Answers the calls of a name with the same body each time.
    #[must_use]
    pub fn answer_body(self, name: &str, body: &str) -> Self {
        let body = body.to_owned();
        self.answer(name, move |_, _| {
            ToolOutcome::Succeeded(ToolSuccess { body: body.clone(), ..ToolSuccess::default() })
        })
    }

    /// The calls so far, in the order in which they came.
    pub fn calls(&self) -> Vec<ToolCall> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The name under which an action is answered: the function's, or `get /orders/{id}` for an API operation.
    pub fn name_of(action: &Action) -> String {
        match action {
            Action::Function(name) => name.to_string(),
            Action::ApiOperation { api_path, http_method } => format!("{http_method} {api_path}"),
        }
    }
}

impl ToolExecutor for FakeTools {
    fn execute<'a>(
        &'a self,
        call: &'a ToolCall,
        context: &'a ToolContext,
        _delivery: &'a Delivery,
        _limits: ToolLimits,
    ) -> BoxFuture<'a, ToolOutcome> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call.clone());
        let name = Self::name_of(&call.action);
        let outcome = match self.answers.get(&name) {
            Some(answer) => answer(call, context),
            None => ToolOutcome::Failed(ToolFailure {
                cause: ToolFailureCause::NotFound,
                message: format!("no fake answers `{name}`"),
                detail: String::new(),
            }),
        };
        Box::pin(std::future::ready(outcome))
    }
}
