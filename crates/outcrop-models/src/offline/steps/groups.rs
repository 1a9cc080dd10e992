//! Clauses that ask for the same tool, put together: what one of them says holds for the others where they say nothing
//! else, and words between them that ask for nothing by themselves belong to one of them.

use crate::offline::choose::Fit;
use crate::offline::clauses::{Clause, Mode};
use crate::offline::entities::entities;
use crate::offline::fill::QUESTION;
use crate::offline::steps::Step;
use crate::offline::tool::Tool;
use crate::offline::words::words;
use serde_json::Value;

/// A stretch of the request that is about one tool.
pub(super) struct Group {
    /// The first clause that asks for it.
    pub(super) clause: Clause,
    pub(super) fit: Fit,
    /// Its words.
    pub(super) text: String,
}

/// Puts the chosen clauses together. `all` are the clauses of the request, in order. Clauses with conditions stay alone.
pub(super) fn groups(request: &str, all: &[Clause], chosen: &[(Clause, Fit)]) -> Vec<Group> {
    let places = places(request, all);
    let at = |clause: &Clause| all.iter().position(|one| one == clause);
    let mut groups: Vec<(usize, usize, Clause, Fit)> = Vec::new();
    for (clause, fit) in chosen {
        let Some(place) = at(clause) else { return alone(chosen) };
        match groups.last_mut() {
            Some((_, last, first, known))
                if known.tool == fit.tool && first.condition.is_none() && clause.condition.is_none() =>
            {
                *last = (*last).max(place);
                // The better fit tells why.
                if fit.score > known.score {
                    *known = fit.clone();
                }
            }
            _ => groups.push((place, place, clause.clone(), fit.clone())),
        }
    }
    let conditional = chosen.iter().any(|(clause, _)| clause.condition.is_some());
    if conditional {
        return alone(chosen);
    }
    let count = groups.len();
    // Several tools of one clause share its words.
    let mut edges: Vec<(usize, usize)> = groups.iter().map(|(first, last, ..)| (*first, *last)).collect();
    for index in 0..count {
        let (first, last) = edges[index];
        let before = if index == 0 { None } else { Some(edges[index - 1].1) };
        let from = match before {
            None => 0,
            // What is told before a request belongs to it.
            Some(before) if before < first => {
                let mut from = first;
                while from > before + 1 && matches!(all[from - 1].mode, Mode::Statement | Mode::Refusal) {
                    from -= 1;
                }
                from
            }
            Some(_) => first,
        };
        edges[index].0 = from;
        let next = edges.get(index + 1).map_or(all.len(), |(next, _)| *next);
        let mut to = last;
        while to + 1 < next && (index + 1 == count || !matches!(all[to + 1].mode, Mode::Statement)) {
            to += 1;
        }
        edges[index].1 = to;
    }
    let text = |(first, last): (usize, usize)| {
        let start = if first == 0 { 0 } else { places[first].0 };
        let end = if last + 1 >= all.len() { request.len() } else { places[last].1 };
        request.get(start..end.max(start)).unwrap_or(request).to_owned()
    };
    let all = groups.into_iter().zip(edges).map(|((_, _, clause, fit), edge)| Group { text: text(edge), clause, fit });
    all.collect()
}

/// Cuts a clause that names several tools where the words of each begin: "the sum of 3 and 4 and the product of 5 and 6".
/// Where no value stands between two names, both tools share what is said.
pub(super) fn cut(tools: &[Tool], groups: Vec<Group>) -> Vec<Group> {
    let mut all: Vec<Group> = Vec::new();
    let mut rest = groups.into_iter().peekable();
    while let Some(group) = rest.next() {
        let mut same = vec![group];
        while let Some(next) = rest.next_if(|next| next.clause == same[0].clause && next.text == same[0].text) {
            same.push(next);
        }
        if same.len() > 1 {
            pieces(tools, &mut same);
        }
        all.extend(same);
    }
    all
}

fn pieces(tools: &[Tool], groups: &mut [Group]) {
    let text = groups[0].text.clone();
    let spoken = words(&text);
    // Where each tool is named by a word that none of the others has in its name.
    let mut places: Vec<(usize, usize)> = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let is_own = |stem: &String| {
            tools[group.fit.tool].name_stems.contains(stem)
                && groups
                    .iter()
                    .enumerate()
                    .all(|(other, one)| other == index || !tools[one.fit.tool].name_stems.contains(stem))
        };
        let Some(word) = spoken.iter().find(|word| is_own(&word.stem)) else { return };
        places.push((word.start, index));
    }
    places.sort_unstable();
    let values = entities(&text);
    let mut from = 0;
    let mut first = 0;
    for at in 1..=places.len() {
        let next = places.get(at).map(|(start, _)| *start);
        let has_value = |end: usize| values.iter().any(|value| value.start >= places[at - 1].0 && value.end <= end);
        let end = match next {
            Some(start) if has_value(start) => {
                let before = text.get(from..start).unwrap_or_default();
                let joint =
                    ["and ", ", ", "then "].iter().filter_map(|joint| Some(before.rfind(joint)? + joint.len())).max();
                from + joint.unwrap_or(before.len())
            }
            Some(_) => continue,
            None => text.len(),
        };
        let piece = text.get(from..end).unwrap_or(&text).to_owned();
        for (_, index) in &places[first..at] {
            groups[*index].text.clone_from(&piece);
        }
        (from, first) = (end, at);
    }
}

/// What a step lacks, or has only from plain words while another step has a proper value for a like parameter ("… of Ada
/// Byron, and what her most famous work was"), is as in the other step; "in these years" means all that the other has.
pub(super) fn share(tools: &[Tool], steps: &mut [Step]) {
    for index in 0..steps.len() {
        for (place, parameter) in tools[steps[index].tool].parameters.iter().enumerate() {
            if !parameter.required || parameter.is_consent() {
                continue;
            }
            let own = steps[index].filled.arguments.get(&parameter.name).map(|value| taken(&steps[index], value));
            let like = |step: &Step| {
                let other = tools[step.tool].parameters.iter().find(|other| other.stems == parameter.stems)?;
                let is_said =
                    step.filled.origins.iter().any(|origin| origin.label == other.label && origin.from == QUESTION);
                let value = step.filled.arguments.get(&other.name)?;
                let is_proper = is_said && taken(step, value) == Taken::Value;
                let more: Vec<Value> =
                    step.filled.more.iter().filter_map(|more| more.get(&other.name).cloned()).collect();
                is_proper.then(|| (value.clone(), more))
            };
            let found = steps[..index].iter().rev().find_map(like).or_else(|| steps[index + 1..].iter().find_map(like));
            let Some((value, more)) = found else { continue };
            let takes = match own {
                None => true,
                Some(Taken::Words) => index > 0,
                Some(Taken::Elsewhere) => !more.is_empty() && points_back(&steps[index].clause),
                Some(Taken::Value) => false,
            };
            if !takes {
                continue;
            }
            let name = parameter.name.clone();
            let filled = &mut steps[index].filled;
            filled.missing.retain(|missing| *missing != place);
            if filled.more.is_empty() {
                let each = more.iter().filter(|one| **one != value);
                filled.more = each
                    .map(|one| {
                        let mut arguments = filled.arguments.clone();
                        arguments.insert(name.clone(), one.clone());
                        arguments
                    })
                    .collect();
            } else {
                for more in &mut filled.more {
                    more.insert(name.clone(), value.clone());
                }
            }
            filled.arguments.insert(name, value);
        }
    }
}

/// Where a value is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// A number, a name, a day, … of the clause.
    Value,
    /// Plain words of the clause.
    Words,
    /// Not from the clause.
    Elsewhere,
}

fn taken(step: &Step, value: &Value) -> Taken {
    let text = &step.clause.text;
    let found = entities(text);
    let is_value = |value: &Value| match value {
        Value::String(said) => found.iter().any(|entity| entity.text == *said || entity.text.contains(said.as_str())),
        Value::Number(number) => found.iter().any(|entity| {
            entity
                .number
                .zip(number.as_f64())
                .is_some_and(|(one, other)| (one - other).abs() < 1e-9 || (one / 100.0 - other).abs() < 1e-9)
        }),
        _ => true,
    };
    let in_list = |value: &Value| found.iter().any(|entity| entity.list.as_ref().is_some_and(|list| list == value));
    match value {
        Value::Array(items) if !in_list(value) && !items.iter().all(is_value) => Taken::Words,
        Value::Array(_) => Taken::Value,
        _ if is_value(value) => Taken::Value,
        Value::String(said) if text.contains(said.as_str()) => Taken::Words,
        _ => Taken::Elsewhere,
    }
}

/// Whether a clause speaks of what was said before.
fn points_back(clause: &Clause) -> bool {
    let is_back = |word: &str| matches!(word, "these" | "those" | "each" | "both" | "same" | "them" | "their");
    words(&clause.text).iter().any(|word| is_back(&word.text))
}

fn alone(chosen: &[(Clause, Fit)]) -> Vec<Group> {
    let each = chosen.iter().cloned();
    each.map(|(clause, fit)| Group { text: clause.text.clone(), clause, fit }).collect()
}

/// Where the clauses stand in the request.
fn places(request: &str, all: &[Clause]) -> Vec<(usize, usize)> {
    let mut from = 0;
    all.iter()
        .map(|clause| {
            let start = request[from..].find(clause.text.as_str()).map_or(from, |found| from + found);
            let end = (start + clause.text.len()).min(request.len());
            if request.is_char_boundary(end) {
                from = end;
            }
            (start, end)
        })
        .collect()
}
