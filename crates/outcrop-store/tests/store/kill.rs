//! What was acknowledged is there after kill -9.

use crate::{Place, at, open};
use outcrop_store::BeginTurn;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use tokio::task::JoinSet;

const WRITERS: i64 = 8;
const ACKNOWLEDGED: usize = 400;

#[test]
fn acknowledged_events_survive_the_process() {
    let place = crate::place();
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::child_that_writes_until_killed", "--exact", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{}", place.told()).unwrap();

        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut last = BTreeMap::<(i64, u32), u32>::new();
        let mut seen = 0;
        let mut note = |line: String| -> usize {
            // The test harness of the child may put its own words before the first one.
            let Some((_, rest)) = line.split_once("ack ") else { return 0 };
            let Some(rest) = rest.strip_suffix('.') else { return 0 };
            let numbers: Vec<i64> = rest.split(' ').map(|n| n.parse().unwrap()).collect();
            let (turn, seq) = (u32::try_from(numbers[1]).unwrap(), u32::try_from(numbers[2]).unwrap());
            let highest = last.entry((numbers[0], turn)).or_default();
            *highest = seq.max(*highest);
            1
        };
        while seen < ACKNOWLEDGED {
            seen += note(lines.next().expect("the child writes until it is killed"));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lines.for_each(|line| {
            note(line);
        });

        crate::block_on(async {
            let store = open(&place);
            for ((session, turn), highest) in last {
                let events = store.turn_events(session, turn).await.unwrap();
                let seqs: Vec<u32> = events.iter().map(|event| event.seq).collect();
                assert_eq!(seqs, (0..u32::try_from(seqs.len()).unwrap()).collect::<Vec<_>>(), "no gaps");
                assert!(seqs.len() > highest as usize, "round {round}: event {highest} of {session}/{turn} is gone");
                assert!(events.iter().all(|event| event.body == body(session, event.seq)));
            }
            let unfinished = store.list_unfinished().await.unwrap();
            assert_eq!(unfinished.len(), usize::try_from(WRITERS).unwrap(), "every writer was in a turn");
            store.close().await;
        });
    }
}

/// Not a test of its own: the process that is killed. Told the database on standard input; without one it ends.
#[test]
#[ignore = "the other half of the test above"]
fn child_that_writes_until_killed() {
    let mut told = String::new();
    std::io::stdin().read_line(&mut told).unwrap();
    if told.trim().is_empty() {
        return;
    }
    crate::block_on(async {
        let store = open(&Place::of(told.trim()));
        let mut writers = JoinSet::new();
        for number in 1..=WRITERS {
            let store = store.clone();
            writers.spawn(async move {
                let begin = BeginTurn {
                    agent_id: "A".into(),
                    alias_id: "L".into(),
                    session_id: number.to_string(),
                    now: at(0),
                    idle_ttl_seconds: 600,
                    resume: None,
                    memory_id: None,
                    first_event: Vec::new(),
                    files: Vec::new(),
                };
                let begun = store.begin_turn(begin).await.unwrap();
                for seq in 1.. {
                    let events = vec![(at(0), body(begun.session, seq))];
                    store.append_events(begun.session, begun.turn, seq, events).await.unwrap();
                    let line = format!("ack {} {} {seq}.\n", begun.session, begun.turn);
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        writers.join_all().await;
    });
}

/// Sizes vary so that some bodies need pages of their own.
fn body(session: i64, seq: u32) -> Vec<u8> {
    let size = if seq == 0 { 0 } else { (seq as usize * 37) % 6_000 };
    vec![u8::try_from((session + i64::from(seq)) % 251).unwrap(); size]
}
