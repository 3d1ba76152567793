-- +goose Up
-- The admin pages count open dead letters by topic and kind of failure, and requests by their outcome.
CREATE INDEX dead_letter_open_kind ON dead_letter (topic, code, created_at) WHERE state = 'open';
CREATE INDEX sent_request_outcome ON sent_request (topic, (coalesce(outcome, 'pending')), id);

-- +goose Down
DROP INDEX sent_request_outcome, dead_letter_open_kind;
