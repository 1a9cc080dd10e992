//! Who gets a session when.

use super::*;
use tokio::task::JoinSet;

fn name() -> SessionName {
    ("a".into(), "b".into(), "c".into())
}

const NOW: SessionSettings = SessionSettings {
    policy: SessionPolicy::Refuse,
    wait: Duration::ZERO,
    queue_length_max: 1,
    queue_timeout: Duration::from_secs(60),
};

async fn enter(sessions: &Sessions, policy: SessionPolicy) -> Result<SessionGuard, Busy> {
    sessions.enter(name(), policy, NOW, None).await
}

/// Another request, which has asked and waits when this returns.
async fn waiting(
    sessions: &Sessions,
    policy: SessionPolicy,
) -> impl Future<Output = Result<SessionGuard, Busy>> + use<> {
    let before = sessions.with(|places| places[&name()].waiting);
    let (sessions, seen) = (sessions.clone(), sessions.clone());
    let mut task = JoinSet::new();
    task.spawn(async move { enter(&sessions, policy).await });
    while seen.with(|places| places[&name()].waiting) == before {
        tokio::task::yield_now().await;
    }
    async move { task.join_next().await.expect("was begun").expect("does not panic") }
}

#[tokio::test]
async fn one_at_a_time_and_nothing_is_left() {
    let sessions = Sessions::default();
    let first = enter(&sessions, SessionPolicy::Refuse).await.expect("is free");
    assert_eq!(enter(&sessions, SessionPolicy::Refuse).await.err(), Some(Busy::Refused));
    let second = waiting(&sessions, SessionPolicy::Queue).await;
    assert_eq!(enter(&sessions, SessionPolicy::Queue).await.err(), Some(Busy::QueueFull));
    let ended = first.running().clone();
    drop(first);
    assert!(!ended.end().await);
    drop(second.await.expect("its turn came"));
    assert_eq!(sessions.with(|places| places.len()), 0);
}

#[tokio::test]
async fn the_newest_interrupts_all_that_came_before() {
    let sessions = Sessions::default();
    let first = enter(&sessions, SessionPolicy::Refuse).await.expect("is free");
    let queued = waiting(&sessions, SessionPolicy::Queue).await;
    assert!(!first.running().token().is_cancelled());
    let newest = waiting(&sessions, SessionPolicy::Interrupt).await;
    assert!(first.running().token().is_cancelled());
    assert_eq!(first.running().cancelled_by(), CancelledBy::NextTurn);
    drop(first);
    assert_eq!(queued.await.err(), Some(Busy::Interrupted));
    let newest = newest.await.expect("its turn came");
    assert!(!newest.running().token().is_cancelled());
    drop(newest);
    assert_eq!(sessions.with(|places| places.len()), 0);
}

#[tokio::test]
async fn a_turn_below_is_called_off_with_the_one_above() {
    let sessions = Sessions::default();
    let above = CancellationToken::new();
    let below = sessions.enter(name(), SessionPolicy::Queue, NOW, Some(&above)).await.expect("is free");
    assert_eq!(sessions.running("c", Some("a"), None).len(), 1);
    assert_eq!(sessions.running("c", Some("other"), None).len(), 0);
    above.cancel();
    assert!(below.running().token().is_cancelled());
    assert_eq!(below.running().cancelled_by(), CancelledBy::Supervisor);
}
