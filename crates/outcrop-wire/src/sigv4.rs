//! AWS Signature Version 4. No clock and no IO: the time is handed in.
//!
//! ```text
//! canonical request = method, path, query, signed headers, their names, hash of the body      one per line
//! string to sign    = algorithm, time, scope (date/region/service/aws4_request), hash of the canonical request
//! signature         = HMAC(key of the scope, string to sign)
//! ```
//! [`sign()`] makes the headers of a request that is about to be sent. [`Claim::read`] finds what a received request says
//! about its signature, in the `Authorization` header or in the query of a presigned URL; [`Claim::verify`] says whether
//! it is true. Bodies in the form `aws-chunked` carry further signatures: [`chunked`].
//!
//! S3 differs from every other service: its path is signed as sent (elsewhere it is normalised and encoded once more),
//! and it alone takes bodies that the signature does not cover.

mod canonical;
pub mod chunked;
mod claim;
mod key;
mod refusal;
mod sign;
mod time;
mod verify;

pub use claim::{Claim, claimed_scope, is_presigned};
pub use key::Secret;
pub use refusal::Refusal;
pub use sign::{Credentials, sign};

/// The algorithm's name, as it stands in requests.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the clocks of client and server may be apart, each way.
pub const SKEW_SECONDS: i64 = 300;
/// Longest life of a presigned URL: seven days.
pub const EXPIRES_SECONDS_MAX: i64 = 604_800;

const TERMINATOR: &str = "aws4_request";

/// What of a request goes into its signature, beside the body.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// In capitals, as sent.
    pub method: &'a str,
    /// The path as sent, still percent-encoded.
    pub path: &'a str,
    /// The query as sent, without the question mark; empty when there is none.
    pub query: &'a str,
    /// Names in lower case, values as sent; a name may repeat. `host` is among them.
    pub headers: &'a [(&'a str, &'a [u8])],
}

impl<'a> Request<'a> {
    /// The values of a header, in order.
    fn values(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// What a signature holds for: `20260101/us-east-1/bedrock/aws4_request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The day, `YYYYMMDD`.
    pub date: String,
    /// The region.
    pub region: String,
    /// The service's signing name, such as `bedrock`.
    pub service: String,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

#[cfg(test)]
mod tests;
