//! Calls whose result comes later, by a callback.
//!
//! A call's key names its row. The row is written in one go with the sleep of its turn; a callback that comes before that
//! leaves its result in a row of its own, and the turn finds it instead of going to sleep. The first result stands.

use crate::error::StoreError;
use crate::store::Store;
use crate::turns::{RequestHashes, TurnRef};
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;

/// A call that a turn waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwaitedCallback {
    /// Key of the call.
    pub call_key: String,
    /// The session to wake for it: that of the turn itself, or of the root that it works for.
    pub root: i64,
    /// When it is given up.
    pub deadline: Timestamp,
}

/// What a callback's call is known as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackState {
    /// Its result was kept now.
    Taken {
        /// Whether its turn sleeps, and is to be woken.
        wakes: bool,
    },
    /// It had this result before.
    Repeated(Vec<u8>),
    /// Its turn is over, or its session.
    Gone,
}

/// A result, or the end of waiting for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenCallback {
    /// Key of the call.
    pub call_key: String,
    /// What came; `None` when its deadline has passed.
    pub result: Option<Vec<u8>>,
}

/// A sleeping turn that is to be woken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueTurn {
    /// The turn.
    pub turn: TurnRef,
    /// Agent, alias and session id.
    pub name: [String; 3],
    /// How its request is known again.
    pub request: Option<RequestHashes>,
    /// It sleeps; else nobody is to be woken any more.
    pub is_asleep: bool,
}

impl Store {
    /// Keeps the result of a call. `turn` is that in which it was made.
    pub async fn keep_callback(
        &self,
        (session, turn): (i64, u32),
        call_key: String,
        result: Vec<u8>,
        now: Timestamp,
    ) -> Result<CallbackState, StoreError> {
        crate::journal::check_sizes([result.as_slice()])?;
        self.write(move |tx| tx.keep_callback((session, turn), &call_key, &result, now)).await
    }

    /// Results of calls of a turn that are there or whose deadline has passed, and that it has not taken.
    pub async fn taken_callbacks(
        &self,
        (session, turn): (i64, u32),
        now: Timestamp,
    ) -> Result<Vec<TakenCallback>, StoreError> {
        let sql = "SELECT call_key, result FROM callback
                   WHERE session = ?1 AND turn = ?2 AND taken = 0 AND (result IS NOT NULL OR deadline <= ?3)
                   ORDER BY call_key";
        self.read(move |tx| {
            tx.query_all("read callbacks", sql, (session, turn, now.as_nanos()), |row| {
                Ok(TakenCallback { call_key: row.get(0)?, result: row.get(1)? })
            })
        })
        .await
    }

    /// Notes that a turn has taken what became of a call.
    pub async fn callback_was_taken(&self, call_key: String) -> Result<(), StoreError> {
        let sql = "UPDATE callback SET taken = 1, due_at = NULL WHERE call_key = ?1";
        self.write(move |tx| tx.execute("note that a callback was taken", sql, [&call_key]).map(drop)).await
    }

    /// Wakes the turn that sleeps in a session: it is open from now on, and this process's. `None` when none sleeps.
    pub async fn wake_turn(&self, from: TurnRef, owner: String, now: Timestamp) -> Result<Option<TurnRef>, StoreError> {
        self.write(move |tx| {
            let sql = "UPDATE session SET open_turn = turns, asleep_until = NULL, epoch = epoch + 1, lease_owner = ?4,
                       last_active_at = ?5, unread = 1
                       WHERE id = ?1 AND turns = ?2 AND epoch = ?3 AND asleep_until IS NOT NULL AND ended = 0";
            let row = (from.session, from.turn, from.epoch, &owner, now.as_nanos());
            let is_woken = tx.execute("wake a turn", sql, row)? > 0;
            if is_woken {
                tx.silence(from.session, now)?;
            }
            Ok(is_woken.then_some(TurnRef { epoch: from.epoch + 1, ..from }))
        })
        .await
    }

    /// Takes the alarm off the callbacks that would wake a session now, unless its turn sleeps: it is awake, or over.
    pub async fn silence_callbacks(&self, root: i64, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            // The row is locked by this, so that a turn does not fall asleep in the same moment.
            let sql = "UPDATE session SET turns = turns WHERE id = ?1 AND asleep_until IS NULL";
            match tx.execute("look whether a turn sleeps", sql, [root])? {
                0 => Ok(()),
                _ => tx.silence(root, now),
            }
        })
        .await
    }
}

impl ReadTx<'_> {
    /// Sessions with a callback that is due, the first due first, and when the next one is.
    pub fn due_callbacks(&self, now: Timestamp, limit: usize) -> Result<(Vec<DueTurn>, Option<Timestamp>), StoreError> {
        let sql = "SELECT session.id, session.turns, session.epoch, agent_id, alias_id, session_id,
                          CASE WHEN asleep_until IS NOT NULL AND ended = 0 THEN 1 ELSE 0 END, input_hash, request_hash
                   FROM (SELECT root, min(due_at) AS due_at FROM callback WHERE due_at <= ?1 GROUP BY root) AS due
                   JOIN session ON session.id = due.root ORDER BY due.due_at LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let due = self.query_all("look for callbacks that are due", sql, (now.as_nanos(), limit), |row| {
            let turn = TurnRef { session: row.get(0)?, turn: row.get(1)?, epoch: row.get(2)? };
            let name = [row.get(3)?, row.get(4)?, row.get(5)?];
            let request: Option<Vec<u8>> = row.get(8)?;
            let request = row.get::<Option<Vec<u8>>>(7)?.map(|input| RequestHashes { input, request });
            Ok(DueTurn { turn, name, request, is_asleep: row.get::<i64>(6)? != 0 })
        })?;
        let sql = "SELECT min(due_at) FROM callback WHERE due_at > ?1";
        let next =
            self.query_opt("look for the next callback", sql, [now.as_nanos()], |row| row.get::<Option<i64>>(0))?;
        Ok((due, next.flatten().map(Timestamp::from_nanos)))
    }

    /// The secret of a name.
    fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.query_opt("read a secret", "SELECT value FROM secret WHERE name = ?1", [name], |row| row.get(0))
    }
}

impl Tx<'_> {
    /// The secret of a name; `made` becomes it where there is none yet.
    pub fn secret_or(&mut self, name: &str, made: &[u8]) -> Result<Vec<u8>, StoreError> {
        let sql = "INSERT INTO secret (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
        self.execute("keep a secret", sql, (name, made))?;
        Ok(self.secret(name)?.unwrap_or_else(|| made.to_vec()))
    }

    /// Keeps what a turn waits for that goes to sleep.
    pub(crate) fn await_callback(&mut self, turn: TurnRef, awaited: &AwaitedCallback) -> Result<(), StoreError> {
        let sql = "INSERT INTO callback (call_key, session, turn, root, deadline) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (call_key) DO UPDATE SET root = excluded.root, deadline = excluded.deadline";
        let row = (&awaited.call_key, turn.session, turn.turn, awaited.root, awaited.deadline.as_nanos());
        self.execute("wait for a callback", sql, row).map(drop)
    }

    /// Has a session woken at the deadlines of what its turn and those below it wait for; at once for what is there.
    pub(crate) fn arm_callbacks(&mut self, root: i64) -> Result<(), StoreError> {
        let sql = "UPDATE callback SET due_at = CASE WHEN result IS NULL THEN deadline ELSE 0 END
                   WHERE root = ?1 AND taken = 0 AND deadline IS NOT NULL";
        self.execute("wait for callbacks", sql, [root]).map(drop)
    }

    fn keep_callback(
        &mut self,
        (session, turn): (i64, u32),
        call_key: &str,
        result: &[u8],
        now: Timestamp,
    ) -> Result<CallbackState, StoreError> {
        let sql = "SELECT result, deadline FROM callback WHERE call_key = ?1";
        let found = self.query_opt("look for a callback", sql, [call_key], |row| {
            Ok((row.get::<Option<Vec<u8>>>(0)?, row.get::<Option<i64>>(1)?))
        })?;
        if let Some((Some(before), _)) = found {
            return Ok(CallbackState::Repeated(before));
        }
        let sql = "SELECT 1 FROM session
                   WHERE id = ?1 AND turns = ?2 AND ended = 0 AND (open_turn IS NOT NULL OR asleep_until IS NOT NULL)";
        let has_turn = self.query_opt("look for a callback's turn", sql, (session, turn), |_| Ok(()))?.is_some();
        let is_late = found.as_ref().is_some_and(|(_, deadline)| deadline.is_some_and(|end| end <= now.as_nanos()));
        if !has_turn || is_late {
            return Ok(CallbackState::Gone);
        }
        match found {
            Some(_) => {
                let sql = "UPDATE callback SET result = ?2, due_at = ?3 WHERE call_key = ?1";
                self.execute("keep a callback", sql, (call_key, result, now.as_nanos()))?;
            }
            None => {
                let sql = "INSERT INTO callback (call_key, session, turn, root, result) VALUES (?1, ?2, ?3, ?2, ?4)";
                self.execute("keep a callback", sql, (call_key, session, turn, result))?;
            }
        }
        Ok(CallbackState::Taken { wakes: found.is_some() })
    }

    fn silence(&mut self, root: i64, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE callback SET due_at = NULL WHERE root = ?1 AND due_at <= ?2";
        self.execute("silence callbacks", sql, (root, now.as_nanos())).map(drop)
    }

    /// Forgets what the turns of a session wait for: another one takes their place.
    pub(crate) fn forget_callbacks(&mut self, session: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM callback WHERE root = ?1";
        self.execute("forget callbacks", sql, [session]).map(drop)
    }
}
