-- What calls of models took, summed up by day (days since the epoch, UTC), who they were for and which model they asked:
-- a row grows with every call of its kind. Cost is in trillionths of a dollar; calls without a known price are counted.
CREATE TABLE model_usage (
    day                BIGINT NOT NULL,
    agent              TEXT   NOT NULL,
    session            TEXT   NOT NULL,
    model              TEXT   NOT NULL,
    answered_by        TEXT   NOT NULL,
    calls              BIGINT NOT NULL,
    failed_calls       BIGINT NOT NULL,
    unpriced_calls     BIGINT NOT NULL,
    input_tokens       BIGINT NOT NULL,
    output_tokens      BIGINT NOT NULL,
    cache_read_tokens  BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    cost               BIGINT NOT NULL,
    PRIMARY KEY (day, agent, session, model, answered_by)
);
