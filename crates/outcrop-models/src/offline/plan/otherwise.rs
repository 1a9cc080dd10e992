//! Where there is nothing to call: small talk, an answer out of what is known, or an honest no.

use super::wording::ability;
use super::{Asked, NO_TOOL, Next, Plan, say};
use crate::offline::answer::{describe, is_asked, joined};
use crate::offline::clauses::{Mode, clauses};
use crate::offline::steps::is_how_to;
use crate::offline::talk::{Call, Exchange, yes_or_no};
use crate::offline::words::words;
use serde_json::Value;

impl Plan<'_> {
    /// Nothing to call: small talk, an answer out of what is known, or an honest no.
    pub(super) fn without_steps(&self, text: &str, earlier: &[Exchange], calls: &[&Call], asked: &Asked<'_>) -> Next {
        if !calls.is_empty() {
            return say(self.told(&[], calls, asked).join(" "), "The results answer what was asked.");
        }
        if let Some(reply) = self.small_talk(text) {
            return say(reply, "This needs no tool.");
        }
        if let Some(quote) = crate::offline::files::quote(self.messages, &asked.words) {
            return say(quote, "A file of the user's says it.");
        }
        let refers = asked.words.iter().any(|word| {
            matches!(word.text.as_str(), "it" | "its" | "it's" | "they" | "them" | "that" | "this" | "the")
        });
        let before = || earlier.iter().rev().flat_map(|exchange| exchange.calls.iter().rev());
        // "It" is what the last call was about, not another thing of the same kind.
        let latest = before().next();
        let same_thing = |call: &&Call| {
            latest.is_none_or(|latest| {
                call.input.iter().all(|(name, value)| latest.input.get(name).is_none_or(|other| other == value))
            })
        };
        let tells = |call: &&Call| {
            let json =
                call.outcome.as_ref().filter(|outcome| !outcome.failed).and_then(|outcome| outcome.json.as_ref());
            json.and_then(Value::as_object).is_some_and(|object| object.keys().any(|key| is_asked(key, &asked.words)))
        };
        let known = before().filter(same_thing).find(tells);
        if let (true, None, Some(_), Some(latest)) = (refers, known, before().find(tells), latest) {
            let tool = self.tools.iter().find(|tool| tool.name == latest.name);
            let text = format!("The result does not tell that. {}", describe(tool, latest, &[]));
            return say(text, "The last result is about what is meant, and it says nothing of this.");
        }
        if let Some(call) = known.filter(|_| refers) {
            let tool = self.tools.iter().find(|tool| tool.name == call.name);
            return say(describe(tool, call, &asked.words), "An earlier result answers this.");
        }
        if is_how_to(text)
            && let Some(tool) = crate::offline::choose::rank(self.tools, text)
                .into_iter()
                .filter_map(|fit| self.tools.get(fit.tool))
                .find(|tool| asked.words.iter().any(|word| tool.deeds.contains(&word.stem)))
        {
            let needed: Vec<String> =
                tool.required().filter(|p| !p.is_consent()).map(|p| format!("the {}", p.label)).collect();
            let needed =
                if needed.is_empty() { String::new() } else { format!(" I need {} for it.", joined(&needed, "and")) };
            let text = format!("I can {} for you: just tell me to.{needed}", tool.label());
            return say(text, "The user asks how it is done and does not yet ask to do it.");
        }
        let refuses = clauses(text).iter().any(|clause| clause.mode == Mode::Refusal);
        if let Some(tool) = self.rules.fallback(self.tools).and_then(|tool| self.tools.get(tool)).filter(|_| !refuses) {
            let opening = self.abilities(NO_TOOL);
            let question = format!("{opening} Shall I {} instead, yes or no?", tool.label());
            let why = format!("Nothing else fits, and the instruction names {} for that.", tool.short);
            return Next::Ask { question, why };
        }
        say(self.abilities(NO_TOOL), "No tool's name or description fits what was asked.")
    }

    pub(super) fn small_talk(&self, text: &str) -> Option<String> {
        let all = words(text);
        let first = all.first()?.text.as_str();
        let short = all.len() <= 6;
        let help = all.iter().any(|word| word.text == "help") && all.len() <= 5
            || text.to_lowercase().contains("what can you do");
        match first {
            _ if all.len() <= 3 && yes_or_no(text).is_some() => Some("All right. Is there anything else?".to_owned()),
            _ if help => Some(self.abilities("Of course.")),
            "hi" | "hello" | "hey" | "good" if short => Some("Hello! How can I help you?".to_owned()),
            "thanks" | "thank" if short => Some("You are welcome.".to_owned()),
            "bye" | "goodbye" if short => Some("Goodbye.".to_owned()),
            "ok" | "okay" | "great" | "fine" if all.len() <= 3 => Some("Is there anything else?".to_owned()),
            _ => None,
        }
    }

    pub(super) fn abilities(&self, opening: &str) -> String {
        let own = self.tools.iter().filter(|tool| !tool.asks_user).map(ability);
        let listed: Vec<String> = own.chain(self.abilities.iter().cloned()).take(12).collect();
        if listed.is_empty() {
            return format!("{opening} No tools are set up for me.");
        }
        format!("{opening} What I can do: {}.", listed.join("; "))
    }
}
