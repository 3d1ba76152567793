-- +goose NO TRANSACTION
-- The admin pages count open dead letters by topic and kind of failure, and requests by their outcome. The indexes are built while the
-- tables are in use. An attempt that was interrupted leaves an index that is not valid, so each is dropped first.
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS dead_letter_open_kind;
CREATE INDEX CONCURRENTLY dead_letter_open_kind ON dead_letter (topic, code, created_at) WHERE state = 'open';
DROP INDEX CONCURRENTLY IF EXISTS sent_request_outcome;
CREATE INDEX CONCURRENTLY sent_request_outcome ON sent_request (topic, (coalesce(outcome, 'pending')), id);

-- +goose Down
DROP INDEX sent_request_outcome, dead_letter_open_kind;
