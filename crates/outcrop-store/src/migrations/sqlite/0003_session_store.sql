-- The session store: conversations that other frameworks keep here. Times are nanoseconds since the epoch.
-- Lists go from the highest number down, which is newest first and needs no index of its own. A deleted session keeps
-- its row, invisible, until its content is gone: that may be millions of steps, which go a few at a time.
CREATE TABLE stored_session (
    number      INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    ended       INTEGER NOT NULL DEFAULT 0,
    deleted     INTEGER NOT NULL DEFAULT 0,
    invocations INTEGER NOT NULL DEFAULT 0,
    steps       INTEGER NOT NULL DEFAULT 0,
    doc         BLOB    NOT NULL
) STRICT;

CREATE INDEX stored_session_deleted ON stored_session (number) WHERE deleted = 1;

-- An invocation's id is the client's, and clients give the same one to several sessions.
CREATE TABLE invocation (
    number      INTEGER PRIMARY KEY,
    session     INTEGER NOT NULL REFERENCES stored_session (number),
    id          TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    description TEXT,
    UNIQUE (session, id)
) STRICT;

-- An index ends with the row's number: newest first within the session.
CREATE INDEX invocation_of_session ON invocation (session);

-- The payload stands last: lists do not read it.
CREATE TABLE invocation_step (
    number     INTEGER PRIMARY KEY,
    session    INTEGER NOT NULL REFERENCES stored_session (number),
    invocation INTEGER NOT NULL REFERENCES invocation (number),
    id         TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    payload    BLOB    NOT NULL,
    UNIQUE (invocation, id)
) STRICT;

CREATE INDEX step_of_session ON invocation_step (session, at);
CREATE INDEX step_of_invocation ON invocation_step (invocation, at);
