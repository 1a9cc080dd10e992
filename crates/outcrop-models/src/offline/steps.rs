//! From words to steps: which tools are to be called, with what, and under which condition.

mod chosen;
mod groups;

use super::choose::{self, Fit, Leave};
use super::clauses::{Clause, Mode, clauses};
use super::entities::entities;
use super::facts::Facts;
use super::fill::{Filled, Scope, fill};
use super::rules::Rules;
use super::tool::{Parameter, Tool};
use super::words;
use chosen::{chosen, whole};
use outcrop_ports::ToolChoice;

/// Most steps of one request.
pub(super) const STEPS_MAX: usize = 10;

/// One tool to be used.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) tool: usize,
    pub(super) clause: Clause,
    pub(super) filled: Filled,
    /// Why this tool, in words.
    pub(super) because: String,
    /// The user is to agree first.
    pub(super) to_confirm: bool,
    /// Done only to find something out for a later step.
    pub(super) is_lookup: bool,
    /// A rule forbids it and names nothing else to do.
    pub(super) forbidden: Option<String>,
    /// Tools whose results it waits for, by index.
    pub(super) after: Vec<usize>,
}

impl Step {
    /// A step that depends on nothing and asks nobody.
    pub(super) fn plain(tool: usize, clause: Clause, filled: Filled, because: String) -> Self {
        Self { tool, clause, filled, because, to_confirm: false, is_lookup: false, forbidden: None, after: Vec::new() }
    }
}

/// What the steps are made from.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) tools: &'a [Tool],
    pub(super) rules: &'a Rules,
    pub(super) facts: &'a Facts,
    /// What was asked, first words first; without the answer.
    pub(super) request: &'a str,
    /// The user's answers to our questions.
    pub(super) answer: &'a str,
    /// Other values that the user named when asked for a yes.
    pub(super) correction: &'a str,
    pub(super) agreed: bool,
    pub(super) choice: &'a ToolChoice,
}

/// The steps a request asks for, in order. Empty when no tool fits.
pub(super) fn steps(ground: Ground<'_>) -> Vec<Step> {
    let chosen = chosen(ground);
    let groups = groups::groups(ground.request, &parsed(ground), &chosen);
    let groups = groups::cut(ground.tools, groups);
    let single = groups.len() == 1;
    let request = without_limits(ground, &chosen);
    let ground = Ground { request: &request, ..ground };
    let mut steps: Vec<Step> = Vec::new();
    for groups::Group { clause, fit, text } in groups.into_iter().take(STEPS_MAX) {
        let own =
            without_limits(Ground { request: &text, ..ground }, std::slice::from_ref(&(clause.clone(), fit.clone())));
        let text = if single { ground.request } else { own.as_str() };
        let filled = ground.fill(fit.tool, text);
        let weak = fit.name_share < 0.5 && !fit.shape && !ground.tools[fit.tool].is_guarded();
        let repeats = steps.iter().any(|step| step.tool == fit.tool && step.filled.arguments == filled.arguments);
        if repeats || (!single && weak && !filled.missing.is_empty()) {
            continue;
        }
        ground.add(&mut steps, clause, &fit, filled);
    }
    groups::share(ground.tools, &mut steps);
    super::chain::extend(ground, &mut steps);
    steps
}

/// The clauses of a request. "If the rate is 3 %" behind a question gives a value and sets no condition, unless something is
/// to be done that changes anything.
fn parsed(ground: Ground<'_>) -> Vec<Clause> {
    let mut all = clauses(ground.request);
    for clause in &mut all {
        let Some(condition) = &clause.condition else { continue };
        let gives_values = !entities(&condition.text).is_empty()
            && super::bounds::bounds(&condition.text).is_empty()
            && condition.deed_outcome().is_none();
        let acts = words::words(&clause.core)
            .iter()
            .any(|word| ground.tools.iter().any(|tool| tool.deeds.iter().any(|deed| words::same(deed, &word.stem))));
        if gives_values && !acts {
            clause.condition = None;
            clause.core.clone_from(&clause.text);
        }
    }
    all
}

/// The request without the numbers of conditions on deeds: "if more than 5 are left" names a limit and no value.
fn without_limits(ground: Ground<'_>, chosen: &[(Clause, Fit)]) -> String {
    let mut text = ground.request.to_owned();
    for (clause, fit) in chosen {
        let Some(condition) = clause.condition.as_ref().filter(|_| ground.tools[fit.tool].is_guarded()) else {
            continue;
        };
        let Some(from) = text.find(condition.text.as_str()) else { continue };
        let limits: Vec<(usize, usize)> = entities(&condition.text)
            .into_iter()
            .filter(|entity| entity.kind.is_numeric())
            .map(|entity| (from + entity.start, from + entity.end))
            .collect();
        for (start, end) in limits {
            text.replace_range(start..end, &" ".repeat(end - start));
        }
    }
    text
}

/// "How do I cancel an order?" wants to be told how.
pub(super) fn is_how_to(text: &str) -> bool {
    let all = words::words(words::cut(text, 200));
    let mut all = all.iter().map(|word| word.text.as_str()).skip_while(|word| *word != "how");
    all.next().is_some()
        && matches!(
            (all.next(), all.next()),
            (Some("do" | "can" | "could" | "would" | "should"), Some("i" | "we" | "you" | "one")) | (Some("to"), _)
        )
}

impl Ground<'_> {
    /// Whether a clause has all the values that a tool needs, and at least one. Where the tool knows every word of the
    /// clause, what the session knows will do, too.
    fn provides(&self, fit: &Fit, clause: &str) -> bool {
        let nothing = Facts::default();
        let facts = if fit.knows_all() { self.facts } else { &nothing };
        let scope = Scope { clause, request: clause, answer: "", correction: "", facts, agreed: false };
        let filled = fill(&self.tools[fit.tool], scope);
        filled.missing.is_empty() && !filled.arguments.is_empty()
    }

    pub(super) fn fill(&self, tool: usize, clause: &str) -> Filled {
        fill(
            &self.tools[tool],
            Scope {
                clause,
                request: self.request,
                answer: self.answer,
                correction: self.correction,
                facts: self.facts,
                agreed: self.agreed,
            },
        )
    }

    /// Adds a step with what must come before it, or what a rule puts in its place.
    fn add(&self, steps: &mut Vec<Step>, clause: Clause, fit: &Fit, filled: Filled) {
        let tool = &self.tools[fit.tool];
        let because = because(&clause, fit);
        // "What if I invest 5?" is no condition to wait for; after something that is read, it is.
        let reads_before = steps.iter().any(|earlier| !self.tools[earlier.tool].is_guarded());
        let waits = tool.is_guarded() || reads_before;
        let condition = clause.condition.clone().filter(|_| waits);
        let to_confirm =
            !self.agreed && (self.rules.needs_consent(tool) || choose::leave(tool, &clause) == Leave::ToConfirm);
        let mut step = Step { to_confirm, ..Step::plain(fit.tool, clause, filled, because) };
        step.clause.condition.clone_from(&condition);
        if let Some((rule, instead)) = self.rules.diversion(self.tools, fit.tool, &step.filled.arguments) {
            match instead {
                Some(other) => {
                    let guarded = &self.tools[other];
                    step.because = format!("the rule \"{}\" applies", rule.text);
                    step.filled = self.fill(other, self.request);
                    step.to_confirm = !self.agreed && self.rules.needs_consent(guarded);
                    step.tool = other;
                }
                None => step.forbidden = Some(rule.text.clone()),
            }
        }
        // What was read about the same thing need not be looked up again.
        let looked_up = steps.iter().any(|earlier| {
            let shared = |(name, value): (&String, &serde_json::Value)| step.filled.arguments.get(name) == Some(value);
            !self.tools[earlier.tool].is_guarded() && earlier.filled.arguments.iter().any(shared)
        });
        let by_result = condition.as_ref().is_some_and(|condition| condition.deed_outcome().is_none());
        let looks = (by_result && tool.is_guarded()) || self.rules.looks_up_first(tool);
        if looks && !looked_up && step.tool == fit.tool {
            let lookup = self.lookup(&step);
            steps.extend(lookup);
        }
        steps.push(step);
    }

    /// A tool that only reads and can do with what the step knows, to find out what the step depends on.
    fn lookup(&self, step: &Step) -> Option<Step> {
        let condition = step.clause.condition.as_ref().map(|condition| condition.text.as_str()).unwrap_or_default();
        let text = format!("{} {condition}", step.clause.core);
        let lacks_id = step
            .filled
            .missing
            .iter()
            .any(|&index| self.tools[step.tool].parameters.get(index).is_some_and(Parameter::is_id));
        if lacks_id {
            // Which thing it is about has to be asked first.
            return None;
        }
        let thing = |tool: &Tool| {
            // It has to be about the same thing: one id in common, and nothing needed beyond what is known.
            let ids = tool.required().filter(|parameter| parameter.is_id());
            ids.filter_map(|parameter| step.filled.arguments.get(&parameter.name)).count()
        };
        let ranked = choose::rank(self.tools, &text);
        let known = step
            .filled
            .arguments
            .iter()
            .filter(|(name, _)| self.tools[step.tool].parameters.iter().any(|p| p.name == **name && p.is_id()))
            .count();
        let usable = ranked.iter().filter(|fit| {
            let tool = &self.tools[fit.tool];
            !tool.is_guarded()
                && tool.required().all(|parameter| step.filled.arguments.contains_key(&parameter.name))
                && thing(tool) > 0
        });
        // The more of the step's ids a tool takes, the closer it is to the thing itself.
        let best = usable.max_by(|one, other| {
            let share = |fit: &Fit| thing(&self.tools[fit.tool]).min(known);
            share(one).cmp(&share(other)).then(one.score.total_cmp(&other.score))
        })?;
        let tool = &self.tools[best.tool];
        let mut filled = Filled::default();
        for parameter in tool.required() {
            if let Some(value) = step.filled.arguments.get(&parameter.name) {
                filled.arguments.insert(parameter.name.clone(), value.clone());
            }
        }
        for other in &step.filled.more {
            let more = tool.required().filter_map(|p| Some((p.name.clone(), other.get(&p.name)?.clone())));
            filled.more.push(more.collect());
        }
        filled.origins = step
            .filled
            .origins
            .iter()
            .filter(|origin| tool.required().any(|p| p.label == origin.label))
            .cloned()
            .collect();
        let because = if condition.is_empty() {
            "the instruction says to look before changing anything".to_owned()
        } else {
            format!("it has to be seen whether {condition}")
        };
        let clause = Clause { condition: None, ..step.clause.clone() };
        Some(Step { is_lookup: true, ..Step::plain(best.tool, clause, filled, because) })
    }
}

fn because(clause: &Clause, fit: &Fit) -> String {
    let kind = match clause.mode {
        Mode::Request | Mode::Permission => "request",
        Mode::Question => "question",
        Mode::Statement | Mode::Refusal => "text",
    };
    let quoted: Vec<String> = fit.shared.iter().take(4).map(|word| format!("\"{word}\"")).collect();
    if quoted.is_empty() {
        format!("it fits the {kind} best")
    } else {
        format!("the {kind} speaks of {}", super::answer::joined(&quoted, "and"))
    }
}

/// The tool that the instruction names for what no other can do; the user has agreed to it.
pub(super) fn last_resort(ground: Ground<'_>, tool: usize) -> Step {
    let because = "nothing else fits and the user agreed".to_owned();
    Step::plain(tool, whole(ground.request), ground.fill(tool, ground.request), because)
}

/// "And in Rome?" after "What is the weather in Oslo?": the tool of before with another value.
pub(super) fn follow_up(ground: Ground<'_>, before: &[super::talk::Call]) -> Option<Step> {
    let all = words::words(ground.request);
    let elliptic = all.len() <= 10
        && (all.first().is_some_and(|word| matches!(word.text.as_str(), "and" | "also" | "for" | "in" | "same"))
            || all.get(1).is_some_and(|word| word.text == "about" && matches!(all[0].text.as_str(), "what" | "how")));
    let call = before.iter().rev().find(|_| elliptic)?;
    let tool = ground.tools.iter().position(|tool| tool.name == call.name && !tool.is_guarded())?;
    let filled = ground.fill(tool, ground.request);
    let said_anew = filled.origins.iter().any(|origin| origin.from == "the question");
    let because = "this goes on from the question before".to_owned();
    (said_anew && filled.missing.is_empty()).then(|| Step::plain(tool, whole(ground.request), filled, because))
}
