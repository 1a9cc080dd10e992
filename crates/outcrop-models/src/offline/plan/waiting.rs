//! Calls that wait for others: whether their turn has come, and what of the others is still to be told.

use super::{Asked, Unit};
use crate::offline::bounds;
use crate::offline::talk::{Call, Outcome};
use serde_json::Value;

/// Deepest place of an empty list that counts.
const DEPTH_MAX: usize = 2;

/// Whether everything that a unit waits for has come back.
pub(super) fn is_due(unit: &Unit<'_>, units: &[Unit<'_>]) -> bool {
    sources(unit, units).all(|source| source.call.is_some_and(|call| call.outcome.is_some()))
}

/// Whether what a unit waited for failed, or found nothing that it could go on with.
pub(super) fn found_nothing(unit: &Unit<'_>, units: &[Unit<'_>]) -> bool {
    let useless = |outcome: &Outcome| outcome.failed || outcome.json.as_ref().is_some_and(|json| is_empty(json, 0));
    sources(unit, units).filter_map(|source| source.call?.outcome.as_ref()).any(useless)
}

/// Whether another call went on with what this one found.
pub(super) fn has_led_on(unit: &Unit<'_>, units: &[Unit<'_>]) -> bool {
    units.iter().any(|other| {
        let worked = other.call.and_then(|call| call.outcome.as_ref()).is_some_and(|outcome| !outcome.failed);
        worked && other.step.after.contains(&unit.step.tool)
    })
}

fn sources<'u, 'a>(unit: &'u Unit<'a>, units: &'u [Unit<'a>]) -> impl Iterator<Item = &'u Unit<'a>> {
    units.iter().filter(|other| unit.step.after.contains(&other.step.tool))
}

fn is_empty(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) if depth < DEPTH_MAX => members.values().any(|value| is_empty(value, depth + 1)),
        _ => false,
    }
}

/// A call with only what keeps the limits that were asked for, unless the call kept them itself; or the sentence that
/// nothing does. `None` where no limit applies.
pub(super) fn narrowed(call: &Call, asked: &Asked<'_>) -> Option<Result<Call, String>> {
    let outcome = call.outcome.as_ref().filter(|outcome| !outcome.failed)?;
    let open: Vec<bounds::Bound> = asked.limits.iter().filter(|limit| !limit.is_given(&call.input)).cloned().collect();
    if open.is_empty() {
        return None;
    }
    let narrower = bounds::narrowed(outcome.json.as_ref()?, &open, asked.text)?;
    Some(narrower.map(|json| {
        let outcome = Outcome { json: Some(json), ..outcome.clone() };
        Call { outcome: Some(outcome), ..call.clone() }
    }))
}
