//! What may go wrong on the way out.

use crate::Place;
use std::error::Error;
use std::fmt::Write;

/// Why there is no answer. The texts name host and port at most: never a path, a query string or a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Not `http://` or `https://`, or without a host.
    #[error("the address is no http:// or https:// address with a host")]
    BadAddress,
    /// No connection: name not found, refused, certificate not trusted, … Nothing was sent.
    #[error("cannot connect to {0}")]
    Connect(String),
    /// It took longer than allowed; the request may have been received.
    #[error("no answer within the time allowed")]
    TimedOut,
    /// The answer is longer than allowed.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// What was allowed, in bytes.
        limit: usize,
    },
    /// The connection broke or the other side does not speak HTTP; the request may have been received.
    #[error("the connection broke: {0}")]
    Broken(String),
}

impl HttpError {
    pub(crate) fn of_exchange(error: &hyper_util::client::legacy::Error, place: &Place) -> Self {
        let causes = causes(error);
        if error.is_connect() {
            return Self::Connect(format!("{place}: {causes}"));
        }
        Self::Broken(format!("{place}: {causes}"))
    }

    pub(crate) fn of_body(error: &hyper::Error) -> Self {
        let mut text = error.to_string();
        append_sources(&mut text, error);
        Self::Broken(text)
    }
}

/// The texts below an error of the client; its own says no more than the variant does.
fn causes(error: &hyper_util::client::legacy::Error) -> String {
    let mut text = String::new();
    append_sources(&mut text, error);
    if text.is_empty() { error.to_string() } else { text }
}

fn append_sources(text: &mut String, error: &dyn Error) {
    let mut source = error.source();
    while let Some(cause) = source {
        let separator = if text.is_empty() { "" } else { ": " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{cause}");
        source = cause.source();
    }
}
