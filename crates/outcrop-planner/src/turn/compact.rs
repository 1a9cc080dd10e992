//! Keeping the conversation within the model's window: what is shortened when, and how it is told.
//!
//! The rule. A request that has more tokens than the window leaves beside the answer is brought to six tenths of that:
//!
//! 1. Results of tools, and files of earlier turns, give way to stand-ins, oldest first; those of the running step stay.
//! 2. If that is not enough, the oldest turns give way to a summary, which the model is asked for. When it gives none, they
//!    are left out with a note. The running turn stays whole.
//!
//! What was shortened stays shortened, for the rest of the session: the beginning of the prompt is the same from step to
//! step, so caches of prompts hold, and it is shortened again only when it has grown by the other four tenths. When the
//! model says that a request is too long all the same, it is shortened once more to six tenths of what it had, with the
//! results of the running step cut, too, and asked again.
//!
//! Only the view of the conversation changes ([`View`](super::view::View)); messages and journal keep everything.

use super::event::{Decision, Output, Step, Summarized};
use super::text;
use super::{State, Turn, estimate, results, trace};
use crate::phase::{ModelRole, Phase};
use outcrop_ports::{ContentBlock, InferenceConfig, Message, ModelRequest, Role, ToolChoice};
use outcrop_wire::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Tokens kept for the answer when the agent does not limit it.
const ANSWER_TOKENS: u64 = 4_096;
/// Most tokens of a summary.
const SUMMARY_TOKENS: u32 = 1_024;
/// Most bytes of a summary that is taken, whatever the model writes.
const SUMMARY_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of one message, tool use or result that a summary is made from.
const SUMMED_BYTES_MAX: usize = 4 * 1024;
/// What is left of a result of the running step when the model says that the request is too long.
const PRESSED_RESULT_BYTES: usize = 2 * 1024;
/// Most bytes of files in one request; older files give way to stand-ins.
const FILES_BYTES_MAX: u64 = 32 * 1024 * 1024;

const SUMMARY_SYSTEM: &str = "You shorten conversations so that they can go on. Sum up the conversation for the assistant that will continue it: what the user wants, what was found and done (with exact names, ids, numbers and dates), what was agreed, and what is still open. Write at most 300 words, without greeting or comment.";
const SUMMED: &str = "(Earlier parts of this conversation, summed up:)";
const LEFT_OUT: &str = "(Earlier parts of this conversation are left out, because it has grown too long.)";

/// What the turn knows of windows and of how well it estimates.
#[derive(Debug)]
pub(super) struct Windows {
    /// Tokens that fit, by model.
    pub(super) tokens: BTreeMap<String, u32>,
    /// Thousandths by which the estimate is put right.
    pub(super) correction: Option<u32>,
    /// Estimated tokens that a model said are too many.
    pub(super) too_many: Option<(String, u64)>,
    /// Estimated tokens of the last request, not put right.
    pub(super) asked: u64,
    /// Whether the last request was shortened because the model said it is too long.
    pub(super) pressed: bool,
}

/// A summary that is asked for.
#[derive(Debug)]
pub(super) struct Summary {
    /// The phase that waits.
    pub(super) phase: Phase,
    cut: usize,
    told: Told,
}

/// What was shortened, for the trace.
#[derive(Debug)]
struct Told {
    stood: usize,
    tokens_before: u64,
    window: Option<u64>,
    turns: usize,
    refused: bool,
}

impl Turn {
    /// Asks the model for a phase, after shortening what does not fit.
    pub(super) fn ask_fitting(&mut self, phase: Phase, at: Timestamp, output: Vec<Output>) -> Decision {
        let request = self.request_of(phase);
        match self.shorten(phase, &request, false) {
            None => self.ask(phase, at, request, output),
            Some(cut) => self.ask_shortened(phase, at, cut, output),
        }
    }

    /// Asks once more what was too long for the model; `None` when nothing can be shortened, or it was already.
    pub(super) fn ask_pressed(&mut self, phase: Phase, at: Timestamp, output: &mut Vec<Output>) -> Option<Decision> {
        if self.windows.pressed || self.windows.asked == 0 {
            return None;
        }
        self.windows.pressed = true;
        let request = self.request_of(phase);
        let cut = self.shorten(phase, &request, true)?;
        Some(self.ask_shortened(phase, at, cut, std::mem::take(output)))
    }

    fn ask(&mut self, phase: Phase, at: Timestamp, request: ModelRequest, mut output: Vec<Output>) -> Decision {
        self.windows.asked = estimate::of_request(&request);
        self.state = State::AskingModel(phase);
        self.trace(&mut output, at, |turn| trace::model_invocation_input(turn, phase, &request));
        Decision { step: Step::CallModel(Box::new(request)), output }
    }

    fn ask_shortened(&mut self, phase: Phase, at: Timestamp, cut: Cut, mut output: Vec<Output>) -> Decision {
        let Cut { cut, told } = cut;
        // Post-processing holds its trace back, and the turn is nearly over: no further call for it.
        let Some(cut) = cut else { return self.tell_and_ask(phase, at, &told, output) };
        if phase == Phase::PostProcessing {
            self.view.cover(cut, left_out(self.view.summary()));
            return self.tell_and_ask(phase, at, &told, output);
        }
        let request = self.summary_request(cut);
        self.trace(&mut output, at, |turn| trace::summary_input(turn, &request));
        self.state = State::Summarizing(Box::new(Summary { phase, cut, told }));
        Decision { step: Step::Summarize(Box::new(request)), output }
    }

    fn tell_and_ask(&mut self, phase: Phase, at: Timestamp, told: &Told, mut output: Vec<Output>) -> Decision {
        let request = self.request_of(phase);
        let tokens_after = self.tokens(&request);
        self.trace(&mut output, at, |turn| trace::shortened(turn, told.text(tokens_after)));
        self.ask(phase, at, request, output)
    }

    /// Takes the summary, or does without, and goes on with what waits for it.
    pub(super) fn summarized(&mut self, summarized: &Summarized, summary: &Summary) -> Decision {
        let mut output = Vec::new();
        let at = summarized.at;
        let said = match &summarized.outcome {
            Ok(reply) => {
                self.count_tokens(&reply.usage);
                self.trace(&mut output, at, |turn| trace::summary_output(turn, summarized, reply));
                let said = text::split(&reply.message.text()).answer;
                if said.is_empty() { Err("it is empty".to_owned()) } else { Ok(said) }
            }
            Err(error) => Err(error.message.clone()),
        };
        let shown = match said {
            Ok(said) => format!("{SUMMED}\n{}", &said[..said.floor_char_boundary(SUMMARY_BYTES_MAX)]),
            Err(why) => {
                let reason = format!("the conversation could not be summed up: {why}");
                self.trace(&mut output, at, |turn| {
                    trace::failure(turn, Phase::Orchestration, summarized.started_at, at, &reason)
                });
                left_out(self.view.summary())
            }
        };
        self.view.cover(summary.cut, shown);
        self.tell_and_ask(summary.phase, at, &summary.told, output)
    }

    /// Learns from what the model counted.
    pub(super) fn correct_estimate(&mut self, phase: Phase, replied: &super::ModelReplied) {
        self.windows.pressed = false;
        let usage = &replied.reply.usage;
        let reported = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_write_input_tokens;
        if phase == Phase::Orchestration
            && let Some(correction) = estimate::correction(self.windows.asked, reported)
        {
            self.windows.correction = Some(correction);
        }
    }

    fn tokens(&self, request: &ModelRequest) -> u64 {
        self.corrected(estimate::of_request(request))
    }

    fn corrected(&self, tokens: u64) -> u64 {
        tokens.saturating_mul(u64::from(self.windows.correction.unwrap_or(1_000))) / 1_000
    }

    /// Tokens that a request of this phase may have; `None` when nobody knows.
    fn budget(&self, request: &ModelRequest) -> Option<u64> {
        let window = self.windows.tokens.get(&request.model_id).map(|&window| {
            let window = u64::from(window);
            let answer = request.inference.max_tokens.map_or(ANSWER_TOKENS, u64::from);
            window - answer.min(window / 2)
        });
        let too_many = self.windows.too_many.as_ref().filter(|(model, _)| *model == request.model_id);
        // One hair below what was too many.
        let learned = too_many.map(|(_, tokens)| self.corrected(tokens.saturating_mul(9) / 10));
        [window, learned].into_iter().flatten().min()
    }

    /// Shortens the view; `None` when the request fits, or nothing can be done. `pressed`: the model said it is too long.
    fn shorten(&mut self, phase: Phase, request: &ModelRequest, pressed: bool) -> Option<Cut> {
        let tokens_before = self.tokens(request);
        let files_stood = self.bound_files();
        let budget = match pressed {
            true => {
                self.windows.too_many = Some((request.model_id.clone(), self.windows.asked));
                Some(tokens_before)
            }
            false => self.budget(request),
        };
        let told = |stood, turns| Told { stood, tokens_before, window: budget, turns, refused: pressed };
        let Some(budget) = budget.filter(|budget| pressed || tokens_before > *budget) else {
            return (files_stood > 0).then(|| Cut { cut: None, told: told(files_stood, 0) });
        };
        let target = budget / 10 * 6;
        let mut excess = tokens_before.saturating_sub(target);
        let mut stood = files_stood;
        // The last message is the running step's: results just came, or the user just spoke.
        let running = if pressed { self.messages.len() } else { self.messages.len() - 1 };
        for at in self.view.stood()..running {
            if excess == 0 {
                break;
            }
            let is_running_step = at + 1 == self.messages.len();
            let is_question = at == self.question.0;
            let before = estimate::of_message(self.view.at(at));
            stood += match (is_running_step, is_question) {
                (true, _) => self.view.cut_results(at, PRESSED_RESULT_BYTES),
                // The files of the running turn are what it is about.
                (false, true) => {
                    self.view.pass(at + 1);
                    0
                }
                (false, false) => self.view.stand_in(&self.messages, at + 1, &self.kept),
            };
            let saved = before.saturating_sub(estimate::of_message(self.view.at(at)));
            excess = excess.saturating_sub(self.corrected(saved));
        }
        let cut = if excess > 0 { self.cut_for(excess, target, phase) } else { None };
        if stood > 0 {
            self.look_for_references();
        }
        let turns = cut.map_or(0, |cut| self.view.cuts(cut).count());
        (stood > 0 || cut.is_some()).then(|| Cut { cut, told: told(stood, turns) })
    }

    /// Where the conversation is to be cut so that enough of it goes: the first turn that may stay.
    fn cut_for(&self, excess: u64, target: u64, phase: Phase) -> Option<usize> {
        // A request of the bare words has no history to cut.
        if phase == Phase::Orchestration && !self.agent.prompts.get(phase).enabled {
            return None;
        }
        let summary = u64::from(SUMMARY_TOKENS).min(target / 4);
        let mut gone = 0;
        let mut from = self.view.covered();
        let mut found = None;
        for cut in self.view.cuts(self.question.0) {
            gone += (from..cut).map(|at| estimate::of_message(self.view.at(at))).sum::<u64>();
            from = cut;
            found = Some(cut);
            if self.corrected(gone) >= excess.saturating_add(summary) {
                break;
            }
        }
        found
    }

    /// Keeps the files of a request within bounds, newest kept; gives how many went.
    fn bound_files(&mut self) -> usize {
        let bytes = |message: &Message| {
            message.content.iter().filter_map(ContentBlock::file).map(|file| file.bytes).sum::<u64>()
        };
        let mut total: u64 = self.view.from(self.view.stood()).iter().map(|message| bytes(message)).sum();
        let mut count = 0;
        for at in self.view.stood()..self.question.0 {
            if total <= FILES_BYTES_MAX {
                break;
            }
            total -= bytes(self.view.at(at));
            count += self.view.stand_in(&self.messages, at + 1, &self.kept);
        }
        count
    }

    fn summary_request(&self, cut: usize) -> ModelRequest {
        let own = || self.model_of(Phase::Orchestration);
        let model_id = self.models.get(ModelRole::ConversationSummary).map_or_else(own, |model| model).to_owned();
        let budget = self.windows.tokens.get(&model_id).map_or(32 * 1024, |&window| u64::from(window));
        let bytes_max = estimate::bytes_of(budget / 2).max(SUMMED_BYTES_MAX);
        let told = transcript(self.view.before(cut));
        let (begin, end) = results::ends(&told, bytes_max.min(told.len()));
        let told = if begin.len() + end.len() < told.len() { format!("{begin}\n(…)\n{end}") } else { told };
        ModelRequest {
            model_id,
            system: vec![SUMMARY_SYSTEM.to_owned()],
            messages: vec![Arc::new(Message::user(format!("<conversation>\n{told}\n</conversation>")))],
            tools: Arc::from([]),
            tool_choice: ToolChoice::Auto,
            inference: InferenceConfig {
                max_tokens: Some(SUMMARY_TOKENS),
                temperature: Some(0.0),
                latency: self.latency,
                ..InferenceConfig::default()
            },
            additional_fields: None,
            caching: outcrop_ports::Caching::Automatic,
        }
    }
}

/// What [`Turn::shorten`] did, and what is still to do.
struct Cut {
    /// Messages before this one are to be summed up.
    cut: Option<usize>,
    told: Told,
}

impl Told {
    fn text(&self, tokens_after: u64) -> String {
        let mut text = "Conversation shortened for the model's window.".to_owned();
        if self.stood > 0 {
            let _ = write!(text, " Tool results or files replaced by stand-ins or excerpts: {}.", self.stood);
        }
        if self.turns > 0 {
            let _ = write!(text, " Oldest turns summed up or left out: {}.", self.turns);
        }
        let _ = write!(text, " Estimated tokens: {} before, {tokens_after} after", self.tokens_before);
        match (self.refused, self.window) {
            (true, _) => text.push_str("; the model had refused the request as too long."),
            (false, Some(window)) => {
                let _ = write!(text, "; {window} fit beside the answer.");
            }
            (false, None) => text.push('.'),
        }
        text
    }
}

fn left_out(earlier: Option<&str>) -> String {
    match earlier {
        Some(summary) if summary != LEFT_OUT && !summary.ends_with(LEFT_OUT) => format!("{summary}\n{LEFT_OUT}"),
        Some(summary) => summary.to_owned(),
        None => LEFT_OUT.to_owned(),
    }
}

/// The conversation as text, each piece within bounds.
fn transcript(messages: &[Arc<Message>]) -> String {
    let mut told = String::new();
    let mut line = |who: &str, text: &str| {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let (begin, end) = results::ends(text, SUMMED_BYTES_MAX.min(text.len()));
        let middle = if begin.len() + end.len() < text.len() { " (…) " } else { "" };
        let _ = writeln!(told, "{who}: {begin}{middle}{end}");
    };
    for message in messages {
        for block in &message.content {
            match (block, message.role) {
                (ContentBlock::Text(text), Role::User) => line("User", text),
                (ContentBlock::Text(text), Role::Assistant) => line("Assistant", &text::split(text).answer),
                (ContentBlock::ToolUse(one), _) => line("Assistant called", &format!("{} {}", one.name, one.input)),
                (ContentBlock::ToolResult(result), _) => {
                    for content in &result.content {
                        line("Result", &content.words());
                    }
                }
                (ContentBlock::Document(file) | ContentBlock::Image(file), _) => line("File", &file.name),
                (ContentBlock::ReasoningContent(_), _) => {}
            }
        }
    }
    told
}
