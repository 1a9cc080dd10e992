//! Scores the offline planner on public sets of questions and tools: the table that `cargo xtask offline-scorecard` prints.
//!
//! The folder of sets is an argument, and nothing of their text stands here: `bfcl/`, `slots/` and `tau_retail/` in the
//! forms in which their authors publish them. Two doors lead to the planner: a running server, to which agents are deployed
//! like by any other client, and `--direct`, which asks the planner itself and takes seconds.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a report is what it is for")]

mod bfcl;
mod door;
mod retail;
mod retail_tools;
mod server;
mod slots;
mod table;

use door::Door;
use std::path::PathBuf;
use table::Table;

/// How a part of a scorecard can fail as a whole.
type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "\
offline_scorecard FOLDER (--direct | --server URL) [--json] [--set NAME]… [--show NAME] [--every N]

  FOLDER        holds bfcl/, slots/ and tau_retail/
  --direct      asks the planner itself, not a server
  --server URL  a running server with the offline planner as its model
  --json        the table as JSON
  --set NAME    only this set: simple_python, multiple, parallel, parallel_multiple, irrelevance, slots, retail
  --show NAME   prints what went wrong in a set
  --every N     only each Nth entry";

/// What to run.
struct Wanted {
    folder: PathBuf,
    sets: Vec<String>,
    show: Option<String>,
    every: usize,
}

impl Wanted {
    fn includes(&self, set: &str) -> bool {
        self.sets.is_empty() || self.sets.iter().any(|one| one == set)
    }

    fn shows(&self, set: &str) -> bool {
        self.show.as_deref() == Some(set)
    }
}

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut wanted = Wanted { folder: PathBuf::new(), sets: Vec::new(), show: None, every: 1 };
    let (mut door, mut as_json) = (None, false);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "--direct" => door = Some(Door::Direct),
            "--server" => door = Some(Door::Server(Box::new(server::Server::new(&value()?)?))),
            "--json" => as_json = true,
            "--set" => wanted.sets.push(value()?),
            "--show" => wanted.show = Some(value()?),
            "--every" => wanted.every = value()?.parse::<usize>()?.max(1),
            folder if !folder.starts_with('-') => wanted.folder = folder.into(),
            _ => return Err(USAGE.into()),
        }
    }
    let door = door.ok_or(USAGE)?;
    let mut table = Table::new(door.name());
    for set in bfcl::SETS {
        if wanted.includes(set) {
            bfcl::score(&wanted, set, &door, &mut table)?;
        }
    }
    if wanted.includes("slots") {
        slots::score(&wanted, &door, &mut table)?;
    }
    if wanted.includes("retail") {
        retail::score(&wanted, &door, &mut table)?;
    }
    if wanted.sets.is_empty() {
        table.speed = Some(bfcl::speed(&wanted)?);
    }
    println!("{}", if as_json { table.json() } else { table.text() });
    Ok(())
}
