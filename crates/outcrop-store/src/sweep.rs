//! Forgets sessions that ended long ago, a few at a time, so that running turns hardly notice.

use crate::error::StoreError;
use crate::store::Store;
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;

/// Sessions one read looks at.
const LOOK_AT: usize = 500;
/// Sessions one write deletes with their journals.
const DELETE_AT_ONCE: usize = 16;
/// When a session was over: at its end, or when it expired.
const OVER_BEFORE: &str = "last_active_at + CASE ended WHEN 0 THEN idle_ttl_s ELSE 0 END * 1000000000 < ?";

impl Store {
    /// Deletes sessions that ended or expired more than `keep_days` ago, with their journals; answers how many.
    ///
    /// Goes through the sessions from the oldest and stops at the first that is younger than that, so a sweep costs
    /// what there is to sweep. A session that others are forks of stays until they are gone. May be dropped at any time:
    /// what is deleted by then is deleted.
    pub async fn sweep_sessions(&self, now: Timestamp, keep_days: u32) -> Result<usize, StoreError> {
        let before = now.plus_seconds(-i64::from(keep_days) * 24 * 60 * 60).as_nanos();
        let (mut after, mut swept) = (0, 0);
        loop {
            let seen = self.read(move |tx| tx.sessions_after(after, before)).await?;
            let Some(last) = seen.last() else { return Ok(swept) };
            after = last.id;
            let over: Vec<i64> = seen.iter().filter(|session| session.over).map(|session| session.id).collect();
            for some in over.chunks(DELETE_AT_ONCE) {
                let some = some.to_vec();
                swept += self.write(move |tx| tx.delete_sessions(&some, before)).await?;
            }
            if seen.len() < LOOK_AT {
                return Ok(swept);
            }
        }
    }
}

struct Seen {
    id: i64,
    over: bool,
}

impl ReadTx<'_> {
    /// Sessions after this number that began before the time, in order; numbers grow with time.
    fn sessions_after(&self, after: i64, before: i64) -> Result<Vec<Seen>, StoreError> {
        let sql = format!("SELECT id, {OVER_BEFORE}1, created_at FROM session WHERE id > ?2 ORDER BY id LIMIT ?3");
        let limit = i64::try_from(LOOK_AT).unwrap_or(i64::MAX);
        let mut rows = self.query_all("look for old sessions", &sql, (before, after, limit), |row| {
            Ok((Seen { id: row.get(0)?, over: row.get(1)? }, row.get::<i64>(2)?))
        })?;
        let old = rows.iter().position(|(_, created_at)| *created_at >= before).unwrap_or(rows.len());
        rows.truncate(old);
        Ok(rows.into_iter().map(|(seen, _)| seen).collect())
    }
}

impl Tx<'_> {
    /// Deletes those of the sessions that are still over and have no forks; their events go by the foreign key.
    fn delete_sessions(&mut self, sessions: &[i64], before: i64) -> Result<usize, StoreError> {
        let sql = format!(
            "DELETE FROM session WHERE id = ?1 AND {OVER_BEFORE}2
                 AND NOT EXISTS (SELECT 1 FROM fork WHERE parent = ?1)"
        );
        let mut deleted = 0;
        for session in sessions {
            deleted += self.execute("delete an old session", &sql, (session, before))?;
        }
        Ok(deleted)
    }
}
