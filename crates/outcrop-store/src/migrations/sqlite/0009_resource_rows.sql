-- Documents to the rows, keys to the index. With the key as the table itself every level of the tree holds documents, a
-- few to a page, so that a look-up among ten thousand agents read seven pages and their overflow.
CREATE TABLE resource_row (
    kind       TEXT    NOT NULL,
    parent     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    name       TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc        BLOB    NOT NULL,
    PRIMARY KEY (kind, parent, id)
) STRICT;

INSERT INTO resource_row (kind, parent, id, name, created_at, updated_at, doc)
    SELECT kind, parent, id, name, created_at, updated_at, doc FROM resource ORDER BY kind, parent, id;
DROP TABLE resource;
ALTER TABLE resource_row RENAME TO resource;

CREATE UNIQUE INDEX resource_name ON resource (kind, parent, name) WHERE name IS NOT NULL;
CREATE INDEX resource_recent ON resource (kind, parent, updated_at DESC, id);
