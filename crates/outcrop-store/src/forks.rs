//! Forks: sessions that go on from a point of another without a copy of what came before.
//!
//! A fork names its parent and the point up to which both are one: so many turns, and so many events of the next turn.
//! Readers of the journal ask for [`ReadTx::spans`] and find the events where they are. What lies before a point is never
//! changed, so parent and forks may go on beside each other.

use crate::error::StoreError;
use crate::packed;
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;
use std::collections::BTreeMap;

/// Forks below each other at most: each is a further place to look for events in.
pub const FORK_DEPTH_MAX: u32 = 16;
/// Forks of one session at most.
pub const FORKS_PER_SESSION_MAX: u32 = 1_000;

/// A place in a journal: turn, and event within it.
pub(crate) type Place = (u32, u32);

/// A stretch of one session's own journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) session: i64,
    /// First place of it.
    pub(crate) from: Place,
    /// The place after it.
    pub(crate) to: Place,
}

/// A session to be made from a point of another.
#[derive(Clone, Debug)]
pub struct NewFork {
    /// The agent's id.
    pub agent_id: String,
    /// The alias's id.
    pub alias_id: String,
    /// The session id, which no live session of this agent and alias has.
    pub session_id: String,
    /// The time.
    pub now: Timestamp,
    /// Seconds without a turn after which it expires.
    pub idle_ttl_seconds: u32,
    /// The session it comes from.
    pub parent: i64,
    /// Turns both share.
    pub turns: u32,
    /// Events of the next turn both share; 0 forks between two turns.
    pub events: u32,
    /// What its turns run; `None` for what the alias leads to.
    pub bound: Option<Bound>,
    /// Session attributes at that point.
    pub attributes: BTreeMap<String, String>,
    /// The event with which the shared turn goes on in the fork, when it goes on at once.
    pub first_event: Option<Vec<u8>>,
}

/// Where a session comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The session it comes from.
    pub parent: i64,
    /// Turns both share.
    pub turns: u32,
    /// Events of the next turn both share.
    pub events: u32,
    /// What its turns run; `None` for what the alias leads to.
    pub bound: Option<Bound>,
}

/// What the turns of a session run in place of what its alias leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Hash of the snapshot.
    pub snapshot: String,
    /// The version it is, or was made from.
    pub version: String,
}

/// Why there is no fork.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForkError {
    /// A live session has the id.
    #[error("the session id is taken")]
    Taken,
    /// The session to fork is gone.
    #[error("the session to fork is not there")]
    NotThere,
    /// More than [`FORK_DEPTH_MAX`] forks below each other.
    #[error("forks of forks reach more than {FORK_DEPTH_MAX} deep")]
    TooDeep,
    /// More than [`FORKS_PER_SESSION_MAX`] forks of one session.
    #[error("a session has more than {FORKS_PER_SESSION_MAX} forks")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReadTx<'_> {
    /// Where the session comes from; `None` for one that began by itself.
    pub fn fork(&self, session: i64) -> Result<Option<Fork>, StoreError> {
        let sql = "SELECT parent, turns, events, snapshot, version FROM fork WHERE session = ?1";
        self.query_opt("look for a fork", sql, [session], |row| {
            let bound = row.get::<Option<String>>(3)?.zip(row.get(4)?);
            let bound = bound.map(|(snapshot, version)| Bound { snapshot, version });
            Ok(Fork { parent: row.get(0)?, turns: row.get(1)?, events: row.get(2)?, bound })
        })
    }

    /// What the turns of a live session run in place of what its alias leads to.
    pub fn bound_session(
        &self,
        agent_id: &str,
        alias_id: &str,
        session_id: &str,
        now: Timestamp,
    ) -> Result<Option<Bound>, StoreError> {
        let row = self.session_row(agent_id, alias_id, session_id)?.filter(|row| !row.expired(now));
        let Some(row) = row else { return Ok(None) };
        Ok(self.fork(row.id)?.and_then(|fork| fork.bound))
    }

    /// Whether there is a session that runs something else than what its alias leads to.
    pub fn has_bound_sessions(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM fork WHERE snapshot IS NOT NULL LIMIT 1";
        Ok(self.query_opt("look for bound sessions", sql, [], |_| Ok(()))?.is_some())
    }

    /// The stretches of journals that hold a session's events between two places, in order; later ones win where two
    /// hold events of one turn.
    pub(crate) fn spans(&self, session: i64, from: Place, to: Place) -> Result<Vec<Span>, StoreError> {
        let (mut spans, mut session, mut to) = (Vec::new(), session, to);
        for _ in 0..=FORK_DEPTH_MAX {
            let Some(fork) = self.fork(session)? else {
                spans.push(Span { session, from, to });
                break;
            };
            let own = (fork.turns.saturating_add(1), fork.events);
            if own < to {
                spans.push(Span { session, from: from.max(own), to });
                to = own;
            }
            if from >= own {
                break;
            }
            session = fork.parent;
        }
        spans.reverse();
        Ok(spans)
    }

    /// How many forks lie between the session and one that began by itself.
    fn fork_depth(&self, session: i64) -> Result<u32, StoreError> {
        let (mut depth, mut session) = (0, session);
        while let Some(fork) = self.fork(session)? {
            depth += 1;
            if depth > FORK_DEPTH_MAX {
                break;
            }
            session = fork.parent;
        }
        Ok(depth)
    }

    fn fork_count(&self, parent: i64) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM fork WHERE parent = ?1";
        Ok(self.query_opt("count forks", sql, [parent], |row| row.get(0))?.unwrap_or(0))
    }
}

impl Tx<'_> {
    /// Makes the fork and answers the store's number of it. An expired session of the same id makes way.
    ///
    /// # Errors
    /// [`ForkError::Taken`], [`ForkError::NotThere`], the limits; [`StoreError::TooLarge`].
    pub fn fork_session(&mut self, fork: &NewFork) -> Result<i64, ForkError> {
        let NewFork { agent_id, alias_id, session_id, now, idle_ttl_seconds, parent, turns, events, .. } = fork;
        if self.kept_session(*parent)?.is_none() {
            return Err(ForkError::NotThere);
        }
        if self.fork_depth(*parent)? >= FORK_DEPTH_MAX {
            return Err(ForkError::TooDeep);
        }
        if self.fork_count(*parent)? >= FORKS_PER_SESSION_MAX {
            return Err(ForkError::TooMany);
        }
        match self.session_row(agent_id, alias_id, session_id)? {
            Some(row) if !row.expired(*now) => return Err(ForkError::Taken),
            Some(row) => self.retire_session(row.id, *now)?,
            None => {}
        }
        let attributes = crate::resources::to_doc(&fork.attributes)?;
        crate::journal::check_sizes(fork.first_event.as_deref().into_iter().chain([attributes.as_slice()]))?;
        let open_turn = fork.first_event.as_ref().map(|_| turns.saturating_add(1));
        let sql = "INSERT INTO session (agent_id, alias_id, session_id, created_at, last_active_at, idle_ttl_s,
                                        attributes, turns, open_turn)
                   VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
        let row = (
            agent_id,
            alias_id,
            session_id,
            now.as_nanos(),
            idle_ttl_seconds,
            attributes,
            open_turn.unwrap_or(*turns),
            open_turn,
        );
        let session = self.insert_row("fork a session", sql, row)?.ok_or(ForkError::Taken)?;
        let sql =
            "INSERT INTO fork (session, parent, turns, events, snapshot, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let bound = fork.bound.as_ref();
        let (snapshot, version) = (bound.map(|bound| &bound.snapshot), bound.map(|bound| &bound.version));
        self.execute("fork a session", sql, (session, parent, turns, events, snapshot, version))?;
        if let (Some(turn), Some(event)) = (open_turn, &fork.first_event) {
            self.append_event(session, turn, *events, *now, &packed::pack(event, |_| false))?;
        }
        Ok(session)
    }
}
