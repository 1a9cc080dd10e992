-- Holds suspended turns only: they are few, and found by the session id alone when one is to be called off.
CREATE INDEX session_suspended ON session (session_id) WHERE suspended IS NOT NULL;
