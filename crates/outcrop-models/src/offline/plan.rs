//! The next thing to do: call tools, ask, or answer. Worked out anew from the whole conversation each time.

mod explore;
mod identify;
mod otherwise;
mod units;
mod waiting;
mod wording;

use super::answer::{describe, joined, question_words};
use super::bounds::{Bound, bounds};
use super::clauses::{Mode, clauses, deed};
use super::colleagues::{Colleagues, sends};
use super::condition::Verdict;
use super::entities::{Entity, Kind, entities};
use super::facts::Facts;
use super::rules::Rules;
use super::steps::{Ground, Step, follow_up, last_resort, steps};
use super::talk::{Call, Exchange, exchanges, yes_or_no};
use super::tool::{Parameter, Tool};
use super::words::{Word, words};
use outcrop_ports::{Message, ModelRequest, ToolChoice, ToolSpec};
use serde_json::{Map, Value};
use std::sync::Arc;
use units::{units, verdict};
use wording::{arguments, question, undone, with};

/// Most tools that are looked at.
const TOOLS_MAX: usize = 500;
/// Name of the tool that reads on in a result.
const READ_TOOL: &str = "outcrop_read_result";
/// Most calls for one request; then what is known is told.
const CALLS_MAX: usize = 24;

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    /// Call tools, side by side.
    Calls { rationale: String, calls: Vec<(String, Map<String, Value>)> },
    /// Ask the user.
    Ask { question: String, why: String },
    /// Answer.
    Say { text: String, why: String },
}

/// One call of a step.
struct Unit<'a> {
    step: &'a Step,
    arguments: &'a Map<String, Value>,
    call: Option<&'a Call>,
}

/// What was asked, taken apart once.
struct Asked<'a> {
    text: &'a str,
    words: Vec<Word>,
    /// Limits it names.
    limits: Vec<Bound>,
}

impl<'a> Asked<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, words: question_words(text), limits: bounds(text) }
    }
}

/// Decides.
pub(super) fn decide(request: &ModelRequest) -> Next {
    let colleagues = Colleagues::of(request);
    // The tool that reads on in a large result is for whoever understands what it reads.
    let own: Vec<ToolSpec> =
        request.tools.iter().filter(|spec| spec.name != READ_TOOL && !sends(spec)).take(TOOLS_MAX).cloned().collect();
    let tools = Tool::kept(own);
    let (system, memory) = super::memory::split(&request.system);
    let rules = Rules::new(&system);
    let all = exchanges(&request.messages);
    let Some(last) = all.last() else {
        return say("How can I help you?".to_owned(), "There are no words of the user yet.");
    };
    if last.calls.is_empty()
        && let Some(told) = memory.answer(&last.user, all.len() == 1)
    {
        return say(told, "The question is about earlier conversations, and what is remembered of them answers it.");
    }
    let facts = Facts::new(&system, &all);
    let abilities = colleagues.as_ref().map(Colleagues::abilities).unwrap_or_default();
    let plan = Plan {
        tools: &tools,
        rules: &rules,
        facts: &facts,
        choice: &request.tool_choice,
        messages: &request.messages,
        abilities,
    };
    let Some(colleagues) = colleagues else { return by_own_tools(&plan, &all) };
    // What others were asked is no business of the own tools.
    let own: Vec<Exchange> = all.iter().map(|exchange| colleagues.without_messages(exchange)).collect();
    let next = by_own_tools(&plan, &own);
    let has_worked = own.last().is_some_and(|exchange| !exchange.calls.is_empty());
    colleagues.next(&all, next, has_worked)
}

/// What the agent's own tools come to.
fn by_own_tools(plan: &Plan<'_>, all: &[Exchange]) -> Next {
    let from = plan.beginning(all);
    let chain = &all[from..];
    let Some(last) = chain.last() else { return plan.next(all, chain) };
    // Whoever was asked for a yes and says no gets nothing done.
    let said_no = chain.len() > 1
        && last.calls.is_empty()
        && yes_or_no(&last.user) == Some(false)
        && last.user.split_whitespace().count() <= 8;
    if said_no {
        return say("All right, then I leave it as it is.".to_owned(), "The user said no.");
    }
    if let Some(next) = plan.identify(all) {
        return next;
    }
    plan.next(&all[..from], chain)
}

/// Whether a reply agrees to just what the question said: it brings no other values and sets no terms.
fn is_plain_yes(question: &str, reply: &str) -> bool {
    let terms = words(reply).iter().any(|word| {
        matches!(
            word.text.as_str(),
            "but"
                | "only"
                | "if"
                | "unless"
                | "except"
                | "instead"
                | "rather"
                | "provided"
                | "also"
                | "too"
                | "half"
                | "double"
        )
    });
    let known = entities(question);
    let says_more = entities(reply).iter().any(|value| {
        let same = |other: &Entity| match (value.number, other.number) {
            (Some(one), Some(other)) => (one - other).abs() < 1e-9,
            _ => value.text.eq_ignore_ascii_case(&other.text),
        };
        let spelled = value.number.is_none() && question.to_lowercase().contains(&value.text.to_lowercase());
        value.kind != Kind::Proper && !spelled && !known.iter().any(same)
    });
    yes_or_no(reply) == Some(true) && !terms && !says_more
}

/// Whether a reply changes the values of what was proposed, rather than setting terms or refusing.
fn is_correction(reply: &str) -> bool {
    let terms = words(reply).iter().any(|word| matches!(word.text.as_str(), "if" | "unless" | "also" | "too"));
    yes_or_no(reply) != Some(false) && !terms && !entities(reply).is_empty()
}

struct Plan<'a> {
    tools: &'a [Tool],
    rules: &'a Rules,
    facts: &'a Facts,
    choice: &'a ToolChoice,
    messages: &'a [Arc<Message>],
    /// What others can do for it.
    abilities: Vec<String>,
}

/// How an answer begins that no tool has anything to do with.
const NO_TOOL: &str = "I have no tool that can do this.";

/// Whether a text says that there is no tool for what was asked.
pub(super) fn without_tools(text: &str) -> bool {
    text.starts_with(NO_TOOL)
}

fn say(text: String, why: &str) -> Next {
    Next::Say { text, why: why.to_owned() }
}

impl Plan<'_> {
    fn ground<'g>(&'g self, request: &'g str, answer: &'g str, agreed: bool) -> Ground<'g> {
        Ground {
            tools: self.tools,
            rules: self.rules,
            facts: self.facts,
            request,
            answer,
            correction: "",
            agreed,
            choice: self.choice,
        }
    }

    /// Where the request began that is being worked on: an answer to our question belongs to what was asked before.
    fn beginning(&self, all: &[Exchange]) -> usize {
        let mut from = all.len() - 1;
        while from > 0 && all[from - 1].asked() && !self.is_fresh(&all[from].user) {
            from -= 1;
        }
        from
    }

    /// Whether words ask for something by themselves.
    fn is_fresh(&self, text: &str) -> bool {
        if yes_or_no(text).is_some() || text.split_whitespace().count() < 4 {
            return false;
        }
        let asks =
            clauses(text).iter().any(|clause| matches!(clause.mode, Mode::Request | Mode::Question | Mode::Permission));
        asks && !steps(self.ground(text, "", false)).is_empty()
    }

    fn next(&self, earlier: &[Exchange], chain: &[Exchange]) -> Next {
        let Some(first) = chain.first() else { return say("How can I help you?".to_owned(), "Nothing was asked.") };
        let mut answers: Vec<&str> = Vec::new();
        let mut corrections: Vec<&str> = Vec::new();
        let mut agreed = false;
        for pair in chain.windows(2) {
            let reply = pair[1].user.as_str();
            if pair[0].asked_consent() {
                // Only the last question counts, and only a yes to what it said.
                agreed = is_plain_yes(&pair[0].said, reply);
                if !agreed && is_correction(reply) {
                    corrections.push(reply);
                }
            } else if yes_or_no(reply).is_none() || !entities(reply).is_empty() {
                answers.push(reply);
            }
        }
        let (answer, correction) = (answers.join("\n"), corrections.join("\n"));
        let ground = Ground { correction: &correction, ..self.ground(&first.user, &answer, agreed) };
        let mut planned = steps(ground);
        if planned.is_empty() {
            let before = earlier.last().map(|exchange| exchange.calls.as_slice()).unwrap_or_default();
            planned.extend(follow_up(ground, before));
            super::chain::extend(ground, &mut planned);
        }
        let calls: Vec<&Call> = chain.iter().flat_map(|exchange| &exchange.calls).collect();
        let asked = Asked::new(&first.user);
        if planned.is_empty() && agreed {
            planned.extend(self.rules.fallback(self.tools).map(|tool| last_resort(ground, tool)));
        }
        if planned.is_empty() {
            return self.without_steps(&first.user, earlier, &calls, &asked);
        }
        let units = units(self.tools, &planned, &calls);
        self.go_on(&units, &calls, &asked)
    }

    fn go_on(&self, units: &[Unit<'_>], calls: &[&Call], asked: &Asked<'_>) -> Next {
        let open: Vec<&Unit<'_>> = units.iter().filter(|unit| unit.call.is_none()).collect();
        if calls.len() < CALLS_MAX {
            // What only reads goes first and side by side.
            let reads: Vec<&Unit<'_>> = open
                .iter()
                .copied()
                .filter(|unit| {
                    !self.tools[unit.step.tool].is_guarded()
                        && unit.step.filled.missing.is_empty()
                        && unit.step.clause.condition.is_none()
                        && waiting::is_due(unit, units)
                        && !waiting::found_nothing(unit, units)
                })
                .collect();
            if !reads.is_empty() {
                return self.call(&reads, &[]);
            }
            if let Some(next) = self.explore(&open, calls, asked.text) {
                return next;
            }
            for unit in &open {
                if let Some(next) = self.act_or_ask(unit, &open, units, calls, asked) {
                    return next;
                }
            }
        }
        say(self.answer(units, calls, asked), "Everything that could be done is done; the results are told.")
    }

    /// The next guarded call or question, if this unit wants one now.
    fn act_or_ask(
        &self,
        unit: &Unit<'_>,
        open: &[&Unit<'_>],
        units: &[Unit<'_>],
        calls: &[&Call],
        asked: &Asked<'_>,
    ) -> Option<Next> {
        let tool = &self.tools[unit.step.tool];
        if unit.step.forbidden.is_some() || !waiting::is_due(unit, units) || waiting::found_nothing(unit, units) {
            return None;
        }
        let needs: Vec<&Parameter> = unit
            .step
            .filled
            .missing
            .iter()
            .filter_map(|&index| tool.parameters.get(index))
            .filter(|parameter| !parameter.is_consent())
            .collect();
        let mut reasons = Vec::new();
        if let Some(condition) = unit.step.clause.condition.as_ref() {
            match verdict(condition, unit, units, calls) {
                Verdict::Holds(why) => {
                    reasons.push(format!("The condition \"{}\" is met: the {why}.", condition.said()));
                }
                Verdict::Fails(_) => return None,
                // It may be found out once the thing is known.
                Verdict::Unknown if !needs.is_empty() => {}
                // Whoever set a condition does not want it passed over.
                Verdict::Unknown => return None,
            }
        }
        // What had to be looked up and could not be is no ground to act on.
        let blind = units.iter().any(|other| {
            other.step.is_lookup
                && other.call.is_some_and(|call| call.outcome.as_ref().is_none_or(|outcome| outcome.failed))
        });
        if blind && tool.is_guarded() {
            return None;
        }
        let known = self.told(units, calls, asked);
        if !needs.is_empty() {
            let question = question(&needs);
            let why = format!(
                "To use {} I need {}, and nothing in the conversation says it.",
                tool.short,
                joined(&needs.iter().map(|p| format!("the {}", p.label)).collect::<Vec<_>>(), "and")
            );
            return Some(Next::Ask { question: with(&known, question), why });
        }
        let same_step: Vec<&Unit<'_>> =
            open.iter().copied().filter(|other| std::ptr::eq(other.step, unit.step)).collect();
        if unit.step.to_confirm {
            let each: Vec<String> = same_step.iter().map(|unit| arguments(tool, unit.arguments)).collect();
            let question = format!("Shall I {}{}, yes or no?", tool.label(), joined(&each, "and"));
            let why = format!("{} changes something and needs the user's agreement first.", tool.short);
            return Some(Next::Ask { question: with(&known, question), why });
        }
        if !unit.step.filled.missing.is_empty() {
            return None;
        }
        // Several calls of one deed ("cancel A-1 and A-2") do not depend on each other.
        let together: Vec<&Unit<'_>> = same_step
            .into_iter()
            .filter(|other| {
                let condition = other.step.clause.condition.as_ref();
                condition.is_none_or(|condition| matches!(verdict(condition, other, units, calls), Verdict::Holds(_)))
            })
            .collect();
        Some(self.call(&together, &reasons))
    }

    fn call(&self, units: &[&Unit<'_>], reasons: &[String]) -> Next {
        let mut sentences: Vec<String> = reasons.to_vec();
        let mut seen: Vec<*const Step> = Vec::new();
        for unit in units {
            let step: *const Step = unit.step;
            if seen.contains(&step) {
                continue;
            }
            seen.push(step);
            let origins: Vec<String> = unit
                .step
                .filled
                .origins
                .iter()
                .map(|origin| format!("{} {} comes from {}", origin.label, origin.shown, origin.from))
                .collect();
            let origins = if origins.is_empty() { String::new() } else { format!("; {}", joined(&origins, "and")) };
            sentences
                .push(format!("I use {} because {}{origins}.", self.tools[unit.step.tool].short, unit.step.because));
        }
        let calls =
            units.iter().map(|unit| (self.tools[unit.step.tool].name.clone(), unit.arguments.clone())).collect();
        Next::Calls { rationale: sentences.join(" "), calls }
    }

    /// What the calls so far brought.
    fn told(&self, units: &[Unit<'_>], calls: &[&Call], asked: &Asked<'_>) -> Vec<String> {
        let mut sentences: Vec<String> = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            let unit = units.iter().find(|unit| unit.call.is_some_and(|known| std::ptr::eq(known, *call)));
            let tool = self.tools.iter().find(|tool| tool.name == call.name);
            // What only led to another call is told by that one.
            let led_on = unit.is_some_and(|unit| waiting::has_led_on(unit, units));
            if led_on && !call.outcome.as_ref().is_some_and(|outcome| outcome.failed) {
                continue;
            }
            // A deed's own result is told whole; of what was read only what was asked for.
            let guarded = tool.is_some_and(Tool::is_guarded);
            let failed = call.outcome.as_ref().is_some_and(|outcome| outcome.failed);
            if unit.is_some_and(|unit| unit.step.is_lookup) && !failed && calls.len() > 1 && !guarded {
                continue;
            }
            let sentence = match waiting::narrowed(call, asked).filter(|_| !guarded) {
                Some(Ok(narrower)) => describe(tool, &narrower, &asked.words),
                Some(Err(sentence)) => sentence,
                None => describe(tool, call, if guarded { &[] } else { &asked.words }),
            };
            // What was read before something changed it is told as what it was.
            let is_past = !guarded && calls.iter().skip(index + 1).any(|later| self.has_changed(call, later));
            let sentence = if is_past { sentence.replacen(" is ", " was ", 1) } else { sentence };
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        sentences
    }

    /// Whether a later call did something to what an earlier one read.
    fn has_changed(&self, read: &Call, later: &Call) -> bool {
        let guarded = self.tools.iter().any(|tool| tool.name == later.name && tool.is_guarded());
        let done = later.outcome.as_ref().is_some_and(|outcome| !outcome.failed);
        let same_thing =
            !read.input.is_empty() && read.input.iter().all(|(name, value)| later.input.get(name) == Some(value));
        guarded && done && same_thing
    }

    fn answer(&self, units: &[Unit<'_>], calls: &[&Call], asked: &Asked<'_>) -> String {
        let mut sentences = self.told(units, calls, asked);
        let waits = |unit: &&Unit<'_>| !unit.step.after.is_empty() && !self.tools[unit.step.tool].is_guarded();
        for unit in units.iter().filter(|unit| unit.call.is_none() && !waits(unit)) {
            // Where one of several is left undone, it is named.
            let what = if unit.step.filled.more.is_empty() {
                undone(deed(&unit.step.clause.core))
            } else {
                let tool = &self.tools[unit.step.tool];
                format!("{}{}", tool.label(), arguments(tool, unit.arguments))
            };
            if let Some(rule) = &unit.step.forbidden {
                sentences.push(format!("I did not {what}: the rule \"{rule}\" does not let me."));
                continue;
            }
            let sentence = match unit
                .step
                .clause
                .condition
                .as_ref()
                .map(|condition| (condition, verdict(condition, unit, units, calls)))
            {
                Some((_, Verdict::Fails(why))) => format!("I did not {what}, because the {why}."),
                Some((condition, Verdict::Unknown)) => {
                    format!("I did not {what}, because I could not find out whether {}.", condition.text)
                }
                _ => format!("I did not {what}."),
            };
            sentences.push(sentence);
        }
        let text = sentences.join(" ");
        if text.trim().is_empty() { self.abilities("I could not find anything out.") } else { text }
    }
}
