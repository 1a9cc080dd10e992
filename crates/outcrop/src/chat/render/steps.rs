//! Trace parts: one line or a few for each step of the agent.

use super::lines::{Label, shorten};
use super::{Detail, Renderer, place_of, seconds, tokens};
use crate::chat::control::{arguments, body_arguments};
use serde_json::Value;

/// Passages of a knowledge base that are shown.
const PASSAGES_MAX: usize = 3;
/// Models whose answer is awaited. One call at a time is usual; collaborators may add a few.
const MODELS_MAX: usize = 256;

impl Renderer {
    pub(super) fn trace(&mut self, part: &Value) -> String {
        let who = part["collaboratorName"].as_str();
        let Some((kind, trace)) = part["trace"].as_object().and_then(|trace| trace.iter().next()) else {
            return String::new();
        };
        match kind.as_str() {
            "orchestrationTrace" => self.orchestration(trace, who, ""),
            "preProcessingTrace" => self.orchestration(trace, who, "pre-processing "),
            "postProcessingTrace" => self.orchestration(trace, who, "post-processing "),
            "routingClassifierTrace" => self.orchestration(trace, who, "routing "),
            "guardrailTrace" => self.guardrail(trace, who),
            "failureTrace" => {
                let reason = trace["failureReason"].as_str().unwrap_or("no reason given");
                let code = trace["failureCode"].as_u64().map_or(String::new(), |code| format!(" ({code})"));
                self.said(Label::Failed, who, &format!("{reason}{code}"))
            }
            "customOrchestrationTrace" => {
                self.said(Label::Step, who, trace["event"]["text"].as_str().unwrap_or_default())
            }
            _ => String::new(),
        }
    }

    fn orchestration(&mut self, trace: &Value, who: Option<&str>, phase: &str) -> String {
        let Some((kind, step)) = trace.as_object().and_then(|trace| trace.iter().next()) else {
            return String::new();
        };
        match kind.as_str() {
            "modelInvocationInput" => self.model_asked(step),
            "modelInvocationOutput" => self.model_answered(step, who, phase),
            "rationale" => self.thought(who, step["text"].as_str().unwrap_or_default()),
            "invocationInput" => self.invocation(step, who),
            "observation" => self.observation(step, who),
            _ => String::new(),
        }
    }

    fn model_asked(&mut self, step: &Value) -> String {
        if let (Some(id), Some(model)) = (step["traceId"].as_str(), step["foundationModel"].as_str())
            && self.models.len() < MODELS_MAX
        {
            self.models.insert(id.to_owned(), model.to_owned());
        }
        String::new()
    }

    fn model_answered(&mut self, step: &Value, who: Option<&str>, phase: &str) -> String {
        let model = step["traceId"].as_str().and_then(|id| self.models.remove(id));
        let usage = &step["metadata"]["usage"];
        let (input, output) = (usage["inputTokens"].as_u64(), usage["outputTokens"].as_u64());
        let mut parts = vec![format!("{phase}{}", model.as_deref().unwrap_or("model"))];
        if input.is_some() || output.is_some() {
            parts.push(tokens(input.unwrap_or(0), output.unwrap_or(0)));
        }
        parts.extend(step["metadata"]["totalTimeMs"].as_u64().map(seconds));
        self.totals.model_calls += 1;
        self.totals.input_tokens = self.totals.input_tokens.saturating_add(input.unwrap_or(0));
        self.totals.output_tokens = self.totals.output_tokens.saturating_add(output.unwrap_or(0));
        // Afterwards the journal tells it, with more.
        let mut out = match self.detail {
            Detail::Lines => self.said(Label::Model, who, &parts.join(", ")),
            Detail::Short | Detail::Full => String::new(),
        };
        let reasoning = step["reasoningContent"]["reasoningText"]["text"].as_str();
        let parsed = &step["parsedResponse"];
        for text in [reasoning, parsed["rationale"].as_str()].into_iter().flatten() {
            out.push_str(&self.thought(who, text));
        }
        if parsed["isValid"] == Value::Bool(false) {
            out.push_str(&self.said(Label::Failed, who, "pre-processing refused the input"));
        }
        out
    }

    fn invocation(&mut self, step: &Value, who: Option<&str>) -> String {
        let returns = step["actionGroupInvocationInput"]["executionType"] == "RETURN_CONTROL";
        if returns {
            // The event that returns control tells it.
            return String::new();
        }
        let (label, text) = if let Some(call) = step.get("actionGroupInvocationInput") {
            (Label::Tool, action_title(call))
        } else if let Some(lookup) = step.get("knowledgeBaseLookupInput") {
            let id = lookup["knowledgeBaseId"].as_str().unwrap_or_default();
            (Label::Search, format!("{id}: {}", lookup["text"].as_str().unwrap_or_default()))
        } else if let Some(call) = step.get("agentCollaboratorInvocationInput") {
            let name = call["agentCollaboratorName"].as_str().unwrap_or_default();
            (Label::Tool, format!("{name}: {}", call["input"]["text"].as_str().unwrap_or("results of its request")))
        } else if let Some(call) = step.get("codeInterpreterInvocationInput") {
            (Label::Code, call["code"].as_str().unwrap_or_default().to_owned())
        } else {
            return String::new();
        };
        self.said(label, who, &text)
    }

    fn observation(&mut self, step: &Value, who: Option<&str>) -> String {
        if let Some(output) = step.get("finalResponse") {
            // The answer itself arrives as chunks; a collaborator's answer is told by its supervisor's observation.
            if who.is_none() {
                self.totals.millis = output["metadata"]["operationTotalTimeMs"].as_u64();
            }
            return String::new();
        }
        let mut label = Label::Result;
        let (output, text) = if let Some(output) = step.get("actionGroupInvocationOutput") {
            (output, output["text"].as_str().unwrap_or_default().to_owned())
        } else if let Some(output) = step.get("knowledgeBaseLookupOutput") {
            (output, passages(output))
        } else if let Some(output) = step.get("agentCollaboratorInvocationOutput") {
            let name = output["agentCollaboratorName"].as_str().unwrap_or_default();
            (output, format!("{name}: {}", output["output"]["text"].as_str().unwrap_or("asks for a result")))
        } else if let Some(output) = step.get("codeInterpreterInvocationOutput") {
            if output["executionError"].is_string() || output["executionTimeout"] == Value::Bool(true) {
                label = Label::Failed;
            }
            let texts = [output["executionOutput"].as_str(), output["executionError"].as_str()];
            (output, texts.into_iter().flatten().collect::<Vec<_>>().join("\n"))
        } else if let Some(output) = step.get("repromptResponse") {
            label = Label::Retry;
            (output, output["text"].as_str().unwrap_or_default().to_owned())
        } else {
            return String::new();
        };
        let time =
            output["metadata"]["totalTimeMs"].as_u64().map_or(String::new(), |ms| format!("  [{}]", seconds(ms)));
        self.said(label, who, &format!("{}{time}", text.trim()))
    }

    fn guardrail(&mut self, trace: &Value, who: Option<&str>) -> String {
        if trace["action"].as_str().is_none_or(|action| action == "NONE") {
            return String::new();
        }
        let mut out = String::new();
        for (side, key) in [("input", "inputAssessments"), ("output", "outputAssessments")] {
            let mut found = Vec::new();
            for assessment in trace[key].as_array().into_iter().flatten() {
                interventions(assessment, &mut found);
            }
            if !found.is_empty() {
                out.push_str(&self.said(Label::Guard, who, &format!("{side}: {}", found.join(", "))));
            }
        }
        if out.is_empty() { self.said(Label::Guard, who, "intervened") } else { out }
    }

    /// A thought, unless it was just told as the model's reasoning or there is none.
    fn thought(&mut self, who: Option<&str>, text: &str) -> String {
        let text = text.trim();
        if text.is_empty() || text == self.thought {
            return String::new();
        }
        text.clone_into(&mut self.thought);
        self.said(Label::Thinks, who, text)
    }

    pub(super) fn said(&mut self, label: Label, who: Option<&str>, text: &str) -> String {
        match who {
            Some(name) => self.step(label, &format!("[{name}] {text}")),
            None => self.step(label, text),
        }
    }
}

/// `Orders.get_status(order_id="A-482")` or `Orders GET /orders/{id}(id="A-482")`.
pub(super) fn action_title(call: &Value) -> String {
    let group = call["actionGroupName"].as_str().unwrap_or_default();
    let name = match (call["function"].as_str(), call["verb"].as_str(), call["apiPath"].as_str()) {
        (Some(function), ..) => format!(".{function}"),
        (None, verb, Some(path)) => format!(" {} {path}", verb.unwrap_or_default().to_uppercase()),
        _ => String::new(),
    };
    let all: Vec<String> =
        arguments(&call["parameters"]).into_iter().chain(body_arguments(&call["requestBody"])).collect();
    format!("{group}{name}({})", all.join(", "))
}

fn passages(output: &Value) -> String {
    let references = output["retrievedReferences"].as_array().map_or(&[][..], Vec::as_slice);
    let plural = if references.len() == 1 { "" } else { "s" };
    let mut lines = vec![format!("{} passage{plural}", references.len())];
    for reference in references.iter().take(PASSAGES_MAX) {
        let text = reference["content"]["text"].as_str().unwrap_or_default();
        lines.push(format!("- {}: {}", place_of(reference), shorten(text, 100)));
    }
    lines.join("\n")
}

/// The names of what a guardrail acted on, wherever they are within an assessment.
fn interventions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let acted = object.get("action").and_then(Value::as_str).is_some_and(|action| action != "NONE");
            let name = ["name", "type", "match"].iter().find_map(|key| object.get(*key)?.as_str());
            if let (true, Some(name)) = (acted, name) {
                found.push(name.to_owned());
            }
            object.values().for_each(|inner| interventions(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| interventions(inner, found)),
        _ => {}
    }
}
