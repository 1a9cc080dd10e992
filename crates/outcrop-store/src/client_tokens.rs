//! Idempotency keys of AWS: the same token and request within a day gets the first answer again.

use crate::error::StoreError;
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;

/// How long a client token is honoured, in seconds: a day.
pub const CLIENT_TOKEN_SECONDS: i64 = 24 * 60 * 60;

/// Rows one call of [`Tx::prune_client_tokens`] deletes at most, so that it never holds the writer for long.
const PRUNE_MAX: i64 = 1_000;

/// What a client token was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientToken {
    /// Hash of the request that carried it: another request under the same token is a conflict for the caller.
    pub request_hash: String,
    /// What was answered, in the form the operation chose.
    pub response: Vec<u8>,
}

impl ReadTx<'_> {
    /// The earlier use of this token by this operation, unless it is a day old.
    pub fn client_token(
        &self,
        operation: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<ClientToken>, StoreError> {
        let sql = "SELECT request_hash, response FROM client_token WHERE operation = ?1 AND token = ?2 AND at > ?3";
        self.query_opt("look up a client token", sql, (operation, token, oldest(now)), |row| {
            Ok(ClientToken { request_hash: row.get(0)?, response: row.get(1)? })
        })
    }
}

impl Tx<'_> {
    /// Remembers what the token was used for; takes the place of an earlier use.
    pub fn put_client_token(
        &mut self,
        operation: &str,
        token: &str,
        used: &ClientToken,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO client_token (operation, token, request_hash, response, at) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (operation, token) DO UPDATE
                   SET request_hash = excluded.request_hash, response = excluded.response, at = excluded.at";
        let row = (operation, token, &used.request_hash, &used.response, now.as_nanos());
        self.execute("keep a client token", sql, row).map(drop)
    }

    /// Deletes tokens that are a day old, up to 1,000; answers how many went.
    pub fn prune_client_tokens(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        let sql = "DELETE FROM client_token WHERE (operation, token) IN
                   (SELECT operation, token FROM client_token WHERE at <= ?1 LIMIT ?2)";
        self.execute("prune client tokens", sql, (oldest(now), PRUNE_MAX))
    }
}

fn oldest(now: Timestamp) -> i64 {
    now.plus_seconds(-CLIENT_TOKEN_SECONDS).as_nanos()
}
