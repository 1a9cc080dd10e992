-- What is large in journals, once and compressed, under the SHA-256 of its bytes; rows name it by that.
CREATE TABLE blob (
    number INTEGER PRIMARY KEY,
    hash   BLOB    NOT NULL UNIQUE,
    -- Length of what is read.
    bytes  INTEGER NOT NULL,
    -- How the body is stored: 0 as it is, 1 in a zstd frame.
    form   INTEGER NOT NULL,
    body   BLOB    NOT NULL
) STRICT;

-- Which turns need it; turn 0 is the session as a whole. A blob that nobody needs goes with the last one that did.
CREATE TABLE blob_ref (
    session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    turn    INTEGER NOT NULL,
    blob    INTEGER NOT NULL REFERENCES blob (number),
    PRIMARY KEY (session, turn, blob)
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_ref_of ON blob_ref (blob);
