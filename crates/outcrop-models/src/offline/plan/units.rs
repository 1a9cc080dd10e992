//! Calls of steps beside the calls that were made, and whether what they depend on holds.

use super::Unit;
use crate::offline::clauses::Condition;
use crate::offline::condition::{Verdict, judge};
use crate::offline::steps::Step;
use crate::offline::talk::{Call, Outcome};
use crate::offline::tool::Tool;

/// Whether the condition of a unit holds: by the results, or by what became of the deed before it.
pub(super) fn verdict(condition: &Condition, unit: &Unit<'_>, units: &[Unit<'_>], calls: &[&Call]) -> Verdict {
    let Some(wanted) = condition.deed_outcome() else { return judge(condition, &about(unit, calls)) };
    let place = units.iter().position(|other| std::ptr::eq(other.step, unit.step)).unwrap_or_default();
    let Some(before) = units[..place].iter().rev().find(|other| !other.step.is_lookup) else { return Verdict::Unknown };
    let worked = match before.call.map(|call| call.outcome.as_ref()) {
        Some(Some(outcome)) => !outcome.failed,
        Some(None) => return Verdict::Unknown,
        // It was left out, or its turn is yet to come.
        None => {
            let left_out = before.step.forbidden.is_some()
                || before
                    .step
                    .clause
                    .condition
                    .as_ref()
                    .is_some_and(|own| matches!(judge(own, &about(before, calls)), Verdict::Fails(_)));
            if !left_out {
                return Verdict::Unknown;
            }
            false
        }
    };
    let why = if worked { "first request worked" } else { "first request did not work" }.to_owned();
    if worked == wanted { Verdict::Holds(why) } else { Verdict::Fails(why) }
}

/// Results that speak of the thing a unit is about: of calls that have an argument in common with it and none against
/// it. Where no call has one, all of them.
fn about<'a>(unit: &Unit<'_>, calls: &[&'a Call]) -> Vec<&'a Outcome> {
    let related = |call: &&&Call| {
        let mut shared =
            call.input.iter().filter_map(|(name, value)| Some(unit.arguments.get(name)? == value)).peekable();
        shared.peek().is_some() && shared.all(|equal| equal)
    };
    let unrelated = |call: &&&Call| call.input.keys().all(|name| !unit.arguments.contains_key(name));
    let good = |call: &'a Call| call.outcome.as_ref().filter(|outcome| !outcome.failed);
    let found: Vec<&Outcome> = calls.iter().filter(related).filter_map(|call| good(call)).collect();
    if found.is_empty() { calls.iter().filter(unrelated).filter_map(|call| good(call)).collect() } else { found }
}

pub(super) fn units<'a>(tools: &[Tool], steps: &'a [Step], calls: &[&'a Call]) -> Vec<Unit<'a>> {
    let mut units: Vec<Unit<'a>> = Vec::new();
    for step in steps {
        for arguments in std::iter::once(&step.filled.arguments).chain(&step.filled.more) {
            if !units.iter().any(|unit| unit.step.tool == step.tool && unit.arguments == arguments) {
                units.push(Unit { step, arguments, call: None });
            }
        }
    }
    let mut taken = vec![false; calls.len()];
    // Same arguments first; results may since have told more, so then the tool's name alone.
    for exact in [true, false] {
        for unit in units.iter_mut().filter(|unit| unit.call.is_none()) {
            let fits =
                |call: &Call| call.name == tools[unit.step.tool].name && (!exact || call.input == *unit.arguments);
            if let Some(index) = (0..calls.len()).find(|&index| !taken[index] && fits(calls[index])) {
                taken[index] = true;
                unit.call = Some(calls[index]);
            }
        }
    }
    units
}
