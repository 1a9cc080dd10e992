//! `[store]`: which database, and how it is reached.

use super::Source;
use super::file::StoreSection;
use outcrop_store::{StoreOptions, is_postgres};
use std::path::Path;

/// Largest file with a password, in bytes.
const PASSWORD_BYTES_MAX: u64 = 64 * 1024;
/// The variable that PostgreSQL's own programs take a password from.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";
/// Connections: one for writes that go one after another, one for turns, one for reads.
const CONNECTIONS_MIN: usize = 3;
/// A server of PostgreSQL takes a hundred in all unless it is told otherwise.
const CONNECTIONS_MAX: usize = 1_000;

/// What the section means. `data` is the folder for what has no place of its own.
pub(super) fn mean(
    section: StoreSection,
    source: &Source,
    data: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
    problems: &mut Vec<String>,
) -> StoreOptions {
    let place = |key: &str| source.key_of("store", key);
    let StoreSection { url, password_env, password_file, connections, schema, connect_timeout, statement_timeout } =
        section;
    let mut options = StoreOptions {
        connections,
        schema,
        connect_timeout: *connect_timeout,
        statement_timeout: *statement_timeout,
        ..StoreOptions::new(format!("sqlite:{}", data.join("outcrop.db").display()))
    };
    if !(CONNECTIONS_MIN..=CONNECTIONS_MAX).contains(&connections) {
        problems.push(format!("{}: is {CONNECTIONS_MIN} to {CONNECTIONS_MAX}", place("connections")));
    }
    for (key, time) in [("connect_timeout", connect_timeout), ("statement_timeout", statement_timeout)] {
        if time.is_zero() {
            problems.push(format!("{}: is more than nothing", place(key)));
        }
    }
    if options.schema.as_deref().is_some_and(|schema| schema.is_empty() || schema.len() > 63 || schema.contains('\0')) {
        problems.push(format!("{}: a name of 1 to 63 bytes", place("schema")));
    }
    match url {
        Some(url) if is_postgres(&url) => {
            options.url = url;
            match password(password_env.as_deref(), password_file.as_deref(), source, environment) {
                Ok(password) => options.password = password,
                Err(problem) => problems.push(problem),
            }
            // What is wrong with it is told now, not when it is first used.
            if let Err(error) = options.check() {
                problems.push(format!("{}: {error}", place("url")));
            }
        }
        // A path in the file is seen from the file, like every other.
        Some(url) => match url.strip_prefix("sqlite:") {
            Some(path) => options.url = format!("sqlite:{}", source.resolve(Path::new(path)).display()),
            None => problems.push(format!("{}: is sqlite:PATH or postgres://USER@HOST/DATABASE", place("url"))),
        },
        None => {}
    }
    options
}

/// The password that stands beside the URL; one in the URL comes first.
fn password(
    variable: Option<&str>,
    file: Option<&Path>,
    source: &Source,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, String> {
    let place = |key: &str| source.key_of("store", key);
    match (variable, file) {
        (Some(_), Some(_)) => Err(format!("{}: give either password_file or password_env", place("password_env"))),
        (Some(name), None) => match environment(name) {
            Some(value) => Ok(Some(value)),
            None => Err(format!("{}: the variable {name} is not set", place("password_env"))),
        },
        (None, Some(file)) => {
            let file = source.resolve(file);
            let failed = |why: &str| format!("{}: {}: {why}", place("password_file"), file.display());
            let metadata = std::fs::metadata(&file).map_err(|error| failed(&error.to_string()))?;
            if metadata.len() > PASSWORD_BYTES_MAX {
                return Err(failed("is too large for a password"));
            }
            let bytes = std::fs::read(&file).map_err(|error| failed(&error.to_string()))?;
            let text = String::from_utf8(bytes).map_err(|_| failed("is no text"))?;
            Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
        }
        (None, None) => Ok(environment(PASSWORD_VARIABLE)),
    }
}
