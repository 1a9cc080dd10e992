-- Files that callers gave with their words: once for each session, however often a turn shows them.
CREATE TABLE session_file (
    id      INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    hash    TEXT    NOT NULL,
    body    BLOB    NOT NULL,
    UNIQUE (session, hash)
) STRICT;
