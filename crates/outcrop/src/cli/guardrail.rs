//! `outcrop guardrail`.

use super::ENDPOINT;
use crate::client::Signer;
use crate::guardrail::TestOptions;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum GuardrailCommand {
    /// Have a guardrail assess the lines of files, and print what it says of each
    Test(Test),
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The guardrail, by id, ARN or name
    guardrail: String,
    /// Files with a text a line; in a .jsonl file a line is {"text": "…"}
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The version, a number
    #[arg(long, default_value = "DRAFT", value_name = "VERSION")]
    guardrail_version: String,
    /// Assess the texts as the model's words instead of the user's
    #[arg(long)]
    output: bool,
    /// Take each file as one text
    #[arg(long)]
    whole: bool,
    /// Where the server is
    #[arg(long, env = "OUTCROP_ENDPOINT", default_value = ENDPOINT, value_name = "URL")]
    endpoint: String,
    /// Print a line of JSON for each text
    #[arg(long)]
    json: bool,
}

impl Test {
    pub(crate) fn options(self) -> TestOptions {
        TestOptions {
            guardrail: self.guardrail,
            version: self.guardrail_version,
            output: self.output,
            files: self.files,
            whole: self.whole,
            signer: Signer::from_environment(&crate::environment, &self.endpoint),
            endpoint: self.endpoint,
            json: self.json,
        }
    }
}
