-- Turns up to this one are kept by what they ended with only: how they came there was swept.
ALTER TABLE session ADD COLUMN steps_swept INTEGER NOT NULL DEFAULT 0;
