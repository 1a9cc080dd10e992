//! `cargo xtask offline-scorecard`: how good the offline planner is, on sets of questions that the caller brings.
//!
//! Builds the server and the scorer (an example of `outcrop-models`), starts the server on a free port with nothing but
//! the offline planner, and has the scorer deploy its agents to it like any client.

use crate::command::{self, Outcome, cargo, run};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What `cargo xtask offline-scorecard --help` says.
pub(crate) const USAGE: &str = "\
cargo xtask offline-scorecard FOLDER [--direct] [--debug] [--json] [--set NAME]… [--show NAME] [--every N]

  Scores the offline planner on the sets in FOLDER (bfcl/, slots/, tau_retail/, as their authors publish them) through
  a real server with return of control, and prints the table with floors and goals.
  --direct asks the planner without a server: the same numbers in seconds
  --debug builds server and scorer as tests are built: sooner ready, slower";

/// The server says so when it listens.
const READY: &str = "outcrop listening on ";

/// Runs the scorecard.
pub(crate) fn offline_scorecard(root: &Path, arguments: &[String]) -> Outcome {
    let asks_for_help = arguments.iter().any(|argument| matches!(argument.as_str(), "--help" | "-h"));
    if arguments.is_empty() || asks_for_help {
        command::say(USAGE);
        return Ok(());
    }
    let debug = arguments.iter().any(|argument| argument == "--debug");
    let profile = if debug { "dev" } else { "release" };
    let arguments: Vec<&String> = arguments.iter().filter(|argument| *argument != "--debug").collect();
    let scorer = || {
        let mut scorer = cargo(root);
        scorer.args(["run", "--quiet", "--profile", profile, "--package", "outcrop-models", "--example"]);
        scorer.args(["offline_scorecard", "--"]).args(&arguments);
        scorer
    };
    if arguments.iter().any(|argument| *argument == "--direct") {
        return run(&mut scorer());
    }
    run(cargo(root).args(["build", "--profile", profile, "--package", "outcrop"]))?;
    let data = root.join("target").join("offline-scorecard");
    // What an earlier run left would only make this one slower.
    if data.exists() {
        std::fs::remove_dir_all(&data).map_err(|error| format!("cannot empty {}: {error}", data.display()))?;
    }
    std::fs::create_dir_all(&data).map_err(|error| format!("cannot make {}: {error}", data.display()))?;
    let config = data.join("outcrop.toml");
    std::fs::write(&config, "[[model]]\nmatch = \"*\"\nprovider = \"offline\"\n")
        .map_err(|error| format!("cannot write {}: {error}", config.display()))?;
    let folder = if debug { "target/debug" } else { "target/release" };
    let server = Server::start(&root.join(folder), &data, &config)?;
    run(scorer().args(["--server", &server.url]))
}

/// A server that ends when this is dropped.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(programs: &Path, data: &Path, config: &Path) -> Result<Self, String> {
        let program = programs.join(format!("outcrop{}", std::env::consts::EXE_SUFFIX));
        let log =
            std::fs::File::create(data.join("server.log")).map_err(|error| format!("cannot write a log: {error}"))?;
        let mut process = Command::new(&program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.join("data"))
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let lines = process.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines());
        let url = lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix(READY)?.trim().to_owned()));
        let server = Self { process, url: url.unwrap_or_default() };
        if server.url.is_empty() {
            return Err(format!("the server did not start: see {}", data.join("server.log").display()));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
