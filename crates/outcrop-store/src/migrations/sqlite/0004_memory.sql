-- What agents remember of sessions that are over. Times are nanoseconds since the epoch.
CREATE TABLE memory (
    number     INTEGER PRIMARY KEY,
    agent_id   TEXT    NOT NULL,
    alias_id   TEXT    NOT NULL,
    memory_id  TEXT    NOT NULL,
    session_id TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    summary    TEXT    NOT NULL,
    UNIQUE (agent_id, alias_id, memory_id, session_id)
) STRICT;

CREATE INDEX memory_recent ON memory (agent_id, alias_id, memory_id, started_at);
CREATE INDEX memory_expiry ON memory (expires_at);
