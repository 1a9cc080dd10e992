//! Processes that share a database, simulated: each step of a schedule is chosen by a seed, time is a number, and every
//! failure that processes have is a choice like any other: a crash forgets, a pause goes on with what it believed, a
//! partition keeps writes back and lets them arrive late, a client sends its request twice. The store is the real one.
//!
//! A process here does what the driver of turns does, in small: it begins or takes over a turn, writes the intent to make
//! a call, makes it, writes its result, and ends the turn. What has to hold is checked on what the receiver of calls saw
//! and on the journal. A failing schedule is run again, and told step by step, by its seed:
//! `SIMULATION_SEED=17 cargo nextest run -p outcrop-store simulated --no-capture`.

use crate::at;
use outcrop_store::{
    BeginError, BeginTurn, Entered, FinishTurn, KnownState, RequestHashes, Store, StoreError, TurnOutcome, TurnRef,
};
use std::collections::BTreeMap;
use std::io::Write;

/// Steps of one schedule, before everything is healed.
const STEPS: u32 = 60;
const PROCESSES: usize = 3;
/// Calls of a turn.
const CALLS: u32 = 3;
/// Seconds of a lease; a call is begun only with more than the margin left.
const LEASE: i64 = 15;
const MARGIN: i64 = 5;

/// xorshift: the same everywhere, and good enough to choose by.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What a process believes of the turn that it works on.
#[derive(Clone, Debug)]
struct Holds {
    turn: TurnRef,
    next_seq: u32,
    /// Calls with a result, or of unknown outcome.
    done: u32,
    /// The next call's intent is written; it may have been made.
    intends: bool,
    made: bool,
}

/// A write that has not arrived yet.
#[derive(Clone, Debug)]
struct Late {
    turn: TurnRef,
    seq: u32,
    body: String,
}

#[derive(Debug)]
struct Process {
    name: String,
    /// Until when it may act, as it knows; a process that cannot reach the store does not renew.
    lease_until: i64,
    is_cut_off: bool,
    holds: Option<Holds>,
    late: Vec<Late>,
    lives: u32,
}

struct World<'a> {
    store: &'a Store,
    chance: Chance,
    session_id: String,
    session: Option<i64>,
    now: i64,
    processes: Vec<Process>,
    /// How often the receiver saw each call.
    seen: BTreeMap<u32, u32>,
    /// Events that were acknowledged, by number.
    acknowledged: BTreeMap<u32, String>,
    tells: bool,
}

impl World<'_> {
    fn note(&self, line: impl FnOnce() -> String) {
        if self.tells {
            std::io::stdout().write_all(format!("{:>4} s {}\n", self.now, line()).as_bytes()).unwrap();
        }
    }

    fn begin(&self, process: usize) -> BeginTurn {
        BeginTurn {
            agent_id: "A".into(),
            alias_id: "L".into(),
            session_id: self.session_id.clone(),
            now: at(self.now),
            idle_ttl_seconds: 1_000_000,
            first_event: b"started".to_vec(),
            owner: self.processes[process].name.clone(),
            request: Some(RequestHashes { input: b"input".to_vec(), request: Some(b"attempt".to_vec()) }),
            ..BeginTurn::default()
        }
    }

    /// The client's request arrives, for the first time or again.
    async fn request(&mut self, process: usize) {
        if self.processes[process].is_cut_off || self.processes[process].holds.is_some() {
            return;
        }
        let entered = self.store.enter_turn(self.begin(process)).await;
        self.note(|| format!("{process} is asked: {entered:?}"));
        match entered {
            Ok(Entered::Begun(begun)) => {
                assert!(self.session.replace(begun.session).is_none(), "one request, one turn");
                self.acknowledged.insert(0, "started".into());
                let turn = begun.turn_ref();
                self.processes[process].holds = Some(Holds { turn, next_seq: 1, done: 0, intends: false, made: false });
            }
            Ok(Entered::Known(known)) => {
                if let KnownState::Open { .. } = known.state {
                    self.take_up(process, known.turn).await;
                }
            }
            Err(BeginError::Held { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// A process looks for turns that nobody works on.
    async fn look(&mut self, process: usize) {
        if self.processes[process].is_cut_off || self.processes[process].holds.is_some() {
            return;
        }
        let (now, session) = (self.now, self.session.unwrap_or(0));
        let found = self.store.read(move |tx| tx.orphaned_turns(at(now), session - 1, 1)).await.unwrap();
        let own = self.session;
        for orphan in found.into_iter().filter(|orphan| Some(orphan.turn.session) == own) {
            let owner = self.processes[process].name.clone();
            let taken = self.store.take_over(orphan.turn, owner, at(self.now)).await.unwrap();
            self.note(|| format!("{process} finds {:?}: {taken:?}", orphan.turn));
            if let Some(turn) = taken {
                self.take_up(process, turn).await;
            }
        }
    }

    /// Goes on with what the journal says: a call with an intent and no result is not made again.
    async fn take_up(&mut self, process: usize, turn: TurnRef) {
        let rows = self.store.turn_events(turn.session, turn.turn).await.unwrap();
        let bodies: Vec<String> = rows.iter().map(|row| String::from_utf8(row.body.clone()).unwrap()).collect();
        let done = bodies.iter().filter(|body| body.starts_with("result")).count();
        let intends = bodies.last().is_some_and(|body| body.starts_with("intent"));
        let mut holds = Holds {
            turn,
            next_seq: u32::try_from(rows.len()).unwrap(),
            done: u32::try_from(done).unwrap(),
            intends,
            made: false,
        };
        if intends {
            let body = format!("result {done} unknown");
            if self.append(process, &mut holds, body).await {
                holds.done += 1;
                holds.intends = false;
            } else {
                return;
            }
        }
        self.processes[process].holds = Some(holds);
    }

    /// Writes; false when the process has to stop because the turn is not its own.
    async fn append(&mut self, process: usize, holds: &mut Holds, body: String) -> bool {
        let seq = holds.next_seq;
        let written = self.store.append_events(holds.turn, seq, vec![(at(self.now), body.clone().into_bytes())]).await;
        self.note(|| format!("{process} writes {seq} {body:?} as {:?}: {written:?}", holds.turn));
        match written {
            Ok(()) => {
                assert!(self.acknowledged.insert(seq, body).is_none(), "event {seq} was acknowledged twice");
                holds.next_seq += 1;
                true
            }
            Err(StoreError::Fenced) => false,
            // Its own write of before has arrived by another way: it cannot know, and starts anew from the journal.
            Err(StoreError::Conflict(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// The next thing that a process does for its turn.
    async fn act(&mut self, process: usize) {
        let Some(mut holds) = self.processes[process].holds.take() else { return };
        // Whoever cannot reach the store may still reach the receiver.
        if holds.intends && !holds.made {
            // Nothing is begun in the last moment of a lease; a pause right after this look is part of the schedule.
            if self.now + MARGIN > self.processes[process].lease_until {
                self.processes[process].holds = Some(holds);
                return;
            }
            if self.chance.one_in(4) {
                self.now += i64::try_from(self.chance.below(40)).unwrap();
            }
            *self.seen.entry(holds.done).or_default() += 1;
            self.note(|| format!("{process} makes call {}", holds.done));
            holds.made = true;
            self.processes[process].holds = Some(holds);
            return;
        }
        if self.processes[process].is_cut_off {
            if holds.done < CALLS && self.processes[process].late.is_empty() {
                // The write is on its way, and nobody knows when it arrives: the process waits for its answer.
                let what = if holds.intends { "result" } else { "intent" };
                let body = format!("{what} {}", holds.done);
                self.processes[process].late.push(Late { turn: holds.turn, seq: holds.next_seq, body });
            }
            self.processes[process].holds = Some(holds);
            return;
        }
        let (is_kept, is_over) = if holds.intends {
            let body = format!("result {}", holds.done);
            let written = self.append(process, &mut holds, body).await;
            holds.done += 1;
            (holds.intends, holds.made) = (false, false);
            (written, false)
        } else if holds.done < CALLS {
            let body = format!("intent {}", holds.done);
            let written = self.append(process, &mut holds, body).await;
            holds.intends = true;
            (written, false)
        } else {
            let finish = FinishTurn::new(
                holds.turn,
                holds.next_seq,
                vec![(at(self.now), b"end".to_vec())],
                at(self.now),
                TurnOutcome::Finished,
            );
            let written = self.store.finish_turn(finish).await;
            self.note(|| format!("{process} ends as {:?}: {written:?}", holds.turn));
            assert!(matches!(written, Ok(()) | Err(StoreError::Fenced | StoreError::Conflict(_))), "{written:?}");
            if written.is_ok() {
                self.acknowledged.insert(holds.next_seq, "end".into());
            }
            (written.is_ok(), true)
        };
        if is_kept && !is_over {
            self.processes[process].holds = Some(holds);
        }
    }

    async fn renew(&mut self, process: usize) {
        let (now, chosen) = (self.now, &mut self.processes[process]);
        if !chosen.is_cut_off {
            let until = now + LEASE;
            self.store.renew_lease(chosen.name.clone(), at(now), at(until)).await.unwrap();
            self.processes[process].lease_until = until;
        }
    }

    /// Writes that were kept back arrive, whatever has happened meanwhile.
    async fn arrive(&mut self, process: usize) {
        for Late { turn, seq, body } in std::mem::take(&mut self.processes[process].late) {
            let written = self.store.append_events(turn, seq, vec![(at(self.now), body.clone().into_bytes())]).await;
            self.note(|| format!("a late write of {process} arrives: {seq} {body:?} as {turn:?}: {written:?}"));
            if written.is_ok() {
                assert!(self.acknowledged.insert(seq, body).is_none(), "event {seq} was written twice");
            }
            // Its answer does not reach anybody: the process gives the turn up, and whoever takes it reads the journal.
            self.processes[process].holds = None;
        }
    }

    fn crash(&mut self, process: usize) {
        let lives = self.processes[process].lives + 1;
        self.note(|| format!("{process} crashes"));
        // Writes that left before the crash may still arrive.
        let late = std::mem::take(&mut self.processes[process].late);
        self.processes[process] = new_process(&self.session_id, process, lives);
        self.processes[process].late = late;
    }

    async fn step(&mut self) {
        let process = usize::try_from(self.chance.below(PROCESSES as u64)).unwrap();
        match self.chance.below(20) {
            0..=6 => self.act(process).await,
            7..=9 => self.renew(process).await,
            10..=11 => self.request(process).await,
            12 => self.look(process).await,
            13 => self.crash(process),
            14 => self.processes[process].is_cut_off ^= true,
            15 => self.arrive(process).await,
            16 => self.now += i64::try_from(self.chance.below(30)).unwrap(),
            _ => self.now += 1,
        }
    }

    /// Everything works again: the turn has to come to its end.
    async fn heal(&mut self) {
        for process in 0..PROCESSES {
            self.processes[process].is_cut_off = false;
            self.arrive(process).await;
        }
        for _ in 0..200 {
            for process in 0..PROCESSES {
                self.renew(process).await;
                self.request(process).await;
                self.look(process).await;
                self.act(process).await;
            }
            self.now += 1;
            // One that lost its answer believes in nothing; the lease of its own name has to be given up for others.
            if self.processes.iter().all(|one| one.holds.is_none()) {
                let process = usize::try_from(self.chance.below(PROCESSES as u64)).unwrap();
                self.crash(process);
                self.now += LEASE + 1;
            }
            if self.acknowledged.values().any(|body| body == "end") {
                return;
            }
        }
        panic!("the turn did not come to its end");
    }

    async fn check(&self) {
        for (call, times) in &self.seen {
            assert_eq!(*times, 1, "call {call} was made {times} times");
        }
        let session = self.session.expect("it was begun");
        let rows = self.store.turn_events(session, 1).await.unwrap();
        let bodies: Vec<String> = rows.iter().map(|row| String::from_utf8(row.body.clone()).unwrap()).collect();
        let seqs: Vec<u32> = rows.iter().map(|row| row.seq).collect();
        assert_eq!(seqs, (0..u32::try_from(seqs.len()).unwrap()).collect::<Vec<_>>(), "no gaps");
        for (seq, body) in &self.acknowledged {
            assert_eq!(bodies.get(*seq as usize), Some(body), "event {seq} was acknowledged");
        }
        let mut expected = vec!["started".to_owned()];
        for call in 0..CALLS {
            expected.push(format!("intent {call}"));
            expected.push(format!("result {call}"));
        }
        expected.push("end".to_owned());
        let told: Vec<String> = bodies.iter().map(|body| body.trim_end_matches(" unknown").to_owned()).collect();
        assert_eq!(told, expected);
        for (call, body) in bodies.iter().filter(|body| body.starts_with("result")).enumerate() {
            let is_known = !body.ends_with("unknown");
            assert!(!is_known || self.seen.contains_key(&u32::try_from(call).unwrap()), "a result of nothing");
        }
    }
}

fn new_process(session: &str, number: usize, lives: u32) -> Process {
    Process {
        name: format!("{session}-{number}-{lives}"),
        lease_until: 0,
        is_cut_off: false,
        holds: None,
        late: Vec::new(),
        lives,
    }
}

async fn schedule(store: &Store, seed: u64, tells: bool) {
    let session_id = format!("seed-{seed}");
    let mut world = World {
        store,
        // Neighbouring seeds are to differ from their first choice on.
        chance: Chance((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        session: None,
        now: 0,
        processes: (0..PROCESSES).map(|number| new_process(&session_id, number, 0)).collect(),
        session_id,
        seen: BTreeMap::new(),
        acknowledged: BTreeMap::new(),
        tells,
    };
    for process in 0..PROCESSES {
        world.renew(process).await;
    }
    for _ in 0..STEPS {
        world.step().await;
    }
    world.heal().await;
    world.check().await;
}

#[test]
fn simulated_processes_lose_nothing_and_do_nothing_twice() {
    let only: Option<u64> = option_env!("SIMULATION_SEED").map(|seed| seed.parse().unwrap());
    let seeds = only.map_or(0..crate::SCHEDULES, |seed| seed..seed + 1);
    let (_place, store) = crate::quick();
    for seed in seeds {
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            crate::block_on(schedule(&store, seed, only.is_some()));
        }));
        assert!(ran.is_ok(), "schedule {seed} failed: run it again with SIMULATION_SEED={seed}");
    }
}
