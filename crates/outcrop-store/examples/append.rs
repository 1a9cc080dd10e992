//! Measures turns on the store: `append [TASKS] [TURNS] [BODY_BYTES]`, each turn being four durable writes.
//!
//! Prints writes per second and CPU time per write of the whole process (where `/proc` tells it), for one task alone and
//! for all together; then the same for reads of one turn.

#![expect(clippy::print_stdout, reason = "a measurement for people")]

use outcrop_store::{BeginTurn, FinishTurn, Store, StoreError, TurnOutcome};
use outcrop_wire::Timestamp;
use std::error::Error;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const WRITES_PER_TURN: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let mut next = |default| arguments.next().unwrap_or(Ok(default));
    let (tasks, turns, bytes) = (next(64)?, next(100)?, next(600)?);
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    runtime.block_on(async {
        let store = Store::open(&folder.path().join("append.db").display().to_string())?;
        measure(&store, "alone", 1, turns, bytes as usize).await?;
        measure(&store, "together", tasks, turns, bytes as usize).await?;
        measure_reads(&store, tasks, turns).await?;
        store.close().await;
        Ok(())
    })
}

async fn measure(store: &Store, name: &str, tasks: u32, turns: u32, bytes: usize) -> Result<(), Box<dyn Error>> {
    let (start, cpu) = (Instant::now(), cpu_time());
    let mut running = JoinSet::new();
    for task in 0..tasks {
        let (store, session_id) = (store.clone(), format!("{name}-{task}"));
        running.spawn(async move {
            for _ in 0..turns {
                turn(&store, &session_id, bytes).await?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        });
    }
    for done in running.join_all().await {
        done.map_err(|error| error.to_string())?;
    }
    let writes = tasks * turns * WRITES_PER_TURN;
    let rate = f64::from(writes) / start.elapsed().as_secs_f64();
    let cpu = cpu_time().zip(cpu).map(|(after, before)| (after - before) / writes);
    println!("{name}: {tasks} tasks, {writes} writes of {bytes} bytes, {rate:.0} writes/s, CPU per write {cpu:?}");
    Ok(())
}

/// Reads the first turn of each session again and again.
async fn measure_reads(store: &Store, tasks: u32, turns: u32) -> Result<(), Box<dyn Error>> {
    let (start, cpu) = (Instant::now(), cpu_time());
    let mut running = JoinSet::new();
    for task in 0..tasks {
        let store = store.clone();
        running.spawn(async move {
            for _ in 0..turns {
                store.turn_events(i64::from(task) + 1, 1).await?;
            }
            Ok::<_, StoreError>(())
        });
    }
    running.join_all().await.into_iter().collect::<Result<Vec<()>, _>>()?;
    let reads = tasks * turns;
    let rate = f64::from(reads) / start.elapsed().as_secs_f64();
    let cpu = cpu_time().zip(cpu).map(|(after, before)| (after - before) / reads);
    println!("reads: {tasks} tasks, {reads} reads of a turn, {rate:.0} reads/s, CPU per read {cpu:?}");
    Ok(())
}

async fn turn(store: &Store, session_id: &str, bytes: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
    let now = Timestamp::from_millis(0);
    let begin = BeginTurn {
        agent_id: "AGENT00001".into(),
        alias_id: "ALIAS00001".into(),
        session_id: session_id.into(),
        now,
        idle_ttl_seconds: 600,
        resume: None,
        memory_id: None,
        first_event: vec![b'x'; bytes],
        ..BeginTurn::default()
    };
    let begun = store.begin_turn(begin).await?;
    for seq in 1..3 {
        store.append_events(begun.turn_ref(), seq, vec![(now, vec![b'x'; bytes])]).await?;
    }
    let events = vec![(now, vec![b'x'; bytes])];
    let finish = FinishTurn::new(begun.turn_ref(), 3, events, now, TurnOutcome::Finished);
    Ok(store.finish_turn(finish).await?)
}

/// User and system time of this process; `None` where the kernel does not tell it this way.
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces; counted from its end the two times are the 12th and 13th fields.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    // Linux reports in hundredths of a second to every process.
    Some(Duration::from_millis((user + system) * 10))
}
