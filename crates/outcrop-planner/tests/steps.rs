//! The measurement of steps, run small so that it cannot rot; and why a step costs what it costs.

#[path = "../examples/steps.rs"]
#[expect(dead_code, reason = "its own command line is not run here")]
mod steps;

use std::sync::Arc;

#[test]
fn runs() {
    let rows = steps::measure(&[1, 50], 2).unwrap();
    assert_eq!(rows.iter().map(|row| (row.turns, row.messages)).collect::<Vec<_>>(), [(1, 21), (50, 217)]);
}

/// However long the session is, a step copies nothing of it: requests hold the history's own messages.
#[test]
fn requests_share_the_history() {
    let history = steps::history(20);
    let (_, _, request) = steps::take_turn(&steps::agent().unwrap(), history.clone()).unwrap();
    let shared = history.iter().zip(&request.messages).filter(|(own, sent)| Arc::ptr_eq(own, sent)).count();
    assert_eq!(shared, history.len());
}
