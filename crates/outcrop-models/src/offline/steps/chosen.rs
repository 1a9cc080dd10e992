//! Which tools the clauses of a request ask for.

use super::{Ground, STEPS_MAX, is_how_to, parsed};
use crate::offline::choose::{self, Fit, Leave};
use crate::offline::clauses::{Clause, Mode, deed, mode};
use crate::offline::entities::{Kind, entities};
use crate::offline::fill::{QUESTION, Scope, fill};
use crate::offline::tool::{Parameter, Tool};
use crate::offline::words::{self, stem};
use outcrop_ports::ToolChoice;

/// The clause and the tool of each step.
pub(super) fn chosen(ground: Ground<'_>) -> Vec<(Clause, Fit)> {
    let all = parsed(ground);
    let forced = match ground.choice {
        ToolChoice::Tool(name) => ground.tools.iter().position(|tool| tool.name == *name),
        _ => None,
    };
    if let Some(tool) = forced {
        let fit = Fit { tool, score: 1.0, name_share: 1.0, clause_share: 1.0, shared: Vec::new(), shape: false };
        return vec![(whole(ground.request), fit)];
    }
    let found: Vec<(Clause, Fit)> = all
        .iter()
        .filter(|clause| !is_remark(clause))
        .flat_map(|clause| choose(ground, clause).into_iter().map(|fit| (clause.clone(), fit)))
        .collect();
    if !found.is_empty() {
        return found;
    }
    // No clause says enough by itself: all of them together may.
    let together = whole(ground.request);
    let denied = all.iter().any(|clause| clause.mode == Mode::Refusal);
    let fit = if all.len() > 1 && !denied { choose(ground, &together).into_iter().next() } else { None };
    if let Some(fit) = fit.filter(|fit| !ground.tools[fit.tool].is_guarded()) {
        return vec![(together, fit)];
    }
    if !denied && let Some(found) = by_values(ground) {
        return vec![found];
    }
    if *ground.choice == ToolChoice::Any
        && let Some(fit) = choose::rank(ground.tools, ground.request).into_iter().next()
    {
        return vec![(together, fit)];
    }
    Vec::new()
}

/// Longest words that say a value and nothing else.
const VALUE_WORDS_MAX: usize = 8;
/// Deeds that write down what is told.
const NOTES: &[&str] = &[
    "book", "reserve", "set", "update", "make", "create", "add", "record", "save", "change", "modify", "log",
    "schedule",
];

/// A tool that takes just what the words say, although they do not speak of it: "at 7, and we are five" where all that a
/// tool takes may be left out, or where the only tool needs one value of that kind.
fn by_values(ground: Ground<'_>) -> Option<(Clause, Fit)> {
    let clause = whole(ground.request);
    let only = ground.tools.len() == 1;
    let is_short = words::words(ground.request).len() <= VALUE_WORDS_MAX && clause.mode == Mode::Statement;
    let takes = |index: usize| {
        let tool = &ground.tools[index];
        let notes = tool.deeds.iter().all(|deed| NOTES.iter().any(|note| stem(note) == *deed));
        if tool.asks_user || tool.is_guarded() && !(only && notes) {
            return None;
        }
        let needs: Vec<&Parameter> = tool.required().collect();
        let suits = match needs.as_slice() {
            [] => true,
            [one] => only && is_short && one.is_of_one_kind(),
            _ => false,
        };
        let filled = if suits { ground.fill(index, ground.request) } else { return None };
        let said = filled.origins.iter().filter(|origin| origin.from == QUESTION && !is_truth(&origin.shown));
        let said = said.count();
        (filled.missing.is_empty() && said > 0).then_some((said, index))
    };
    let mut found: Vec<(usize, usize)> = (0..ground.tools.len()).filter_map(takes).collect();
    found.sort_by_key(|(said, index)| (std::cmp::Reverse(*said), *index));
    let (said, tool) = *found.first()?;
    if found.get(1).is_some_and(|(other, _)| *other == said) {
        return None;
    }
    Some((clause, Fit { tool, score: 1.0, name_share: 1.0, clause_share: 1.0, shared: Vec::new(), shape: true }))
}

fn is_truth(shown: &str) -> bool {
    matches!(shown, "true" | "false")
}

pub(super) fn whole(text: &str) -> Clause {
    Clause { text: text.to_owned(), core: text.to_owned(), mode: mode(text), condition: None }
}

/// "Include the recent ones", "make sure it is quiet": how, not what.
fn is_remark(clause: &Clause) -> bool {
    let opening = words::words(deed(&clause.core));
    let how = opening.first().is_some_and(|word| {
        matches!(
            word.text.as_str(),
            "include"
                | "use"
                | "assume"
                | "consider"
                | "remember"
                | "note"
                | "suppose"
                | "imagine"
                | "thank"
                | "thanks"
                | "make"
        )
    });
    how && opening
        .first()
        .is_none_or(|word| word.text != "make" || opening.get(1).is_some_and(|next| next.text == "sure"))
}

/// The tools a clause asks for: one, or several whose names it says side by side.
fn choose(ground: Ground<'_>, clause: &Clause) -> Vec<Fit> {
    let is_deed = |word: &words::Word| {
        ground.tools.iter().any(|tool| tool.deeds.iter().any(|deed| words::same(deed, &word.stem)))
    };
    if is_how_to(&clause.core) && words::words(&clause.core).iter().any(is_deed) {
        return Vec::new();
    }
    let text =
        if clause.mode == Mode::Question || clause.mode == Mode::Statement { &clause.text } else { &clause.core };
    let mut fits: Vec<Fit> = choose::rank(ground.tools, text)
        .into_iter()
        .filter(|fit| {
            choose::leave(&ground.tools[fit.tool], clause) != Leave::Withheld && serves(&ground.tools[fit.tool], clause)
        })
        .collect();
    // Who tells to do something wants it done rather than looked up.
    for fit in &mut fits {
        if ground.tools[fit.tool].is_guarded() {
            fit.score *= 1.5;
        }
    }
    fits.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.tool.cmp(&other.tool)));
    let best = fits.first().map(|fit| fit.score).unwrap_or_default();
    let found = fits.iter().find(|fit| {
        let is_wanted = fit.is_accepted()
            || fit.is_plausible() && ground.provides(fit, &clause.text)
            || is_done_to_things(&ground.tools[fit.tool], clause);
        fit.score >= best * 0.5 && is_wanted
    });
    let Some(found) = found.cloned().or_else(|| by_shape(ground, clause)) else { return Vec::new() };
    let mut all = vec![found];
    for fit in &fits {
        if all.len() < STEPS_MAX && is_said_too(ground, clause, &all, fit) {
            all.push(fit.clone());
        }
    }
    all
}

/// Whether a tool does to items of any kind what a clause tells to do: "return the lamp" with a tool that returns items.
fn is_done_to_things(tool: &Tool, clause: &Clause) -> bool {
    const THINGS: &[&str] = &["item", "product", "article", "good"];
    let is_thing = |own: &String| THINGS.iter().any(|thing| stem(thing) == *own);
    let takes =
        tool.name_stems.iter().any(is_thing) && tool.parameters.iter().any(|one| one.stems.iter().any(is_thing));
    let opening = words::words(deed(&clause.core));
    let first = opening.iter().find(|word| word.is_content());
    tool.is_guarded()
        && takes
        && clause.mode == Mode::Request
        && first.is_some_and(|word| tool.deeds.iter().any(|deed| words::same(deed, &word.stem)))
}

/// Whether a clause also names a further tool: it says a word of its name that the others do not know, and what it needs.
fn is_said_too(ground: Ground<'_>, clause: &Clause, others: &[Fit], fit: &Fit) -> bool {
    let tool = &ground.tools[fit.tool];
    if tool.is_guarded() || others.iter().any(|other| other.tool == fit.tool) || fit.name_share < 0.5 {
        return false;
    }
    let spoken = words::words(&clause.text);
    let known = |stem: &String| {
        others.iter().any(|other| {
            ground.tools[other.tool].weights.iter().any(|(one, weight)| *weight >= 1.2 && words::same(one, stem))
        })
    };
    let own = tool.name_stems.iter().any(|stem| spoken.iter().any(|word| word.stem == *stem) && !known(stem));
    let Some(first) = others.first().filter(|_| own) else { return false };
    // Both are about the same thing: "the area and the perimeter of a circle with a radius of 5".
    let known = ground.fill(first.tool, &clause.text);
    let filled = ground.fill(fit.tool, &clause.text);
    let is_shared = |parameter: &Parameter| {
        filled.arguments.get(&parameter.name).is_some_and(|value| known.arguments.values().any(|other| other == value))
    };
    filled.missing.is_empty() && !filled.arguments.is_empty() && tool.required().all(is_shared)
}

/// An id with the shape of a tool's example is reason enough to look it up, and to do nothing else.
fn by_shape(ground: Ground<'_>, clause: &Clause) -> Option<Fit> {
    if !matches!(clause.mode, Mode::Question | Mode::Statement | Mode::Request) {
        return None;
    }
    let all = words::words(&clause.core);
    let refers = all.iter().any(|word| matches!(word.text.as_str(), "it" | "that" | "this" | "them" | "they"));
    let asks = all.iter().any(|word| {
        matches!(
            word.text.as_str(),
            "where" | "when" | "whether" | "what" | "which" | "who" | "how" | "has" | "is" | "was"
        )
    });
    let named = |text: &str| entities(text).into_iter().filter(|entity| entity.kind == Kind::Id).collect::<Vec<_>>();
    let mut ids = named(&clause.text);
    let text = if ids.is_empty() && refers && asks {
        // "Do not cancel A-482, just tell me where it is": the id stands in another clause.
        ids = named(ground.request);
        format!("{} {}", clause.core, ids.first()?.text)
    } else {
        clause.text.clone()
    };
    let told = clause.mode == Mode::Statement && all.len() > 4 || clause.mode == Mode::Request && !asks;
    if told {
        return None;
    }
    choose::rank(ground.tools, &text).into_iter().find(|fit| {
        let tool = &ground.tools[fit.tool];
        let takes = tool.required().any(|parameter| ids.iter().any(|id| parameter.fits_example(id) == Some(true)));
        let scope = Scope {
            clause: &text,
            request: ground.request,
            answer: ground.answer,
            correction: "",
            facts: ground.facts,
            agreed: false,
        };
        fit.shape && takes && !tool.is_guarded() && serves(tool, clause) && fill(tool, scope).missing.is_empty()
    })
}

/// A tool that only reads does not serve who wants something changed: "delete order 5" is not answered by showing it.
fn serves(tool: &Tool, clause: &Clause) -> bool {
    if tool.is_guarded() || clause.mode != Mode::Request {
        return true;
    }
    let opening = words::words(deed(&clause.core));
    let Some(first) = opening.iter().find(|word| word.is_content()) else { return true };
    const CHANGES: &[&str] = &[
        "cancel",
        "delete",
        "remove",
        "refund",
        "update",
        "send",
        "book",
        "reserve",
        "buy",
        "purchase",
        "pay",
        "transfer",
        "return",
        "order",
        "escalate",
        "reschedule",
        "email",
        "hire",
        "subscribe",
        "unsubscribe",
    ];
    let changes = CHANGES.iter().any(|verb| stem(verb) == first.stem);
    !changes || tool.weights.keys().any(|known| words::same(known, &first.stem))
}
