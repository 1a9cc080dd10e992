//! Where prompt caches end, for providers that want to be told: at what stays the same from one step to the next.

use crate::families::CacheRule;
use outcrop_ports::{CachePlace, CachePoint, Caching, ContentBlock, ModelRequest, Role};

/// Most points of one request, everywhere.
const POINTS_MAX: usize = 4;

/// The points of a request, in the order of the prompt: tools, system prompt, conversation.
///
/// Ours stand after the tools and after the system prompt, which change with the agent and the session only, after the
/// last message, where the next step goes on, and after the user's message before that, where this step finds what the last
/// one left: providers look back for it over a few blocks only, and tools side by side make many.
pub(crate) fn points(request: &ModelRequest, rule: CacheRule) -> Vec<CachePoint> {
    let mut points = match (&request.caching, rule) {
        (_, CacheRule::None) => return Vec::new(),
        (Caching::Given(points), _) => points.clone(),
        (Caching::Automatic, _) => ours(request).map(|after| CachePoint { after, for_an_hour: false }).collect(),
    };
    points.retain(|point| match point.after {
        CachePlace::Tools(count) => rule == CacheRule::Everywhere && (1..=request.tools.len()).contains(&count),
        CachePlace::System(count) => (1..=request.system.len()).contains(&count),
        CachePlace::Message { index, blocks } => {
            request.messages.get(index).is_some_and(|message| (1..=message.content.len()).contains(&blocks))
        }
    });
    points.sort_by_key(|point| point.after);
    points.dedup_by_key(|point| point.after);
    // The later ones keep the most.
    points.split_off(points.len().saturating_sub(POINTS_MAX))
}

fn ours(request: &ModelRequest) -> impl Iterator<Item = CachePlace> {
    let tools = (!request.tools.is_empty()).then_some(CachePlace::Tools(request.tools.len()));
    let system = (!request.system.is_empty()).then_some(CachePlace::System(request.system.len()));
    let turns = request.messages.iter().enumerate().rev();
    // No point stands on thinking: providers refuse it there.
    let ends = turns.filter(|(_, message)| message.role == Role::User).filter_map(|(index, message)| {
        let last = message.content.iter().rposition(|block| !matches!(block, ContentBlock::ReasoningContent(_)))?;
        Some(CachePlace::Message { index, blocks: last + 1 })
    });
    tools.into_iter().chain(system).chain(ends.take(2).collect::<Vec<_>>())
}

/// Whether a point stands there.
pub(crate) fn at(points: &[CachePoint], place: CachePlace) -> Option<CachePoint> {
    points.iter().find(|point| point.after == place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_ports::{InferenceConfig, Message, ToolChoice, ToolSpec};
    use serde_json::json;
    use std::sync::Arc;

    fn request(tools: usize, system: usize, messages: usize) -> ModelRequest {
        let tool = |_| ToolSpec { name: "t".into(), description: String::new(), input_schema: json!({}) };
        let said = |index: usize| match index % 2 {
            0 => Message::user("a"),
            _ => Message::assistant("b"),
        };
        ModelRequest {
            model_id: "m".into(),
            system: vec!["s".into(); system],
            messages: (0..messages).map(said).map(Arc::new).collect(),
            tools: (0..tools).map(tool).collect(),
            tool_choice: ToolChoice::Auto,
            inference: InferenceConfig::default(),
            additional_fields: None,
            caching: Caching::Automatic,
        }
    }

    #[track_caller]
    fn check(request: &ModelRequest, rule: CacheRule, expected: &[CachePlace]) {
        let places: Vec<CachePlace> = points(request, rule).iter().map(|point| point.after).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn what_stays_is_kept() {
        use CachePlace::{System, Tools};
        let message = |index| CachePlace::Message { index, blocks: 1 };
        check(&request(2, 1, 1), CacheRule::Everywhere, &[Tools(2), System(1), message(0)]);
        check(&request(2, 3, 5), CacheRule::Everywhere, &[Tools(2), System(3), message(2), message(4)]);
        check(&request(2, 3, 5), CacheRule::NoTools, &[System(3), message(2), message(4)]);
        check(&request(2, 3, 5), CacheRule::None, &[]);
        check(&request(0, 0, 3), CacheRule::Everywhere, &[message(0), message(2)]);
    }

    #[test]
    fn points_of_the_caller_are_taken_where_they_can_be() {
        let point = |after| CachePoint { after, for_an_hour: true };
        let given = [
            CachePlace::Message { index: 0, blocks: 1 },
            CachePlace::System(1),
            CachePlace::System(9),
            CachePlace::Tools(1),
            CachePlace::System(1),
            CachePlace::Message { index: 7, blocks: 1 },
        ];
        let caching = Caching::Given(given.map(point).to_vec());
        let request = ModelRequest { caching, ..request(2, 1, 1) };
        let kept = [CachePlace::Tools(1), CachePlace::System(1), CachePlace::Message { index: 0, blocks: 1 }];
        check(&request, CacheRule::Everywhere, &kept);
        check(&ModelRequest { caching: Caching::Given(Vec::new()), ..request }, CacheRule::Everywhere, &[]);
    }
}
