//! The project's own commands.

mod codegen;
mod command;
mod scorecard;
mod test;
mod tidy;
mod venv;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  codegen [--check]                       types and tables of outcrop-api, from AWS's service models
  test [--rust | --python] [ARGUMENTS…]   all tests, with everything they need
  scorecard DATA                          what the guardrails do on sets of texts, as docs/guardrails-scorecard.md
  tidy                                    what the architecture says, checked";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in a folder of the workspace");
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["codegen", ..] => codegen::codegen(root, &arguments[1..]),
        ["test", ..] => test::test(root, &arguments[1..]),
        ["scorecard", data] => scorecard::scorecard(root, data),
        ["tidy"] => tidy::tidy(root),
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
