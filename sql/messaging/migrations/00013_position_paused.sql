-- +goose Up
-- A paused partition is not read on until an operator resumes it.
ALTER TABLE consumer_position
    ADD COLUMN paused_code   text, -- null if it is not paused; otherwise a name of a section of docs/operations.md
    ADD COLUMN paused_reason text,
    ADD COLUMN paused_at     timestamptz;

-- +goose Down
ALTER TABLE consumer_position DROP COLUMN paused_code, DROP COLUMN paused_reason, DROP COLUMN paused_at;
