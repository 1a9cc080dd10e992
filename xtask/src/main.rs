//! The project's own commands.

mod codegen;
mod command;
mod offline_scorecard;
mod test;
mod tidy;
mod venv;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  codegen [--check]                       types and tables of outcrop-api, from AWS's service models
  test [--rust | --python] [ARGUMENTS…]   all tests, with everything they need
  tidy                                    what the architecture says, checked
  offline-scorecard FOLDER [--direct]     how good the offline planner is, on public sets";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in a folder of the workspace");
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["codegen", ..] => codegen::codegen(root, &arguments[1..]),
        ["test", ..] => test::test(root, &arguments[1..]),
        ["tidy"] => tidy::tidy(root),
        ["offline-scorecard", ..] => offline_scorecard::offline_scorecard(root, &arguments[1..]),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(&error);
            ExitCode::FAILURE
        }
    }
}
