//! Entries of kept traces: the same steps as while they happen, and what only the journal knows.

use super::lines::{Label, clean};
use super::steps::action_title;
use super::{Detail, Last, Renderer, Style, Totals, seconds, tokens};
use crate::chat::control::{self, Request};
use crate::cost::dollars;
use serde_json::Value;

/// Columns that each level of collaborators is moved to the right.
const LEVEL: usize = 2;
/// Levels that are moved; deeper ones stand below each other.
const LEVELS_MAX: usize = 8;

impl Renderer {
    /// Starts a turn that is told afterwards.
    pub(crate) fn kept(style: Style, detail: Detail) -> Self {
        Self { detail, ..Self::new(style) }
    }

    /// The text that one entry adds.
    pub(crate) fn entry(&mut self, entry: &Value) -> String {
        let depth = entry["depth"].as_u64().and_then(|depth| usize::try_from(depth).ok()).unwrap_or(0);
        let moved = LEVEL * depth.min(LEVELS_MAX);
        let style = self.style;
        self.style.width = style.width.saturating_sub(moved);
        let text = self.at_depth(entry, depth);
        self.style = style;
        if moved == 0 {
            return text;
        }
        let indent = " ".repeat(moved);
        text.split_inclusive('\n')
            .map(|line| if line == "\n" { line.to_owned() } else { format!("{indent}{line}") })
            .collect()
    }

    /// What the whole took; to be told before [`Renderer::finish`].
    pub(crate) fn took(&mut self, turn: &Value) {
        let totals = &turn["totals"];
        let count = |name: &str| totals[name].as_u64().unwrap_or(0);
        self.totals = Totals {
            model_calls: count("modelCalls"),
            input_tokens: count("inputTokens"),
            output_tokens: count("outputTokens"),
            millis: turn["totalTimeMs"].as_u64(),
            cost: totals["costUsd"].as_f64(),
        };
    }

    fn at_depth(&mut self, entry: &Value, depth: usize) -> String {
        let who = entry["collaboratorName"].as_str();
        let is_root = depth == 0;
        if let Some(part) = entry.get("trace") {
            return self.trace(part);
        }
        if let Some(request) = entry.get("request") {
            // What a collaborator is asked, its supervisor's own steps tell.
            return if is_root { self.request(request) } else { String::new() };
        }
        if let Some(call) = entry.get("modelCall") {
            return self.model_call(call, who);
        }
        if let Some(call) = entry.get("toolCall") {
            return self.lost(call, who, &action_title(call), "whether it did its work is unknown");
        }
        if let Some(call) = entry.get("collaboratorCall") {
            let name = call["agentCollaboratorName"].as_str().unwrap_or("a collaborator");
            if call["isLeftOut"] == Value::Bool(true) {
                return self.said(Label::Step, who, &format!("what {name} did is not kept"));
            }
            return self.lost(call, who, name, "it may still be at work, or was cut off");
        }
        if let Some(call) = entry.get("parserCall") {
            let function = call["functionArn"].as_str().unwrap_or("the author's parser");
            let time = call["totalTimeMs"].as_u64().map_or(String::new(), |ms| format!("  [{}]", seconds(ms)));
            return match call["outcome"]["message"].as_str() {
                Some(message) => self.said(Label::Failed, who, &format!("parser {function}: {message}{time}")),
                None => self.said(Label::Step, who, &format!("parser {function}{time}")),
            };
        }
        match entry.get("ended") {
            Some(end) if is_root => self.ended(end),
            _ => String::new(),
        }
    }

    fn request(&mut self, request: &Value) -> String {
        match request["type"].as_str() {
            Some("WORDS") => self.step(Label::User, request["inputText"].as_str().unwrap_or_default()),
            Some("RESULTS") => {
                let results = request["results"].as_array().map_or(&[][..], Vec::as_slice);
                let one = |result: &Value| {
                    let name = result["function"].as_str().or(result["apiPath"].as_str()).unwrap_or("action");
                    let said = match (result["confirmed"].as_bool(), result["body"].as_str()) {
                        (Some(false), _) => "denied",
                        (Some(true), None) => "confirmed",
                        (_, body) => body.unwrap_or_default(),
                    };
                    format!("{name}: {said}")
                };
                let results: Vec<String> = results.iter().map(one).collect();
                self.step(Label::User, &format!("results: {}", results.join("; ")))
            }
            _ => {
                let text = |name: &str| request[name].as_str().unwrap_or("?");
                let (alias, version) = (text("agentAliasId"), text("agentVersion"));
                self.step(
                    Label::Step,
                    &format!("forked: goes on as {alias}, version {version}, in {}", text("sessionId")),
                )
            }
        }
    }

    fn model_call(&mut self, call: &Value, who: Option<&str>) -> String {
        let number = call["step"].as_u64().map_or(String::new(), |step| format!("#{step} "));
        let phase = match call["phase"].as_str() {
            None | Some("ORCHESTRATION") => String::new(),
            Some(phase) => format!("{} ", phase.to_lowercase().replace('_', " ")),
        };
        let mut parts = vec![format!("{number}{phase}{}", call["modelId"].as_str().unwrap_or("model"))];
        let usage = &call["usage"];
        if let (Some(input), Some(output)) = (usage["inputTokens"].as_u64(), usage["outputTokens"].as_u64()) {
            parts.push(tokens(input, output));
        }
        parts.extend(call["totalTimeMs"].as_u64().map(seconds));
        parts.extend(call["costUsd"].as_f64().filter(|cost| *cost > 0.0).map(dollars));
        if call["error"].is_object() {
            parts.push("failed".to_owned());
        }
        if call["outcome"]["status"] == "UNKNOWN" {
            parts.push("no answer recorded".to_owned());
        }
        self.said(Label::Model, who, &parts.join(", "))
    }

    /// A call without a recorded result; others are told by the trace.
    fn lost(&mut self, call: &Value, who: Option<&str>, title: &str, known: &str) -> String {
        if call["outcome"]["status"] != "UNKNOWN" {
            return String::new();
        }
        self.said(Label::Failed, who, &format!("{title}: no result recorded; {known}"))
    }

    fn ended(&mut self, end: &Value) -> String {
        if let Some(text) = end["answer"]["text"].as_str() {
            let before = if self.last == Last::Step { "\n" } else { "" };
            self.last = Last::Answer { line_ended: text.ends_with('\n') };
            return format!("{before}{}", clean(text));
        }
        if let Some(payload) = end.get("returnControl") {
            let calls: Vec<String> = control::requests(payload).iter().map(Request::title).collect();
            return calls.iter().map(|call| self.step(Label::Asks, call)).collect();
        }
        let error = &end["error"];
        let (code, message) =
            (error["code"].as_str().unwrap_or("error"), error["message"].as_str().unwrap_or_default());
        self.step(Label::Failed, &format!("{code}: {message}"))
    }
}
