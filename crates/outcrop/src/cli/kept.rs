//! What was done, and going on from there: `outcrop trace` and `outcrop fork`.

use super::ENDPOINT;
use crate::chat::Style;
use crate::client::Signer;
use crate::fork::ForkOptions;
use crate::serve::Failure;
use crate::trace::TraceOptions;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Every turn has its trace, whether or not its caller asked for one. Secrets are taken out of it. \
`#2` before a model call is the step at which `outcrop fork SESSION --at TURN.2` goes on.")]
pub(crate) struct Trace {
    /// The session; needed unless sessions are listed
    #[arg(required_unless_present = "list")]
    session: Option<String>,
    /// The turn, from 1 [default: the last]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    turn: Option<u32>,
    /// List the session's turns; without a session, list sessions
    #[arg(long, conflicts_with = "turn")]
    list: bool,
    /// Show arguments, results and thoughts whole
    #[arg(long)]
    full: bool,
    /// The session's agent, by id or name: when several have a session of this id
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// The session's alias, by id or name
    #[arg(long, value_name = "ALIAS")]
    alias: Option<String>,
    /// Where the server is
    #[arg(long, env = "OUTCROP_ENDPOINT", default_value = ENDPOINT, value_name = "URL")]
    endpoint: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Trace {
    pub(crate) fn options(self, style: Style) -> TraceOptions {
        TraceOptions {
            session: self.session,
            turn: self.turn,
            list: self.list,
            full: self.full,
            agent: self.agent,
            alias: self.alias,
            signer: Signer::from_environment(&crate::environment, &self.endpoint),
            endpoint: self.endpoint,
            json: self.json,
            style,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
The session that is forked stays as it is. Within a turn (`--at 2.3`) the turn goes on from that model call with the results \
that tools gave by then, and no tool is called again; `outcrop trace` shows the numbers of the steps. \
The new session goes on by InvokeAgent or `outcrop chat AGENT/ALIAS --session NEW_SESSION`, with what it was forked with.")]
pub(crate) struct Fork {
    /// The session to fork
    session: String,
    /// End of this turn, or step within it [default: the end of the last finished turn]
    #[arg(long, value_name = "TURN[.STEP]", value_parser = point)]
    at: Option<(u32, Option<u32>)>,
    /// Id of the new session [default: a new one]
    #[arg(long = "as", value_name = "NEW_SESSION")]
    new_session: Option<String>,
    /// Go on through this alias, by id or name
    #[arg(long, value_name = "ALIAS")]
    alias: Option<String>,
    /// Go on as this version of the agent
    #[arg(long, value_name = "VERSION")]
    agent_version: Option<String>,
    /// Go on with this model
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Go on with this instruction
    #[arg(long, value_name = "TEXT", conflicts_with = "instruction_file")]
    instruction: Option<String>,
    /// Go on with the instruction in this file
    #[arg(long, value_name = "FILE")]
    instruction_file: Option<PathBuf>,
    /// The session's agent, by id or name: when several have a session of this id
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// The alias of the session that is forked, by id or name
    #[arg(long, value_name = "ALIAS")]
    from_alias: Option<String>,
    /// Where the server is
    #[arg(long, env = "OUTCROP_ENDPOINT", default_value = ENDPOINT, value_name = "URL")]
    endpoint: String,
    /// Print JSON: the fork, and each event of a turn that goes on as a line
    #[arg(long)]
    json: bool,
    /// Print the answer only, without the steps
    #[arg(long)]
    quiet: bool,
}

impl Fork {
    pub(crate) fn options(self, new_session: String, style: Style) -> Result<ForkOptions, Failure> {
        let instruction = match &self.instruction_file {
            Some(file) => Some(crate::fork::instruction(file)?),
            None => self.instruction,
        };
        Ok(ForkOptions {
            session: self.session,
            at: self.at,
            new_session: self.new_session.unwrap_or(new_session),
            alias: self.alias,
            agent_version: self.agent_version,
            model: self.model,
            instruction,
            agent: self.agent,
            from_alias: self.from_alias,
            signer: Signer::from_environment(&crate::environment, &self.endpoint),
            endpoint: self.endpoint,
            json: self.json,
            trace: !self.quiet,
            style,
        })
    }
}

/// `2` or `2.3`: a turn, and a step within it.
fn point(text: &str) -> Result<(u32, Option<u32>), String> {
    let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
    let (turn, step) = text.split_once('.').map_or((text, None), |(turn, step)| (turn, Some(step)));
    match (number(turn), step.map(number)) {
        (Some(turn), None) => Ok((turn, None)),
        (Some(turn), Some(Some(step))) => Ok((turn, Some(step))),
        _ => Err(format!("`{text}` is not TURN or TURN.STEP, such as 2 or 2.3")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_turns_and_steps() {
        assert_eq!(point("2"), Ok((2, None)));
        assert_eq!(point("2.3"), Ok((2, Some(3))));
        for wrong in ["", "0", "2.", ".3", "2.0", "2.3.4", "x"] {
            assert!(point(wrong).is_err(), "{wrong}");
        }
    }
}
