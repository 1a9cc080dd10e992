//! Several calls of one tool in one request: "of 5, 10 and 15", "a radius of 5 and one with a radius of 10", "from Oslo to
//! Rome and from Rome to Bonn", "and the same for 150".
//!
//! Every value goes to the parameter that it suits best, in the order of the text. Values in a list are taken one by one; a
//! value for what already has one begins the next call; and what a call does not say is as in the call before it, or as in
//! the one after it.

use super::affinity::affinity;
use super::spans::Span;
use super::{Filled, OPTIONAL_MIN, REQUIRED_MIN, value};
use crate::offline::dates::Day;
use crate::offline::entities::Kind;
use crate::offline::tool::{Tool, Type};
use regex::Regex;
use serde_json::Map;
use std::sync::LazyLock;

/// Most calls that one request can ask of a tool.
const CALLS_MAX: usize = 12;
/// How much better a parameter must suit to be preferred whatever the others lack.
const TIE: f64 = 0.35;
/// Least affinity of a value that begins another call, unless it stands in a list.
const AGAIN_MIN: f64 = 1.0;
/// What it counts that a parameter must be there.
const REQUIRED: f64 = 0.2;

/// Values of one parameter that stand in one list.
#[derive(Clone, Debug)]
struct Unit {
    parameter: usize,
    spans: Vec<usize>,
}

type Record = Vec<Unit>;

/// Puts the calls that the values ask for in place of what was `chosen` for one call, where they ask for several.
pub(super) fn records(
    tool: &Tool,
    own: &[Span],
    used: &mut [bool],
    chosen: &[(usize, usize)],
    today: Option<Day>,
    text: &str,
    filled: &mut Filled,
) {
    if chosen.is_empty() {
        return;
    }
    let picked = picked(tool, own, used, chosen, filled);
    let records = walk(own, &picked, text);
    let is_several = records.len() > 1 || records.iter().flatten().any(|unit| unit.spans.len() > 1);
    if !is_several {
        return;
    }
    let mut parameters: Vec<usize> = Vec::new();
    for unit in records.iter().flatten() {
        if !parameters.contains(&unit.parameter) {
            parameters.push(unit.parameter);
        }
    }
    // What was found for one call and could not be found here speaks against several.
    if chosen.iter().any(|(index, _)| tool.parameters[*index].required && !parameters.contains(index)) {
        return;
    }
    let mut calls: Vec<Vec<(usize, usize)>> = Vec::new();
    for index in 0..records.len() {
        // What this record does not say: as before, else as after.
        let said: Vec<&Unit> = parameters
            .iter()
            .filter_map(|&parameter| {
                let there = |record: &&Record| record.iter().any(|unit| unit.parameter == parameter);
                let before = records[..=index].iter().rev().find(there);
                let record = before.or_else(|| records[index + 1..].iter().find(there))?;
                record.iter().find(|unit| unit.parameter == parameter)
            })
            .collect();
        calls.extend(combined(&said, text));
    }
    calls.truncate(CALLS_MAX);
    for (index, _) in chosen {
        filled.arguments.remove(&tool.parameters[*index].name);
    }
    let mut first = true;
    for call in calls {
        let mut arguments = Map::new();
        for (index, place) in call {
            used[place] = true;
            let parameter = &tool.parameters[index];
            if let Some(value) = value::scalar(parameter, &own[place], today) {
                arguments.insert(parameter.name.clone(), value);
            }
        }
        if std::mem::take(&mut first) {
            filled.arguments.extend(arguments);
        } else if !arguments.is_empty() && !filled.more.contains(&arguments) {
            filled.more.push(arguments);
        }
    }
    let whole = filled.arguments.clone();
    filled.more.retain(|more| more.iter().any(|(name, value)| whole.get(name) != Some(value)));
}

/// A value, and how well it suits the parameters, the best first.
struct Pick {
    place: usize,
    scores: Vec<(f64, usize)>,
}

/// The values that can be meant, none inside of another, in their order; those of a list suit what one of them suits.
fn picked(tool: &Tool, own: &[Span], used: &[bool], chosen: &[(usize, usize)], filled: &Filled) -> Vec<Pick> {
    let takes: Vec<usize> = (0..tool.parameters.len())
        .filter(|&index| {
            let parameter = &tool.parameters[index];
            let is_scalar = matches!(parameter.kind, Type::String | Type::Integer | Type::Number | Type::Any);
            is_scalar && (chosen.iter().any(|(one, _)| *one == index) || filled.lacks(parameter))
        })
        .collect();
    let chosen_for = |place: usize| chosen.iter().find(|(_, other)| *other == place).map(|(index, _)| *index);
    let mut all: Vec<Pick> = Vec::new();
    for place in 0..own.len() {
        let span = &own[place];
        let own_choice = chosen_for(place);
        // What another kind of parameter took is gone.
        let is_taken = |other: usize| used[other] && chosen_for(other).is_none() && own[other].overlaps(span);
        if (0..own.len()).any(is_taken) {
            continue;
        }
        let mut scores: Vec<(f64, usize)> = takes
            .iter()
            .filter_map(|&index| {
                let parameter = &tool.parameters[index];
                let score = affinity(tool, parameter, span);
                let least = if parameter.required { REQUIRED_MIN } else { OPTIONAL_MIN };
                // Plain words are further values only beside one that was taken.
                let linked = || {
                    chosen.iter().any(|(one, other)| {
                        *one == index
                            && own[*other].kind.is_none()
                            && (span.is_joined_to(&own[*other])
                                || own[*other].is_joined_to(span)
                                || beside(own, place, *other))
                    })
                };
                let is_like = chosen.iter().find(|(one, _)| *one == index).is_none_or(|(_, other)| {
                    let numeric = |span: &Span| span.kind.is_some_and(Kind::is_numeric);
                    own[*other].kind == span.kind || numeric(&own[*other]) && numeric(span)
                });
                if !is_like {
                    return None;
                }
                let counts = span.kind.is_some() || own_choice == Some(index) || linked();
                (counts && score >= least).then_some((score + if parameter.required { REQUIRED } else { 0.0 }, index))
            })
            .collect();
        scores.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        if !scores.is_empty() {
            all.push(Pick { place, scores });
        }
    }
    // The surest of overlapping ones stays.
    all.sort_by(|one, other| {
        let sure = |pick: &Pick| pick.scores[0].0 + if chosen_for(pick.place).is_some() { 0.5 } else { 0.0 };
        sure(other).total_cmp(&sure(one)).then(own[one.place].start.cmp(&own[other.place].start))
    });
    let mut kept: Vec<Pick> = Vec::new();
    for pick in all {
        if kept.iter().all(|other| !own[other.place].overlaps(&own[pick.place])) {
            kept.push(pick);
        }
    }
    kept.sort_by_key(|pick| own[pick.place].start);
    kept
}

/// Whether a span goes on with a list that another one is in: "navy, purple and maroon".
fn beside(own: &[Span], place: usize, other: usize) -> bool {
    let (from, to) = if own[place].start < own[other].start { (place, other) } else { (other, place) };
    let mut last = from;
    for at in from + 1..=to {
        if own[at].start >= own[last].end && own[at].kind == own[last].kind && own[at].is_joined_to(&own[last]) {
            last = at;
        }
    }
    last == to
}

/// Reads the values in their order.
fn walk(own: &[Span], picked: &[Pick], text: &str) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    let mut at = 0;
    while at < picked.len() {
        let mut end = at + 1;
        while end < picked.len() && is_listed(&own[picked[end - 1].place], &own[picked[end].place]) {
            end += 1;
        }
        let group = &picked[at..end];
        at = end;
        take(own, &mut records, group, text);
    }
    records
}

fn is_listed(before: &Span, span: &Span) -> bool {
    before.kind == span.kind
        && before.is_derived == span.is_derived
        && (span.is_joined_to(before) || span.is_counted_with(before))
}

fn take(own: &[Span], records: &mut Vec<Record>, group: &[Pick], text: &str) {
    // What suits one of a list suits all of them, where it suits them at all.
    let mut scores: Vec<(f64, usize)> = Vec::new();
    for (score, index) in group.iter().flat_map(|pick| &pick.scores) {
        let suits_all = group.iter().all(|pick| pick.scores.iter().any(|(_, other)| other == index));
        match scores.iter_mut().find(|(_, other)| other == index) {
            Some(known) => known.0 = known.0.max(*score),
            None if suits_all => scores.push((*score, *index)),
            None => {}
        }
    }
    scores.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    let Some(&(best, first)) = scores.first() else {
        // A list of which each suits something else.
        if group.len() > 1 {
            for pick in group {
                take(own, records, std::slice::from_ref(pick), text);
            }
        }
        return;
    };
    let tied: Vec<usize> = scores.iter().filter(|(score, _)| *score >= best - TIE).map(|(_, index)| *index).collect();
    let is_open = |records: &[Record], index: usize| {
        records.last().is_none_or(|record| record.iter().all(|unit| unit.parameter != index))
    };
    let open: Vec<usize> = tied.iter().copied().filter(|&index| is_open(records, index)).collect();
    let spread = if open.is_empty() { &tied } else { &open };
    if group.len() > 1 && (spread.len() < 2 || !group.len().is_multiple_of(spread.len()) && group.len() > spread.len())
    {
        let index = open.first().copied().unwrap_or(first);
        put(records, Unit { parameter: index, spans: group.iter().map(|pick| pick.place).collect() });
        return;
    }
    let is_list = group.len() > 1;
    for pick in group {
        let index = tied.iter().copied().find(|&index| is_open(records, index));
        match index {
            Some(index) => put(records, Unit { parameter: index, spans: vec![pick.place] }),
            None if is_list || best >= AGAIN_MIN && begins_anew(own, records, first, pick.place, text) => {
                put(records, Unit { parameter: tied.first().copied().unwrap_or(first), spans: vec![pick.place] });
            }
            None => {}
        }
    }
}

static ANEW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)[.?!;]|\b(?:and|also|then|plus|followed|finally|lastly|another|versus|vs|while|whereas|or)\b|,")
        .expect("the pattern is written here and tested")
});

/// Whether something stands between a value and the one before it of the same parameter that begins something new.
fn begins_anew(own: &[Span], records: &[Record], index: usize, place: usize, text: &str) -> bool {
    let span = &own[place];
    if span.kind.is_none() || span.text.chars().count() < 2 && !span.kind.is_some_and(Kind::is_numeric) {
        return false;
    }
    let before = records.iter().flatten().filter(|unit| unit.parameter == index).filter_map(|unit| unit.spans.last());
    let Some(before) = before.map(|&place| own[place].end).max() else { return true };
    text.get(before..span.start).is_none_or(|between| ANEW.is_match(between))
}

fn put(records: &mut Vec<Record>, unit: Unit) {
    match records.last_mut() {
        Some(record) if record.iter().all(|other| other.parameter != unit.parameter) => record.push(unit),
        _ => records.push(vec![unit]),
    }
}

/// The calls that one record comes to: lists side by side where they are told to be, else each with each.
fn combined(units: &[&Unit], text: &str) -> Vec<Vec<(usize, usize)>> {
    let longest = units.iter().map(|unit| unit.spans.len()).max().unwrap_or(1);
    let lists = units.iter().filter(|unit| unit.spans.len() > 1).count();
    let equal = units.iter().all(|unit| matches!(unit.spans.len(), len if len == 1 || len == longest));
    let side_by_side = lists < 2 || equal && (longest > 2 || text.to_lowercase().contains("respectively"));
    if side_by_side && equal {
        let at = |unit: &Unit, turn: usize| (unit.parameter, unit.spans[turn.min(unit.spans.len() - 1)]);
        return (0..longest).map(|turn| units.iter().map(|unit| at(unit, turn)).collect()).collect();
    }
    let mut all: Vec<Vec<(usize, usize)>> = vec![Vec::new()];
    for unit in units {
        let each = |call: &Vec<(usize, usize)>| {
            let with = |&place: &usize| {
                let mut longer = call.clone();
                longer.push((unit.parameter, place));
                longer
            };
            unit.spans.iter().map(with).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(each).take(CALLS_MAX).collect();
    }
    all
}
