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
    let has_postgres = has_postgres()?;
    if works(cargo(root).args(["nextest", "--version"])) {
        let mut tests = cargo(root);
        tests.args(["nextest", "run", "--workspace", "--no-tests", "pass"]);
        if !has_postgres {
            tests.args(["-E", "not binary(store_postgres)"]);
        }
        run(tests.args(arguments))?;
        if !arguments.is_empty() {
            return Ok(());
        }
        return run(cargo(root).args(["test", "--workspace", "--doc", "--quiet"]));
    }
    if !has_postgres {
        return Err("without PostgreSQL, install cargo-nextest, which can leave its tests out".to_owned());
    }
    run(cargo(root).args(["test", "--workspace"]).args(arguments))
}

/// Whether the tests of the store on PostgreSQL can run: on a server that is named, or on one of their own, by programs
/// that are installed. In CI they must, since nobody reads there what was left out.
#[expect(clippy::disallowed_methods, reason = "the same variables decide in the tests themselves")]
fn has_postgres() -> Result<bool, String> {
    let variable = |name: &str| std::env::var(name).ok();
    let installed = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
        versions.into_iter().any(|version| version.path().join("bin/initdb").is_file())
    };
    if variable("OUTCROP_TEST_POSTGRES").is_some() || installed() {
        return Ok(true);
    }
    let missing = "PostgreSQL is not installed (Debian's `postgresql`)";
    if variable("CI").is_some_and(|ci| ci == "true") {
        return Err(missing.to_owned());
    }
    say(&format!("{missing}: all tests of the store on it (target store_postgres) are LEFT OUT"));
    Ok(false)
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
