-- +goose Up
-- Whose key it is. An instance of an earlier version knows no callers.
ALTER TABLE idempotency_key ADD COLUMN caller text NOT NULL DEFAULT 'anonymous';

-- How many idempotency keys are stored, for each caller, and in all under the caller ''. It is counted every few seconds: a count that
-- each request changes would let all requests of a caller wait for each other.
CREATE TABLE idempotency_usage (
    caller     text        PRIMARY KEY,
    keys       bigint      NOT NULL,
    counted_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE idempotency_usage;
ALTER TABLE idempotency_key DROP COLUMN caller;
