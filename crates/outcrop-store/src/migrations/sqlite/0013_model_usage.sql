-- What calls of models took, summed up by day (days since the epoch, UTC), who they were for and which model they asked:
-- a row grows with every call of its kind. Cost is in trillionths of a dollar; calls without a known price are counted.
CREATE TABLE model_usage (
    day                INTEGER NOT NULL,
    agent              TEXT    NOT NULL,
    session            TEXT    NOT NULL,
    model              TEXT    NOT NULL,
    answered_by        TEXT    NOT NULL,
    calls              INTEGER NOT NULL,
    failed_calls       INTEGER NOT NULL,
    unpriced_calls     INTEGER NOT NULL,
    input_tokens       INTEGER NOT NULL,
    output_tokens      INTEGER NOT NULL,
    cache_read_tokens  INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cost               INTEGER NOT NULL,
    PRIMARY KEY (day, agent, session, model, answered_by)
) STRICT, WITHOUT ROWID;
