-- A resource is its generated document plus the columns that look-ups need.
CREATE TABLE resource (
    kind       TEXT    NOT NULL,
    parent     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    name       TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc        BLOB    NOT NULL,
    PRIMARY KEY (kind, parent, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX resource_name ON resource (kind, parent, name) WHERE name IS NOT NULL;
CREATE INDEX resource_recent ON resource (kind, parent, updated_at DESC, id);

-- Immutable documents, addressed by the SHA-256 of their bytes.
CREATE TABLE snapshot (
    hash TEXT NOT NULL PRIMARY KEY,
    doc  BLOB NOT NULL
) STRICT;

CREATE TABLE tag (
    arn   TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_key ON tag (key);

CREATE TABLE client_token (
    operation    TEXT    NOT NULL,
    token        TEXT    NOT NULL,
    request_hash TEXT    NOT NULL,
    response     BLOB    NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (operation, token)
) STRICT, WITHOUT ROWID;

CREATE INDEX client_token_at ON client_token (at);
