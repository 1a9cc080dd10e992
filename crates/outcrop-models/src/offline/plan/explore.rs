//! Looking around before asking: when something is to be changed and it is not said which record is meant, the records
//! that results name are read, as far as what is to be changed speaks of them.

use super::{Next, Plan, Unit};
use crate::offline::talk::Call;
use crate::offline::tool::{Parameter, Tool};
use crate::offline::words::{is_generic, same, stem};
use serde_json::{Map, Value};

/// Most records that are read at once.
const READS_MAX: usize = 12;

impl Plan<'_> {
    /// The next reads, if there are any.
    pub(super) fn explore(&self, open: &[&Unit<'_>], calls: &[&Call], said: &str) -> Option<Next> {
        for unit in open {
            let tool = &self.tools[unit.step.tool];
            let missing = unit.step.filled.missing.iter().filter_map(|&index| tool.parameters.get(index));
            let lacking: Vec<&Parameter> = missing.filter(|parameter| is_record(parameter)).collect();
            if lacking.is_empty() {
                continue;
            }
            let reads: Vec<(usize, Map<String, Value>)> = (0..self.tools.len())
                .flat_map(|index| self.reads(index, tool, &lacking, calls, said))
                .take(READS_MAX)
                .collect();
            if let Some((first, _)) = reads.first() {
                let rationale =
                    format!("I use {} because I have to see what {} is about.", self.tools[*first].short, tool.short);
                let calls = reads.into_iter().map(|(index, input)| (self.tools[index].name.clone(), input)).collect();
                return Some(Next::Calls { rationale, calls });
            }
        }
        None
    }

    /// The calls of one tool that would tell more of what another one is about.
    fn reads(
        &self,
        index: usize,
        about: &Tool,
        lacking: &[&Parameter],
        calls: &[&Call],
        said: &str,
    ) -> Vec<(usize, Map<String, Value>)> {
        let tool = &self.tools[index];
        let mut required = tool.required().peekable();
        if required.peek().is_none() {
            // A list of all there is tells the ID of what is spoken of.
            let is_new = !calls.iter().any(|call| call.name == tool.name);
            let lists = tool.parameters.is_empty() && !tool.is_guarded() && !tool.asks_user;
            let wanted = lacking.iter().any(|lacking| tells(tool, lacking));
            return if lists && is_new && wanted { vec![(index, Map::new())] } else { Vec::new() };
        }
        let (Some(parameter), None) = (required.next(), required.next()) else { return Vec::new() };
        if tool.is_guarded() || tool.asks_user || !is_record(parameter) || !speaks_of(about, tool) {
            return Vec::new();
        }
        let mut values = self.facts.listed(parameter);
        if values.is_empty() {
            values = self.facts.mentioned(parameter, said);
        }
        if values.is_empty()
            && let Some((value, _)) = self.facts.found(parameter)
        {
            values.push(value);
        }
        let inputs = values.into_iter().map(|value| Map::from_iter([(parameter.name.clone(), value)]));
        let is_new =
            |input: &Map<String, Value>| !calls.iter().any(|call| call.name == tool.name && call.input == *input);
        inputs.filter(is_new).map(|input| (index, input)).collect()
    }
}

/// Whether a parameter names one record or several.
fn is_record(parameter: &Parameter) -> bool {
    parameter.is_id() || parameter.named(&["ids"])
}

/// Whether a tool is named after the thing whose ID is lacking.
fn tells(tool: &Tool, lacking: &Parameter) -> bool {
    let thing = lacking.stems.iter().filter(|own| !matches!(own.as_str(), "id" | "new"));
    thing.into_iter().any(|thing| tool.name_stems.iter().any(|own| same(own, thing)))
}

/// Whether what a tool says of itself speaks of what another one reads.
fn speaks_of(about: &Tool, read: &Tool) -> bool {
    let vague = |own: &str| {
        own != "user" && is_generic(own) || ["id", "list", "all", "by"].iter().any(|word| stem(word) == own)
    };
    let mut things = read.name_stems.iter().filter(|own| !vague(own));
    things.any(|thing| about.weights.keys().any(|known| same(known, thing)))
}
