-- Who works on a session's turn, and how its request is known again. Times are nanoseconds since the epoch.
-- epoch counts who has held the session: a write that names another is refused, however late it comes. lease_owner is
-- the process that works on the open turn or ended the last one; none while an open turn is left at a boundary, with
-- nothing under way.
ALTER TABLE session ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN lease_owner TEXT;
-- Of the last request: its words or results, and those with the id that the client's retries share. Turns of
-- collaborators have none: they are taken up through their supervisor's.
ALTER TABLE session ADD COLUMN input_hash BLOB;
ALTER TABLE session ADD COLUMN request_hash BLOB;
-- The last turn waits for a callback, until then at most.
ALTER TABLE session ADD COLUMN asleep_until INTEGER;
-- The last turn came to its end with nobody there to read it.
ALTER TABLE session ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;

DROP INDEX session_open;
CREATE INDEX session_open ON session (lease_owner, id) WHERE open_turn IS NOT NULL;

-- Processes that work on this database. One whose time has passed is taken for dead, and its turns may be taken over.
CREATE TABLE replica (
    owner TEXT    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT;

-- Calls whose result comes later. A row is written when its turn goes to sleep, or before by a callback that is quicker.
-- due_at is when the turn is to be woken for it: at its deadline, or at once when the result is there; none while it is
-- awake. A result that the turn has taken stays for callbacks that are repeated.
CREATE TABLE callback (
    call_key TEXT    NOT NULL PRIMARY KEY,
    session  INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    turn     INTEGER NOT NULL,
    root     INTEGER NOT NULL,
    deadline INTEGER,
    due_at   INTEGER,
    result   BLOB,
    taken    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX callback_due ON callback (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX callback_of ON callback (session, turn);
CREATE INDEX callback_root ON callback (root);

-- Secrets that the server made for itself: all processes of a database share them.
CREATE TABLE secret (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
