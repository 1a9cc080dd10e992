-- Times are nanoseconds since the epoch. A session that ended or expired keeps its row (traces are read from it)
-- until it is swept, so a session id is unique among live rows only.
CREATE TABLE session (
    id             INTEGER PRIMARY KEY,
    agent_id       TEXT    NOT NULL,
    alias_id       TEXT    NOT NULL,
    session_id     TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    last_active_at INTEGER NOT NULL,
    idle_ttl_s     INTEGER NOT NULL,
    attributes     BLOB    NOT NULL,
    turns          INTEGER NOT NULL,
    open_turn      INTEGER,
    suspended      TEXT,
    ended          INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX session_live ON session (agent_id, alias_id, session_id) WHERE ended = 0;
-- Holds running turns only: what is in it when the process starts was interrupted.
CREATE INDEX session_open ON session (id) WHERE open_turn IS NOT NULL;

-- Bodies go to the end of the table and only the narrow index is sorted: the turns that share a commit then share pages.
-- With the key as the table itself each turn dirties pages of its own, and bodies over 1 KB leave the row.
CREATE TABLE turn_event (
    id      INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    turn    INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    body    BLOB    NOT NULL,
    UNIQUE (session, turn, seq)
) STRICT;
