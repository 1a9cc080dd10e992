//! Who it is, where the instruction wants to know that first: found by what the user says, or asked for.

use super::{Next, Plan};
use crate::offline::answer::joined;
use crate::offline::facts::Facts;
use crate::offline::fill::{Filled, QUESTION, Scope, fill};
use crate::offline::talk::{Call, Exchange};
use crate::offline::tool::Tool;

impl Plan<'_> {
    /// What is to be done before anything else; `None` when it is known who the user is, or nobody wants to know.
    pub(super) fn identify(&self, all: &[Exchange]) -> Option<Next> {
        let tools = self.rules.identifying(self.tools);
        let last = all.last()?;
        if tools.is_empty() || last.calls.is_empty() && self.small_talk(&last.user).is_some() && all.len() == 1 {
            return None;
        }
        let is_one = |call: &&Call| tools.iter().any(|&index| self.tools[index].name == call.name);
        let tried: Vec<&Call> = all.iter().flat_map(|exchange| &exchange.calls).filter(is_one).collect();
        let worked = |call: &&&Call| call.outcome.as_ref().is_none_or(|outcome| !outcome.failed);
        if tried.iter().any(|call| worked(&call)) {
            return None;
        }
        // The latest words first, since whoever corrects a name means the later one; all together last, for who tells
        // one thing after the other.
        let latest: Vec<String> = all.iter().rev().map(|exchange| exchange.user.clone()).collect();
        let together = latest.join("\n");
        let ready = latest.iter().chain(std::iter::once(&together)).find_map(|said| {
            tools.iter().find_map(|&index| {
                let filled = self.person(&self.tools[index], said);
                let complete = filled.missing.is_empty() && filled.origins.iter().all(|origin| origin.from == QUESTION);
                let is_new =
                    tried.iter().all(|call| call.name != self.tools[index].name || call.input != filled.arguments);
                (complete && is_new).then_some((index, filled))
            })
        });
        if let Some((index, filled)) = ready {
            let tool = &self.tools[index];
            let rationale = format!("I use {} because it has to be known first who the user is.", tool.short);
            return Some(Next::Calls { rationale, calls: vec![(tool.name.clone(), filled.arguments)] });
        }
        let ways: Vec<String> = tools.iter().map(|&index| needs(&self.tools[index])).collect();
        let opening = if tried.is_empty() {
            "Before I can help, I have to know who you are."
        } else {
            "I could not find you by that."
        };
        let question = format!("{opening} What is your {}?", joined(&ways, "or else your"));
        Some(Next::Ask { question, why: "The instruction wants to know first who the user is.".to_owned() })
    }

    fn person(&self, tool: &Tool, said: &str) -> Filled {
        let facts = Facts::default();
        fill(tool, Scope { clause: said, request: said, answer: "", correction: "", facts: &facts, agreed: false })
    }
}

fn needs(tool: &Tool) -> String {
    let labels: Vec<String> = tool.required().map(|parameter| parameter.label.clone()).collect();
    joined(&labels, "and")
}
