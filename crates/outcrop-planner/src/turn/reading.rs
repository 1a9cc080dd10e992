//! The tool that reads on in large results: when it is on offer, and what the model wants of it.

use super::calls::{Pending, Work};
use super::{Turn, results};
use outcrop_ports::{Action, ContentBlock, Parameter, ToolCall, ToolUse};

/// Group under which traces show what is done here; no group of an agent's can be taken for it, since its name is no
/// part of a tool's.
const BUILT_IN_GROUP: &str = "outcrop";

impl Turn {
    /// Whether a tool is the one that reads on in large results. It is also understood where it is not on offer, as
    /// long as no tool of the agent's is meant: the model may have its name from earlier.
    pub(super) fn is_reading(&self, name: &str) -> bool {
        name == results::READ_TOOL && (self.offers_reading || self.agent.tool(name).is_none())
    }

    /// A read as work. The trace shows it like the call of a function of ours.
    pub(super) fn read_of(&self, tool_use: &ToolUse) -> Pending {
        let bytes_max = self.limits.excerpt_bytes().unwrap_or(self.limits.tool_result_bytes_max);
        let mut read = match results::asked(tool_use, bytes_max) {
            Ok(read) => read,
            Err(problem) => return Pending::refused(&tool_use.tool_use_id, problem),
        };
        read.turn = self.kept.get(&read.reference).and_then(|kept| kept.turn);
        let parameter =
            |name: &str, kind: &str, value: String| Parameter { name: name.into(), r#type: kind.into(), value };
        let mut parameters = vec![parameter("reference", "string", read.reference.clone())];
        if let Some(search) = &read.search {
            parameters.push(parameter("search", "string", search.clone()));
        }
        parameters.push(parameter("offset", "integer", read.offset.to_string()));
        parameters.push(parameter("length", "integer", read.length.to_string()));
        let call = ToolCall {
            tool_use_id: tool_use.tool_use_id.clone(),
            function_arn: "".into(),
            action_group: BUILT_IN_GROUP.into(),
            action: Action::Function(results::READ_TOOL.into()),
            parameters,
            request_body: None,
        };
        Pending { reads: Some(read), ..Pending::new(tool_use.tool_use_id.clone(), Work::Function(call)) }
    }

    /// Keeps a large result's reference; gives its excerpt when it is too large to be shown whole.
    pub(super) fn excerpt(&mut self, text: &str, bytes_max: usize) -> Option<String> {
        if let Some(kept) = results::kept(text) {
            // Known from an earlier turn: that journal has it, too.
            self.kept.entry(kept.reference.clone()).or_insert(kept);
        }
        let excerpt = results::excerpt(text, bytes_max)?;
        if results::reference_in(&excerpt).is_some() {
            self.offer_reading();
        }
        Some(excerpt)
    }

    /// Offers the tool that reads on, when a reference is to be seen.
    pub(super) fn look_for_references(&mut self) {
        if self.offers_reading {
            return;
        }
        let shown = self.view.before(self.first_new).iter().flat_map(|message| &message.content);
        let new = self.view.from(self.first_new).iter().flat_map(|message| &message.content);
        let mut texts = shown.chain(new).filter_map(|block| match block {
            ContentBlock::ToolResult(result) => Some(result.content.iter()),
            _ => None,
        });
        let is_known = texts.any(|mut texts| {
            texts.any(|content| {
                results::reference_in(&content.words()).is_some_and(|reference| self.kept.contains_key(reference))
            })
        });
        if is_known {
            self.offer_reading();
        }
    }

    pub(super) fn offer_reading(&mut self) {
        if !self.offers_reading {
            self.offers_reading = true;
            self.specs = self.agent.specs.iter().cloned().chain([results::spec()]).collect();
        }
    }
}
