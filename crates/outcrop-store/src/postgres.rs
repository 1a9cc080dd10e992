//! The store on PostgreSQL.
//!
//! ```text
//! postgres/url.rs      what a connection string means
//! postgres/tls.rs      TLS, as it asks for it
//! postgres/session.rs  one connection: transactions, statements, getting over its loss
//! postgres/values.rs   values on the wire
//! postgres/dialect.rs  what a statement of ours has to look like there
//! postgres/schema.rs   the tables, and how they are brought up to date while others use them
//! postgres/write.rs    the threads that write
//! ```

pub(crate) mod dialect;
pub(crate) mod schema;
pub(crate) mod session;
mod tls;
pub(crate) mod url;
pub(crate) mod values;
pub(crate) mod write;

use crate::error::StoreError;
use crate::store::StoreOptions;
use session::Target;
use std::sync::Mutex;
use tls::MakeTls;
use url::Address;

/// Takes the lock of writes that come one after another: a row, because not every database that speaks this language has
/// other locks.
const IN_TURN: &str = "SELECT 1 FROM change FOR UPDATE;";
/// The lock under which a schema is changed; a second number says which.
const MIGRATING: u32 = 0x4f74_6370;

/// Where the database of the options is.
pub(crate) fn target(options: &StoreOptions) -> Result<Target, StoreError> {
    let address = Address::parse(&options.url, options.password.as_deref())?;
    let tls = MakeTls::new(address.proof, address.roots.as_deref())?;
    Ok(Target {
        address,
        tls,
        schema: options.schema.clone(),
        connect_timeout: options.connect_timeout,
        statement_timeout: options.statement_timeout,
        away: Mutex::new(None),
    })
}

/// Runs work that waits for the network on a thread of its own: its caller's may be one that drives other tasks.
///
/// # Errors
/// Those of the work; [`StoreError::Panicked`].
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
    std::thread::scope(|scope| {
        let told = scope.spawn(work).join();
        told.unwrap_or_else(|panic| Err(StoreError::Panicked(crate::error::panic_text(&*panic))))
    })
}

/// The number that stands for a schema in locks.
fn lock_of(schema: &str) -> u32 {
    crc32fast::hash(schema.as_bytes())
}

/// What the server or the library says of a failure, in one line. Statements and values do not stand in it.
pub(crate) fn words(error: &tokio_postgres::Error) -> String {
    let Some(told) = error.as_db_error() else {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            text.push_str(&format!(": {error}"));
            source = error.source();
        }
        return text;
    };
    let hint = told.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{} [{}]{hint}", told.message(), told.code().code())
}
