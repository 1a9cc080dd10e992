//! A model that plays a script: for tests, ours and those of users.
//!
//! ```yaml
//! turns:
//!   - when: order                      # the user's words contain this (upper and lower case are the same)
//!     steps:                           # one step for each time the model is asked in this turn
//!       - think: An order, so I look.  # thinking, before everything else
//!         say: I look it up.           # text
//!         call: {tool: get_order_status, input: {order_id: A-482}}
//!       - say: "It is {{last_result}}."
//!         usage: {input: 120, output: 9}
//!   - when_regex: '(?i)^both\b'
//!     steps:
//!       - calls:                       # several tools in one step
//!           - {tool: get_weather, input: {city: Rome}}
//!           - {tool: get_weather, input: {city: Oslo}}
//!       - say: Done.
//!   - when_tool: shipped               # a tool result of this turn contains this: listed first, it takes over
//!     steps:                           # ... counted from the step after that result
//!       - say: Too late.
//!   - steps:                           # without a condition: played once, in order
//!       - {delay: 200ms, fail: {kind: throttled, message: slow down}}
//! ```
//!
//! **Which turn.** Each time the user speaks, the first turn whose conditions hold is played; all conditions of a turn
//! must hold. When none does, the next turn without conditions is played: the first such turn for the first time,
//! and so on. `when: ""` always holds, for a turn that answers everything.
//!
//! **Which step.** The first when the user has just spoken, then one further for each message of the model since. Turn and
//! step follow from the conversation alone, so conversations side by side, restarts and repeated calls play the same.
//!
//! **A step** has any of `think`, `say`, `call` or `calls`, `usage` (`input` and `output` tokens; else estimated), `stop`
//! (`end_turn`, `tool_use`, `max_tokens`, `stop_sequence`, `content_filtered`; else what fits) and `delay` before the
//! answer (`200ms`, `2s`, at most an hour). Or it has `fail`, alone or with a delay: a `kind` (`throttled`,
//! `access_denied`, `invalid`, `too_long`, `not_found`, `unavailable`, `timed_out`, `bad_reply`) and a `message`.
//!
//! **A call** names a tool as it is offered, or only the part after the last `__`. A tool that is not on offer fails the
//! call of the model; `invented: true` sends the name as it is, to see what the agent does about it. `input` may be
//! anything; text in place of an object is what a model writes that breaks its JSON.
//!
//! **Placeholders** in `say`, `think` and the texts of `input`: `{{input}}` is what the user said, `{{last_result}}` the
//! text of the turn's last tool result, `{{files}}` the names and texts of the files that came with the user's words; empty
//! when there is none.

mod play;
mod script;

pub use script::ScriptError;

use outcrop_ports::{BoxFuture, ContentBlock, Delta, DeltaSink, Model, ModelError, ModelReply, ModelRequest, Takes};
use script::Script;
use std::path::Path;

/// Plays a script; see the module's head for its form. Deterministic: the same request gets the same reply.
#[derive(Debug)]
pub struct ScriptedModel {
    script: Script,
}

impl ScriptedModel {
    /// Reads a script.
    ///
    /// # Errors
    ///
    /// When the text is no script, with line and column of what is wrong.
    pub fn from_yaml(yaml: &str) -> Result<Self, ScriptError> {
        Ok(Self { script: Script::parse(yaml)? })
    }

    /// Reads the script of a file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is no script; the text names the file.
    pub fn from_file(path: &Path) -> Result<Self, ScriptError> {
        let in_file = |error: &dyn std::fmt::Display| ScriptError::new(format!("{}: {error}", path.display()));
        let yaml = std::fs::read_to_string(path).map_err(|error| in_file(&error))?;
        Self::from_yaml(&yaml).map_err(|error| in_file(&error))
    }

    async fn play(&self, request: &ModelRequest, deltas: Option<&dyn DeltaSink>) -> Result<ModelReply, ModelError> {
        let step = play::find_step(&self.script, request)?;
        if !step.delay.is_zero() {
            tokio::time::sleep(step.delay).await;
        }
        let reply = play::reply(step, request)?;
        if let Some(deltas) = deltas {
            send(&reply, deltas).await;
        }
        Ok(reply)
    }
}

impl Model for ScriptedModel {
    fn converse<'a>(
        &'a self,
        request: &'a ModelRequest,
        deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, ModelError>> {
        Box::pin(self.play(request, deltas))
    }

    /// Whatever a test sends.
    fn takes(&self, _: &str) -> Takes {
        Takes { images: true, documents: true }
    }
}

/// Streams word by word, as models do.
async fn send(reply: &ModelReply, deltas: &dyn DeltaSink) {
    for block in &reply.message.content {
        match block {
            ContentBlock::Text(text) => {
                for word in text.split_inclusive(char::is_whitespace) {
                    deltas.send(Delta::Text(word.to_owned())).await;
                }
            }
            ContentBlock::ReasoningContent(reasoning) => {
                for word in reasoning.text.split_inclusive(char::is_whitespace) {
                    deltas.send(Delta::Reasoning(word.to_owned())).await;
                }
            }
            other => {
                for delta in Delta::of_block(other) {
                    deltas.send(delta).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
