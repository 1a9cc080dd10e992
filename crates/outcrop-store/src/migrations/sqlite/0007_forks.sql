-- A session that goes on from a point of another: the turns before that point, and the first events of the next, are read
-- in the other's journal, so a fork costs no copy. A session with forks stays until they are gone.
CREATE TABLE fork (
    session  INTEGER PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    parent   INTEGER NOT NULL REFERENCES session (id),
    turns    INTEGER NOT NULL,
    events   INTEGER NOT NULL,
    -- What its turns run in place of what the alias leads to.
    snapshot TEXT,
    version  TEXT
) STRICT;

CREATE INDEX fork_parent ON fork (parent);
CREATE INDEX fork_snapshot ON fork (session) WHERE snapshot IS NOT NULL;

-- Sessions are asked for by the client's id alone, too, and a supervisor's are found with those of its collaborators. With
-- that id first the index that every session has anyway serves both, so beginning one costs no more than before.
DROP INDEX session_live;
CREATE UNIQUE INDEX session_live ON session (session_id, agent_id, alias_id) WHERE ended = 0;
CREATE INDEX session_over ON session (session_id) WHERE ended <> 0;
