//! `cargo xtask scorecard DATA`: what the guardrails do on sets of texts, written to `docs/guardrails-scorecard.md`.
//!
//! The sets are no part of the project, and nothing of them but numbers goes into the page. The server is asked as any
//! client asks it; what the classifiers do on texts that they did not learn from is computed by the crate's own example.

use crate::command::{self, Outcome, cargo, run};
use crate::venv::Venv;
use std::path::Path;
use std::process::Command;

/// Scores the sets in a folder.
pub(crate) fn scorecard(root: &Path, data: &str) -> Outcome {
    run(cargo(root).args(["build", "--package", "outcrop"]))?;
    let example =
        ["run", "--release", "--package", "outcrop-guardrails", "--example", "scorecard", "--", data, "--folds"];
    let folds = cargo(root).args(example).output().map_err(|error| format!("cannot run the example: {error}"))?;
    if !folds.status.success() {
        return Err(format!("the example failed: {}", String::from_utf8_lossy(&folds.stderr)));
    }
    let rows = root.join("target/scorecard-folds.md");
    std::fs::write(&rows, folds.stdout).map_err(|error| format!("cannot write {}: {error}", rows.display()))?;
    let venv = Venv::ensure(root, "test-venv", &root.join("tests/requirements.txt"))?;
    let page = root.join("docs/guardrails-scorecard.md");
    let mut python = Command::new(venv.python());
    python
        .arg(root.join("bench/scorecard.py"))
        .args([Path::new(data), &page, &rows])
        .env("OUTCROP_BIN", root.join("target/debug/outcrop"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command::run(&mut python)
}
