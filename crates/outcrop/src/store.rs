//! `outcrop store`: care for what a server keeps. All but `restore` may be done while the server runs.

mod backup;

use crate::config;
use crate::serve::Failure;
pub(crate) use backup::{BackupOptions, RestoreOptions, backup, restore};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use outcrop_store::care::{self, CheckReport, StoreStats};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which store, and how to tell of it.
#[derive(Clone, Debug)]
pub(crate) struct StoreOptions {
    /// Folder for state.
    pub data: PathBuf,
    /// Configuration file, which may name another store.
    pub config: Option<PathBuf>,
    /// One JSON object instead of lines for people.
    pub json: bool,
}

impl StoreOptions {
    fn store(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<outcrop_store::StoreOptions, Failure> {
        Ok(config::load(self.config.as_deref(), &self.data, environment)?.store)
    }
}

/// Says whether the store is whole; fails when it is not.
pub(crate) fn check(
    options: &StoreOptions,
    environment: &dyn Fn(&str) -> Option<String>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let store = options.store(environment)?;
    let report = checked(&store, &options.data)?;
    let told = if options.json { check_json(&report).to_string() } else { check_text(&report) };
    say(out, &told);
    match report.problems.len() {
        0 => Ok(()),
        count => Err(Failure::Failed(format!(
            "the store is not whole ({count} found): stop the server, keep a copy of the file, and restore a backup with \
             `outcrop store restore`"
        ))),
    }
}

/// Says how much there is.
pub(crate) fn stats(
    options: &StoreOptions,
    environment: &dyn Fn(&str) -> Option<String>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let store = options.store(environment)?;
    let working = spinner("measuring");
    let stats = care::stats(&store).map_err(|error| failed(&error))?;
    working.finish_and_clear();
    say(out, &if options.json { stats_json(&stats).to_string() } else { stats_text(&stats) });
    Ok(())
}

/// `scratch` is a folder for a copy of what is not in a file.
fn checked(store: &outcrop_store::StoreOptions, scratch: &Path) -> Result<CheckReport, Failure> {
    let working = spinner("checking");
    let report = care::check(store, scratch, &mut |step| working.set_message(format!("checking: {step}")))
        .map_err(|error| failed(&error))?;
    working.finish_and_clear();
    Ok(report)
}

fn check_text(report: &CheckReport) -> String {
    let mut text: String = report.problems.iter().map(|problem| format!("  {problem}\n")).collect();
    let older = if report.is_older { ", which this program brings up to date when it serves" } else { "" };
    let verdict = if report.problems.is_empty() { "whole" } else { "NOT whole" };
    text.push_str(&format!("{verdict}: {} rows, schema step {}{older}", HumanCount(report.rows), report.schema));
    text
}

fn check_json(report: &CheckReport) -> serde_json::Value {
    json!({
        "whole": report.problems.is_empty(),
        "rows": report.rows,
        "schema": report.schema,
        "older": report.is_older,
        "problems": report.problems,
    })
}

fn stats_text(stats: &StoreStats) -> String {
    let mut lines = vec![format!(
        "{} in the file, {} in its log, {} of the file free; schema step {}",
        HumanBytes(stats.file_bytes),
        HumanBytes(stats.wal_bytes),
        HumanBytes(stats.free_bytes),
        stats.schema
    )];
    lines.push(format!("  {:22} {:>14} {:>12} {:>12}", "table", "rows", "bytes", "indexes"));
    for table in &stats.tables {
        let (rows, bytes, index) = (
            HumanCount(table.rows).to_string(),
            HumanBytes(table.bytes).to_string(),
            HumanBytes(table.index_bytes).to_string(),
        );
        lines.push(format!("  {:22} {rows:>14} {bytes:>12} {index:>12}", table.name));
    }
    lines.extend(
        stats.resources.iter().map(|(kind, count)| format!("  {kind:22} {:>14}", HumanCount(*count).to_string())),
    );
    if let Some(payload) = &stats.payload {
        lines.push(format!(
            "journals and files: {} as they are read, {} of them unique, {} stored; {} blobs",
            HumanBytes(payload.raw_bytes),
            HumanBytes(payload.unique_bytes),
            HumanBytes(payload.stored_bytes),
            HumanCount(payload.blobs)
        ));
    }
    lines.join("\n")
}

fn stats_json(stats: &StoreStats) -> serde_json::Value {
    let table = |table: &care::TableStats| json!({"name": table.name, "rows": table.rows, "bytes": table.bytes, "indexBytes": table.index_bytes});
    let payload = |payload: &care::PayloadStats| json!({"blobs": payload.blobs, "rawBytes": payload.raw_bytes, "uniqueBytes": payload.unique_bytes, "storedBytes": payload.stored_bytes});
    json!({
        "payload": stats.payload.as_ref().map(payload),
        "schema": stats.schema,
        "fileBytes": stats.file_bytes,
        "walBytes": stats.wal_bytes,
        "freeBytes": stats.free_bytes,
        "tables": stats.tables.iter().map(table).collect::<Vec<_>>(),
        "resources": stats.resources.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
    })
}

/// Shows that something is being done; on a terminal only, and only when it takes a moment.
fn spinner(message: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(message.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A bar over bytes, on a terminal only.
fn bytes_bar(total: u64, message: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_message(message.to_owned())
}

fn failed(error: &outcrop_store::StoreError) -> Failure {
    let mend = match error {
        outcrop_store::StoreError::Open(_) => {
            "; name the folder of the state with --data, or the configuration with --config"
        }
        outcrop_store::StoreError::Unavailable(_) => "; see whether the database runs and `store.url` leads to it",
        _ => "",
    };
    Failure::Failed(format!("{error}{mend}"))
}

fn at(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}

fn say(out: &mut dyn Write, text: &str) {
    // A reader that is gone has nothing to be told.
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
