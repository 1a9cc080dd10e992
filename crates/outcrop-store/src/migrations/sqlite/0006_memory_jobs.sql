-- Sessions that are remembered when they are over. Times are nanoseconds since the epoch.
ALTER TABLE session ADD COLUMN memory_id TEXT;

-- Live sessions that will be remembered, by the time at which they expire: a look for those that have costs what it
-- finds, however many others there are.
CREATE INDEX session_remembered ON session (last_active_at + idle_ttl_s * 1000000000)
    WHERE memory_id IS NOT NULL AND ended = 0;

-- A session that is over and not yet summed up. Written together with the end of the session, deleted together with
-- the writing of its summary. Whoever works on it holds it until leased_until.
CREATE TABLE memory_job (
    session      INTEGER PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    agent_id     TEXT    NOT NULL,
    alias_id     TEXT    NOT NULL,
    memory_id    TEXT    NOT NULL,
    session_id   TEXT    NOT NULL,
    ended_at     INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    leased_until INTEGER,
    attempts     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX memory_job_due ON memory_job (due_at);
CREATE INDEX memory_job_of ON memory_job (agent_id, alias_id, memory_id, session_id);
