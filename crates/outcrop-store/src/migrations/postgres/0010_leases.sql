-- Who works on a session's turn, and how its request is known again: see the step of SQLite.
ALTER TABLE session
    ADD COLUMN epoch        BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN lease_owner  TEXT COLLATE "C",
    ADD COLUMN input_hash   BYTEA,
    ADD COLUMN request_hash BYTEA,
    ADD COLUMN asleep_until BIGINT,
    ADD COLUMN unread       BIGINT NOT NULL DEFAULT 0;

DROP INDEX session_open;
CREATE INDEX session_open ON session (lease_owner, id) WHERE open_turn IS NOT NULL;

CREATE TABLE replica (
    owner TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
);

CREATE TABLE callback (
    call_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    session  BIGINT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    turn     BIGINT NOT NULL,
    root     BIGINT NOT NULL,
    deadline BIGINT,
    due_at   BIGINT,
    result   BYTEA,
    taken    BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX callback_due ON callback (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX callback_of ON callback (session, turn);
CREATE INDEX callback_root ON callback (root);

CREATE TABLE secret (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
