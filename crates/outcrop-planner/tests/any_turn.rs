//! Any turn: random agents, models that say anything, tools and callers that do anything, limits and cancels at any time.
//!
//! What must hold whatever happens:
//! - every model request is a sound conversation: sides take turns, every tool use has exactly one result;
//! - every turn comes to an end within its bounds, and after the end nothing is shown and nothing changes;
//! - the journal, written and read back, leads to the same steps and output again;
//! - what a turn leaves in the history is a sound conversation, so that the next turn can be taken.
//!
//! On failure proptest prints the smallest case it finds, and the line with its seed for `any_turn.proptest-regressions`.

#![expect(clippy::unwrap_used, reason = "in a test, what is not there is a failure")]

#[path = "any_turn/case.rs"]
mod case;
#[path = "any_turn/play.rs"]
mod play;

use case::Case;
use outcrop_planner::turn::Earlier;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        max_shrink_iters: 4_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/any_turn.proptest-regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn is_sound_ends_and_replays(case in case::any_case()) {
        check(&case);
    }
}

/// What is never reached is never checked.
#[test]
fn every_kind_of_step_is_reached() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..120 {
        reached.extend(check(&case::any_case().new_tree(&mut runner).unwrap().current()));
    }
    let all = [
        "CallModel",
        "CallParser",
        "CallTools",
        "Fail Cancelled",
        "Fail Dependency",
        "Fail Invalid",
        "Fail Throttled",
        "Finish",
        "ReturnControl",
        "Summarize",
        "Wait",
    ];
    let never: Vec<_> = all.into_iter().filter(|step| !reached.contains(*step)).collect();
    assert!(never.is_empty(), "never reached: {never:?}; reached: {reached:?}");
    assert!(!reached.contains("Fail Internal"), "a fault of ours");
}

/// Takes the turns of a case one after the other in one session; gives the kinds of steps that it came to.
fn check(case: &Case) -> BTreeSet<String> {
    let agent = case.agent.prepare();
    let mut history = Earlier::default();
    let mut reached = BTreeSet::new();
    for (number, turn) in case.turns.iter().enumerate() {
        let (messages, left, steps) = play::take_turn(&agent, history.clone(), number, turn);
        history.push(u32::try_from(number).unwrap() + 1, messages, left);
        reached.extend(steps);
    }
    reached
}
