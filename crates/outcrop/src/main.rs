//! The binary: command line, configuration, composition, signals.

mod ambient;
mod cancel;
mod chat;
mod cli;
mod client;
mod config;
mod cost;
mod deploy;
mod dev;
mod fork;
mod functions;
mod guardrail;
mod memory;
mod models;
mod secrets;
mod serve;
mod store;
mod trace;
mod transfer;

use clap::Parser;
use cli::{Cli, Command};
use outcrop_ports::Ids;
use serve::Failure;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::Failed(format!("cannot start: {error}"))),
    };
    let outcome = runtime.block_on(run(cli));
    // What still runs in the background has nothing to lose: everything that must be kept was waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(serve) => {
            outlive_file_limits();
            let prepared = serve::prepare(&serve.options(), &environment, stop_on_signal()).await?;
            for note in &prepared.notes {
                tracing::info!("{note}");
            }
            say_ready(&format!("http://{}", prepared.address));
            prepared.run().await;
            Ok(())
        }
        Command::Dev(dev) => {
            outlive_file_limits();
            dev::run(dev.options(), &environment, stop_on_signal(), say_ready).await
        }
        Command::Deploy(deploy) => run_deploy(deploy).await,
        Command::Chat(chat) => run_chat(chat).await,
        Command::Memory(memory) => run_memory(memory).await,
        Command::Cancel(cancel) => {
            print_line(&cancel::run(cancel.options()).await?);
            Ok(())
        }
        Command::Trace(trace) => trace::run(trace.options(style()), &mut std::io::stdout()).await,
        Command::Cost(cost) => cost::run(cost.options(), &mut std::io::stdout()).await,
        Command::Fork(fork) => {
            let new_session = format!("fork-{}", ambient::RandomIds.uuid());
            fork::run(fork.options(new_session, style())?, &mut std::io::stdout()).await
        }
        Command::Guardrail(cli::GuardrailCommand::Test(test)) => {
            guardrail::run(test.options(), &mut std::io::stdout()).await
        }
        Command::Export(export) => transferred(transfer::export(export.options(), &mut std::io::stdout()).await),
        Command::Import(import) => transferred(transfer::import(import.options(), &mut std::io::stdout()).await),
        Command::Store(command) => run_store(&command),
        Command::Config(config) => run_config(&config).await,
        Command::Completions { shell } => {
            let mut command = <Cli as clap::CommandFactory>::command();
            clap_complete::generate(shell, &mut command, "outcrop", &mut std::io::stdout());
            Ok(())
        }
    }
}

async fn run_deploy(deploy: cli::Deploy) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    match deploy::run(deploy.options()?, &mut out).await {
        Ok(_) => Ok(()),
        Err(error @ deploy::DeployError::Template(_)) => Err(Failure::Usage(error.to_string())),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

/// How standard output is written to.
fn style() -> chat::Style {
    let terminal = std::io::stdout().is_terminal();
    chat::Style {
        color: terminal && wants_color(),
        width: environment("COLUMNS").and_then(|text| text.parse().ok()).unwrap_or(if terminal { 100 } else { 0 }),
    }
}

async fn run_chat(chat: cli::Chat) -> Result<(), Failure> {
    let terminal = std::io::stdout().is_terminal();
    let options = chat.options(RandomSession::next(), style());
    let mut input = std::io::BufReader::new(std::io::stdin());
    let interactive = terminal && std::io::stdin().is_terminal();
    let mut out = std::io::stdout();
    let io = chat::ChatIo { input: &mut input, interactive, out: &mut out };
    chat::run(options, io).await.map_err(|error| match error {
        chat::ChatError::Usage(message) => Failure::Usage(message),
        chat::ChatError::Failed(message) => Failure::Failed(message),
    })
}

async fn run_memory(memory: cli::MemoryCommand) -> Result<(), Failure> {
    let style = chat::Style { color: std::io::stdout().is_terminal() && wants_color(), width: 0 };
    memory::run(memory.options(style)?, &mut std::io::stdout()).await.map_err(|error| match error {
        chat::ChatError::Usage(message) => Failure::Usage(message),
        chat::ChatError::Failed(message) => Failure::Failed(message),
    })
}

fn transferred(done: Result<(), transfer::TransferError>) -> Result<(), Failure> {
    done.map_err(|error| match error {
        transfer::TransferError::Usage(message) => Failure::Usage(message),
        transfer::TransferError::Failed(message) => Failure::Failed(message),
    })
}

struct RandomSession;

impl RandomSession {
    fn next() -> String {
        format!("chat-{}", ambient::RandomIds.uuid())
    }
}

fn run_store(command: &cli::StoreCommand) -> Result<(), Failure> {
    let out = &mut std::io::stdout();
    match command {
        cli::StoreCommand::Check(which) => store::check(&which.options(), &environment, out),
        cli::StoreCommand::Stats(which) => store::stats(&which.options(), &environment, out),
        cli::StoreCommand::Backup(command) => store::backup(&command.options(), &environment, out),
        cli::StoreCommand::Restore(command) => store::restore(&command.options(), &environment, out),
    }
}

async fn run_config(config: &cli::ConfigCommand) -> Result<(), Failure> {
    match config {
        cli::ConfigCommand::Check { config, data } => {
            let path = config.clone().or_else(default_config);
            let read = config::load(path.as_deref(), data, &environment)?;
            let secrets = std::sync::Arc::new(secrets::known(&read, &environment));
            let http = outcrop_http::HttpClient::new();
            let clock: std::sync::Arc<dyn outcrop_ports::Clock> = std::sync::Arc::new(ambient::SystemClock);
            let means = models::Means { http: &http, clock: &clock, secrets: &secrets, environment: &environment };
            models::build(read.models, &means).await?;
            outcrop_tools::FunctionRegistry::new(read.functions)
                .map_err(|error| Failure::Usage(format!("function.match: {error}")))?;
            let what = path
                .map_or_else(|| "no configuration file; the defaults".to_owned(), |path| path.display().to_string());
            print_line(&format!("{what}: fine"));
            Ok(())
        }
        cli::ConfigCommand::Schema => {
            let schema = schemars::schema_for!(config::file::File);
            let text = serde_json::to_string_pretty(&schema).map_err(|error| Failure::Failed(error.to_string()))?;
            print_line(&text);
            Ok(())
        }
    }
}

/// Most bytes that are read from standard input at once.
const INPUT_BYTES_MAX: u64 = 1024 * 1024;

/// All of standard input, as text.
fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(INPUT_BYTES_MAX).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| Failure::Failed(format!("standard input cannot be read: {error}")))
}

/// The configuration file of the working directory, when there is one.
fn default_config() -> Option<PathBuf> {
    let path = PathBuf::from("outcrop.toml");
    path.is_file().then_some(path)
}

#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Whether a terminal that is written to may be written to in colours.
fn wants_color() -> bool {
    environment("NO_COLOR").is_none_or(|value| value.is_empty()) && environment("TERM").as_deref() != Some("dumb")
}

/// The S3 library logs as an error that an object is not there, which is how many programs begin.
const LOG_QUIET: &str = "s3s=off";

fn start_log(cli: &Cli) {
    let filter = environment("OUTCROP_LOG").unwrap_or_else(|| cli.log_default().to_owned());
    let filter = format!("{LOG_QUIET},{filter}");
    let color = std::io::stderr().is_terminal() && wants_color();
    let (filter, problem) = match EnvFilter::try_new(&filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(cli.log_default()), Some(error)),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(color)
        .with_writer(std::io::stderr)
        // A reader of the log that went away must not take the server along: the report of the failed write would panic.
        .log_internal_errors(false)
        .with_target(false)
        .init();
    if let Some(error) = problem {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "OUTCROP_LOG cannot be understood; the default is used"
        );
    }
}

/// A token that the first SIGTERM or Ctrl-C cancels; the second ends the process at once.
fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let waiting = async move {
        wait_for_signal().await;
        tracing::info!("stopping; a second signal stops at once");
        told.cancel();
        wait_for_signal().await;
        #[expect(clippy::disallowed_methods, reason = "the user insists; the journals have what was done")]
        std::process::exit(130);
    };
    #[expect(clippy::disallowed_methods, reason = "it lives as long as the process and owns nothing")]
    tokio::spawn(waiting);
    stop
}

/// A limit on the size of files makes a write fail, which is told where it matters; without a handler the signal that comes
/// with it would end the process.
fn outlive_file_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    /// `SIGXFSZ` on Linux (x86, Arm, RISC-V) and on macOS.
    const FILE_SIZE_EXCEEDED: i32 = 25;
    // The handler stays when what it tells is dropped. Where it cannot be set, all is as it was.
    let _ = signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED));
}

async fn wait_for_signal() {
    let interrupted = tokio::signal::ctrl_c();
    let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = interrupted.await;
        return;
    };
    tokio::select! {
        _ = interrupted => {}
        _ = terminated.recv() => {}
    }
}

/// The one line on standard output that scripts wait for.
fn say_ready(endpoint: &str) {
    print_line(&format!("outcrop listening on {endpoint}"));
}

fn print_line(line: &str) {
    let mut out = std::io::stdout();
    // A reader that is gone has nothing to be told.
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn report(failure: &Failure) -> ExitCode {
    let (message, code) = match failure {
        Failure::Usage(message) => (message, 2),
        Failure::Failed(message) => (message, 1),
    };
    let mut err = std::io::stderr();
    for line in message.lines() {
        let _ = writeln!(err, "error: {line}");
    }
    ExitCode::from(code)
}
