//! `cargo xtask test`: all tests, and everything they need.
//!
//! Two halves: the Rust tests of every crate, and the tests in `tests/`, which drive the built server with the real
//! AWS clients. The second half brings its own Python environment.

use crate::command::{self, Outcome, cargo, run, say, works};
use crate::venv::Venv;
use std::path::Path;
use std::process::Command;

/// What `cargo xtask test --help` says.
pub(crate) const USAGE: &str = "\
cargo xtask test [--rust | --python] [ARGUMENTS…]

  Builds the server and runs all tests. With --rust or --python only that half, and ARGUMENTS go to its test runner
  (cargo nextest or cargo test; pytest): cargo xtask test --python -k return_of_control";

/// Runs the tests that `arguments` ask for.
pub(crate) fn test(root: &Path, arguments: &[String]) -> Outcome {
    match arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        None => {
            let rust = rust_tests(root, &[]);
            if let Err(error) = &rust {
                say(error);
            }
            // Both halves run, so that one failure does not hide another.
            let python = python_tests(root, &[]);
            if let Err(error) = &python {
                say(error);
            }
            say(&format!("Rust tests {}, client tests {}", verdict(&rust), verdict(&python)));
            rust.and(python).map_err(|_| "tests failed".to_owned())
        }
        Some(("--rust", rest)) => rust_tests(root, rest),
        Some(("--python", rest)) => python_tests(root, rest),
        Some(("--help" | "-h", _)) => {
            say(USAGE);
            Ok(())
        }
        Some((other, _)) => Err(format!("unknown argument {other}\n{USAGE}")),
    }
}

fn verdict(outcome: &Outcome) -> &'static str {
    if outcome.is_ok() { "passed" } else { "FAILED" }
}

/// By nextest where it is installed: it runs tests of all crates side by side. Doc tests are Cargo's own.
fn rust_tests(root: &Path, arguments: &[String]) -> Outcome {
    if works(cargo(root).args(["nextest", "--version"])) {
        run(cargo(root).args(["nextest", "run", "--workspace", "--no-tests", "pass"]).args(arguments))?;
        if !arguments.is_empty() {
            return Ok(());
        }
        return run(cargo(root).args(["test", "--workspace", "--doc", "--quiet"]));
    }
    run(cargo(root).args(["test", "--workspace"]).args(arguments))
}

fn python_tests(root: &Path, arguments: &[String]) -> Outcome {
    run(cargo(root).args(["build", "--package", "outcrop"]))?;
    let tests = root.join("tests");
    let venv = Venv::ensure(root, "test-venv", &tests.join("requirements.txt"))?;
    let mut pytest = Command::new(venv.python());
    pytest
        .args(["-m", "pytest"])
        .args(arguments)
        .current_dir(&tests)
        .env("OUTCROP_BIN", root.join("target/debug/outcrop"))
        .env("OUTCROP_TEST_PROGRAMS", venv.programs())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command::run(&mut pytest)
}
