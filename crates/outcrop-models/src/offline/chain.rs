//! Tools one after the other: what a tool needs and the user did not say, the result of another one may bring.
//!
//! Nothing is known of results before they are there, so words decide: a tool that only reads and speaks of "charges"
//! is asked for a charge's ID, if what it needs itself stands in the user's words. And a tool that takes a limit the
//! user named ("above 5,000 €") goes on with what another one has found.

use super::bounds::bounds;
use super::clauses::Clause;
use super::facts::RESULT;
use super::fill::{Filled, PERIOD, QUESTION};
use super::steps::{Ground, STEPS_MAX, Step};
use super::tool::{Parameter, Tool, Type};
use super::words::{is_generic, is_stop, same, stem};
use serde_json::Value;

/// Most tools in a row.
const DEPTH_MAX: usize = 4;
/// Most things of a list that are asked about one by one.
const SPREAD_MAX: usize = 10;
/// Most tools that are tried for one parameter.
const TRIED_MAX: usize = 20;
/// Least weight of a word that a tool's name or description has.
const SPOKEN_MIN: f64 = 1.5;
/// Least weight of a word of its name.
const NAMED_MIN: f64 = 3.0;

/// Adds the tools that others wait for.
pub(super) fn extend(ground: Ground<'_>, steps: &mut Vec<Step>) {
    refine(ground, steps);
    let mut index = 0;
    while index < steps.len() {
        index = link(ground, steps, index, 0) + 1;
    }
    for step in steps.iter_mut().filter(|step| !step.after.is_empty()) {
        by_result(ground, step);
        one_by_one(ground, step);
    }
}

/// What a tool says of a period goes before what we reckon, since a year may begin in July; and an ID before a name.
fn by_result(ground: Ground<'_>, step: &mut Step) {
    for parameter in &ground.tools[step.tool].parameters {
        let is_named = name_for_id(&step.filled, parameter).is_some();
        let stands_in = |from: &str| from == PERIOD || is_named && from == QUESTION;
        let reckoned = step.filled.origins.iter().position(|one| one.label == parameter.label && stands_in(one.from));
        let brought = step.after.iter().any(|&source| brings(&ground.tools[source], parameter));
        if let Some(at) = reckoned.filter(|_| brought)
            && let Some((value, from)) = ground.facts.find(parameter).filter(|(_, from)| *from == RESULT)
        {
            step.filled.origins[at].from = from;
            step.filled.origins[at].shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            step.filled.arguments.insert(parameter.name.clone(), value);
        }
    }
}

/// A tool that takes a limit that no step takes, and otherwise what a step finds.
fn refine(ground: Ground<'_>, steps: &mut Vec<Step>) {
    for bound in bounds(ground.request) {
        let is_taken = |step: &Step| bound.is_given(&step.filled.arguments);
        if steps.is_empty() || steps.len() >= STEPS_MAX || steps.iter().any(is_taken) {
            continue;
        }
        let found = (0..ground.tools.len()).find_map(|index| {
            let tool = &ground.tools[index];
            let goes_on = || {
                let mut required = tool.parameters.iter().filter(|one| one.required);
                required.any(|one| steps.iter().any(|step| brings(&ground.tools[step.tool], one)))
            };
            let is_used = steps.iter().any(|step| step.tool == index);
            if tool.is_guarded() || tool.asks_user || is_used || !goes_on() {
                return None;
            }
            let filled = ground.fill(index, ground.request);
            let required = tool.parameters.iter().filter(|one| one.required);
            let open: Vec<&Parameter> = required.filter(|one| is_open(&filled, one).is_some()).collect();
            let source = steps.iter().find(|step| {
                let other = &ground.tools[step.tool];
                !other.is_guarded() && !open.is_empty() && open.iter().all(|one| brings(other, one))
            })?;
            bound.is_given(&filled.arguments).then(|| (index, filled, source.clause.clone()))
        });
        if let Some((index, filled, clause)) = found {
            let because = format!("what is found is to be {}", bound.said);
            steps.push(Step::plain(index, clause, filled, because));
        }
    }
}

/// Puts before a step what brings its open parameters; gives where the step stands afterwards.
fn link(ground: Ground<'_>, steps: &mut Vec<Step>, mut index: usize, depth: usize) -> usize {
    let tool = &ground.tools[steps[index].tool];
    for parameter in tool.parameters.iter().filter(|parameter| parameter.required && !parameter.is_consent()) {
        let name = name_for_id(&steps[index].filled, parameter);
        let Some(is_missing) = is_open(&steps[index].filled, parameter).or(name.is_some().then_some(false)) else {
            continue;
        };
        let own_tool = steps[index].tool;
        let there = steps.iter().position(|other| {
            let is_read = !ground.tools[other.tool].is_guarded();
            is_read
                && other.tool != own_tool
                && !other.after.contains(&own_tool)
                && brings(&ground.tools[other.tool], parameter)
        });
        if let Some(other) = there {
            let source = steps[other].tool;
            wait(&mut steps[index], source);
        } else if depth < DEPTH_MAX && steps.len() < STEPS_MAX {
            let clause = steps[index].clause.clone();
            let Some((source, filled)) = source(ground, steps, parameter, is_missing, depth) else { continue };
            // Who is named is looked up by that name.
            if name.is_some_and(|name| !filled.arguments.values().any(|value| value.as_str() == Some(&name))) {
                continue;
            }
            let because = format!("it tells the {}", parameter.label);
            wait(&mut steps[index], source);
            steps.insert(index, Step::plain(source, Clause { condition: None, ..clause }, filled, because));
            index = link(ground, steps, index, depth + 1) + 1;
        }
    }
    index
}

/// Whether a value is from the words of the request.
fn is_said(from: &str) -> bool {
    from == QUESTION || from == PERIOD
}

fn wait(step: &mut Step, source: usize) {
    if !step.after.contains(&source) {
        step.after.push(source);
    }
}

/// Whether a parameter has no value of the user's, and if so, whether it has none at all.
fn is_open(filled: &Filled, parameter: &Parameter) -> Option<bool> {
    if parameter.is_reason() {
        return None;
    }
    if !filled.arguments.contains_key(&parameter.name) {
        return Some(true);
    }
    let is_open = |from: &str| from == RESULT || from == PERIOD;
    let open = filled.origins.iter().any(|origin| origin.label == parameter.label && is_open(origin.from));
    open.then_some(false)
}

/// A name that stands where an ID is wanted: "Jane Miller" for an employee's.
fn name_for_id(filled: &Filled, parameter: &Parameter) -> Option<String> {
    let text = filled.arguments.get(&parameter.name)?.as_str().filter(|_| parameter.is_id())?;
    let is_name = text.starts_with(char::is_uppercase) && !text.contains(|c: char| c.is_ascii_digit());
    (is_name && parameter.example_ids().next().is_none()).then(|| text.to_owned())
}

/// The tool that can bring a parameter: the one that takes most of what the user said.
fn source(
    ground: Ground<'_>,
    steps: &[Step],
    parameter: &Parameter,
    is_missing: bool,
    depth: usize,
) -> Option<(usize, Filled)> {
    let candidates = (0..ground.tools.len()).filter(|&index| {
        let tool = &ground.tools[index];
        !tool.is_guarded() && !tool.asks_user && !steps.iter().any(|step| step.tool == index) && brings(tool, parameter)
    });
    let usable = candidates.take(TRIED_MAX).filter_map(|index| {
        let filled = ground.fill(index, ground.request);
        let said = filled.origins.iter().filter(|origin| is_said(origin.from)).count();
        // What is known from before is looked up anew only where the user says something else now.
        let known = is_missing && said == 0 && filled.missing.is_empty() && !filled.arguments.is_empty();
        let reaches = filled.missing.is_empty() || depth + 1 < DEPTH_MAX && can_be_found(ground, index, &filled);
        (reaches && (said > 0 || known && depth > 0)).then_some((said, index, filled))
    });
    usable.max_by(|one, other| one.0.cmp(&other.0).then(other.1.cmp(&one.1))).map(|(_, index, filled)| (index, filled))
}

/// Whether everything that a tool still needs can come from a further tool.
fn can_be_found(ground: Ground<'_>, index: usize, filled: &Filled) -> bool {
    let is_source = |other: usize, parameter: &Parameter| {
        let tool = &ground.tools[other];
        other != index && !tool.is_guarded() && !tool.asks_user && brings(tool, parameter)
    };
    let is_complete = |other: usize| {
        let filled = ground.fill(other, ground.request);
        filled.missing.is_empty() && filled.origins.iter().any(|origin| is_said(origin.from))
    };
    filled.missing.iter().all(|&at| {
        let Some(parameter) = ground.tools[index].parameters.get(at) else { return false };
        (0..ground.tools.len()).filter(|&other| is_source(other, parameter)).take(TRIED_MAX).any(is_complete)
    })
}

/// Whether a tool's name and description speak of what a parameter is, and the tool does not ask for it itself.
fn brings(tool: &Tool, parameter: &Parameter) -> bool {
    let vague = |own: &str| {
        is_generic(own)
            || is_stop(own)
            || ["id", "date", "list", "name", "number", "type"].iter().any(|word| stem(word) == own)
    };
    let telling: Vec<&String> = parameter.stems.iter().filter(|own| !vague(own)).collect();
    // Whose ID it is has to stand in the name: what only mentions a customer does not find one.
    let least = if parameter.is_id() { NAMED_MIN } else { SPOKEN_MIN };
    let speaks = |own: &&&String| tool.weights.iter().any(|(known, weight)| *weight >= least && same(known, own));
    let asks = tool.parameters.iter().any(|other| other.stems == parameter.stems);
    !telling.is_empty() && !asks && telling.iter().filter(speaks).count() == telling.len()
}

/// What a step needs once and an earlier result has several of: it is asked about each, if that changes nothing.
fn one_by_one(ground: Ground<'_>, step: &mut Step) {
    let tool = &ground.tools[step.tool];
    let [missing] = step.filled.missing.as_slice() else { return };
    let Some(parameter) = tool.parameters.get(*missing).filter(|one| !matches!(one.kind, Type::Array(_))) else {
        return;
    };
    if tool.is_guarded() {
        return;
    }
    let values: Vec<Value> = ground.facts.column(parameter, &bounds(ground.request), ground.request);
    if values.is_empty() {
        return;
    }
    let mut all = values.into_iter().take(SPREAD_MAX).map(|value| {
        let mut arguments = step.filled.arguments.clone();
        arguments.insert(parameter.name.clone(), value);
        arguments
    });
    let first = all.next();
    step.filled.more = all.collect();
    step.filled.arguments = first.unwrap_or_default();
    step.filled.missing.clear();
}

#[cfg(test)]
mod tests;
