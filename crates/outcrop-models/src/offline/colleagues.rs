//! Other agents: which of them the words concern, what they are sent, and one answer out of theirs.
//!
//! A supervisor has one tool for all of them; its schema names each with the words that say what it is for. Whoever the
//! words concern is asked, several side by side, each in the user's own words: what is not its business it leaves.

use super::answer::{capital, joined};
use super::choose;
use super::entities::{Kind, entities};
use super::plan::{Next, without_tools};
use super::talk::{Call, Exchange, yes_or_no};
use super::tool::Tool;
use super::words::words;
use outcrop_ports::{ModelRequest, ToolSpec};
use serde_json::{Map, Value, json};

/// Most agents that are looked at.
const AGENTS_MAX: usize = 200;
/// Most agents that are asked at once.
const ASKED_MAX: usize = 8;
/// Share of the best fit that another one needs to be asked, too.
const SHARE_MIN: f64 = 0.15;

/// The tool that sends messages, taken apart.
pub(super) struct Colleagues {
    tool: String,
    /// One for each agent: its name is the recipient.
    agents: Vec<Tool>,
}

impl Colleagues {
    /// The agents that can be asked, if there is a tool for it: one with a recipient, named with what it is for, and the
    /// message's content.
    pub(super) fn of(request: &ModelRequest) -> Option<Self> {
        let spec = request.tools.iter().find(|spec| sends(spec))?;
        let specs: Vec<ToolSpec> = recipients(spec)
            .filter(|(name, _)| !name.eq_ignore_ascii_case("user"))
            .map(|(name, description)| ToolSpec {
                name: name.to_owned(),
                description: description.to_owned(),
                input_schema: json!({"type": "object"}),
            })
            .collect();
        let mut agents = Tool::all(&specs, AGENTS_MAX);
        // Asking changes nothing, whatever the agent is called.
        agents.iter_mut().for_each(|agent| agent.deeds.clear());
        Some(Self { tool: spec.name.clone(), agents })
    }

    /// What they are for, for the user.
    pub(super) fn abilities(&self) -> Vec<String> {
        self.agents
            .iter()
            .map(|agent| agent.description.trim_end_matches('.').to_owned())
            .filter(|text| !text.is_empty())
            .collect()
    }

    /// An exchange without what was sent to them.
    pub(super) fn without_messages(&self, exchange: &Exchange) -> Exchange {
        let calls = exchange.calls.iter().filter(|call| call.name != self.tool).cloned().collect();
        Exchange { calls, ..exchange.clone() }
    }

    /// What comes next by them, with what `own` tools say; `own` alone where nobody else is concerned.
    /// `own_work` tells whether the own tools were used.
    pub(super) fn next(&self, all: &[Exchange], own: Next, own_work: bool) -> Next {
        let Some(last) = all.last() else { return own };
        let wanted = self.wanted(all);
        if wanted.is_empty() {
            return own;
        }
        let sent = |name: &str| last.calls.iter().find(|call| call.name == self.tool && recipient(call) == Some(name));
        let (mut calls, mut sentences) = (Vec::new(), Vec::new());
        for (name, why) in &wanted {
            if sent(name).is_none() {
                let content = content(all);
                calls.push((
                    self.tool.clone(),
                    Map::from_iter([
                        ("recipient".to_owned(), Value::from(name.as_str())),
                        ("content".to_owned(), Value::from(content)),
                    ]),
                ));
                sentences.push(format!("I ask {name} because {why}."));
            }
        }
        match own {
            Next::Calls { rationale, calls: more } => {
                calls.extend(more);
                sentences.push(rationale);
            }
            other if calls.is_empty() => {
                let answers: Vec<(&str, &Call)> =
                    wanted.iter().filter_map(|(name, _)| Some((name.as_str(), sent(name)?))).collect();
                return answer(&answers, other, own_work);
            }
            _ => {}
        }
        Next::Calls { rationale: sentences.join(" "), calls }
    }

    /// Whom the last words concern, with the reason.
    fn wanted(&self, all: &[Exchange]) -> Vec<(String, String)> {
        let Some((last, before)) = all.split_last() else { return Vec::new() };
        let fitting = self.fitting(&last.user);
        let earlier = before.last().map(|exchange| self.asked_in(exchange)).unwrap_or_default();
        let is_reply = before.last().is_some_and(Exchange::asked);
        let is_fresh = yes_or_no(&last.user).is_none() && words(&last.user).len() >= 4 && !fitting.is_empty();
        if is_reply && !is_fresh && !earlier.is_empty() {
            // An answer goes to whoever asked.
            let asking: Vec<&(&str, bool)> = earlier.iter().filter(|(_, asks)| *asks).collect();
            let whom = if asking.is_empty() { earlier.iter().collect() } else { asking };
            return whom
                .into_iter()
                .map(|(name, _)| ((*name).to_owned(), "it has asked for this".to_owned()))
                .collect();
        }
        if !fitting.is_empty() {
            return fitting;
        }
        let goes_on = words(&last.user).iter().any(|word| {
            matches!(word.text.as_str(), "it" | "that" | "this" | "them" | "they" | "its" | "their" | "and" | "also")
        });
        if goes_on && words(&last.user).len() >= 3 {
            return earlier
                .iter()
                .map(|(name, _)| ((*name).to_owned(), "this goes on from before".to_owned()))
                .collect();
        }
        Vec::new()
    }

    /// Agents that the words speak of: the best, and those not far behind that know a word of their own.
    fn fitting(&self, text: &str) -> Vec<(String, String)> {
        let ranked = choose::rank(&self.agents, text);
        let best = ranked.first().map(|fit| fit.score).unwrap_or_default();
        let mut covered: Vec<&String> = Vec::new();
        let mut found = Vec::new();
        for fit in ranked.iter().filter(|fit| fit.score >= best * SHARE_MIN).take(ASKED_MAX) {
            let own: Vec<&String> = fit.shared.iter().filter(|word| !covered.contains(word)).collect();
            // Whom the words name is asked in any case.
            if own.is_empty() && fit.name_share < 0.5 {
                continue;
            }
            covered.extend(own);
            let quoted: Vec<String> = fit.shared.iter().take(4).map(|word| format!("\"{word}\"")).collect();
            found.push((fit.tool, format!("the words speak of {}", joined(&quoted, "and"))));
        }
        // In the order in which the agents are named, so that answers come in an order their author chose.
        found.sort_by_key(|(agent, _)| *agent);
        found.into_iter().map(|(agent, why)| (self.agents[agent].name.clone(), why)).collect()
    }

    /// Who was asked in an exchange, and whether it asked back.
    fn asked_in<'e>(&self, exchange: &'e Exchange) -> Vec<(&'e str, bool)> {
        let sent = exchange.calls.iter().filter(|call| call.name == self.tool);
        let mut all: Vec<(&str, bool)> = Vec::new();
        for call in sent {
            let asks = call.outcome.as_ref().is_some_and(|outcome| plain(&outcome.text).ends_with('?'));
            if let Some(name) = recipient(call).filter(|name| all.iter().all(|(known, _)| known != name)) {
                all.push((name, asks));
            }
        }
        all
    }
}

/// Whether a tool sends messages to named recipients.
pub(super) fn sends(spec: &ToolSpec) -> bool {
    let required = |name: &str| spec.input_schema.pointer(&format!("/properties/{name}")).is_some();
    required("recipient") && required("content") && recipients(spec).next().is_some()
}

/// Recipients of a messaging tool, with what they are for: `oneOf` with `const` and `description`.
fn recipients(spec: &ToolSpec) -> impl Iterator<Item = (&str, &str)> {
    let listed = spec.input_schema.pointer("/properties/recipient/oneOf").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(|one| {
        let description = one.get("description").and_then(Value::as_str).unwrap_or_default();
        Some((one.get("const")?.as_str()?, description))
    })
}

fn recipient(call: &Call) -> Option<&str> {
    call.input.get("recipient")?.as_str()
}

/// The user's words, with the thing they are about where they only point at it.
fn content(all: &[Exchange]) -> String {
    let Some((last, before)) = all.split_last() else { return String::new() };
    let ids = |text: &str| entities(text).into_iter().filter(|entity| entity.kind == Kind::Id).map(|id| id.text).next();
    let points = words(&last.user)
        .iter()
        .any(|word| matches!(word.text.as_str(), "it" | "that" | "this" | "them" | "they" | "its"));
    if !points || ids(&last.user).is_some() || before.last().is_some_and(Exchange::asked) {
        return last.user.clone();
    }
    match before.iter().rev().find_map(|exchange| ids(&exchange.user)) {
        Some(id) => format!("{} This is about {id}.", last.user.trim_end()),
        None => last.user.clone(),
    }
}

/// One answer out of several: what each found out, then what is asked.
fn answer(answers: &[(&str, &Call)], own: Next, own_work: bool) -> Next {
    let (mut told, mut questions, mut useless): (Vec<String>, Vec<String>, Vec<String>) = Default::default();
    for (name, call) in answers {
        let Some(outcome) = &call.outcome else { continue };
        let text = plain(&outcome.text);
        let place = match () {
            () if outcome.failed => {
                told.push(format!("I asked {name}, but it did not work: {}", capital(&text)));
                continue;
            }
            () if text.is_empty() || without_tools(&text) => &mut useless,
            () if text.ends_with('?') => &mut questions,
            () => &mut told,
        };
        if !place.contains(&text) {
            place.push(text);
        }
    }
    match own {
        Next::Say { text, .. } if own_work => told.push(text),
        Next::Ask { question, .. } if !without_tools(&question) => questions.push(question),
        _ => {}
    }
    // Who had nothing to say is heard only where nobody had.
    if told.is_empty() && questions.is_empty() {
        told.append(&mut useless);
    }
    told.append(&mut questions);
    let text = if told.is_empty() { "Nobody who was asked had an answer.".to_owned() } else { told.join("\n") };
    let names: Vec<String> = answers.iter().map(|(name, _)| (*name).to_owned()).collect();
    Next::Say { text, why: format!("The answer is put together from what {} said.", joined(&names, "and")) }
}

/// A text without the marks by which long ones are passed on.
fn plain(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::with_capacity(text.len());
    while let Some(at) = rest.find("<br:payload").or_else(|| rest.find("</br:payload")) {
        let Some(end) = rest[at..].find('>') else { break };
        plain.push_str(&rest[..at]);
        rest = &rest[at + end + 1..];
    }
    plain.push_str(rest);
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests;
