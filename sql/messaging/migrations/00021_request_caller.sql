-- +goose Up
-- Who asked for the request, for the bound of idempotency keys per caller. An instance of an earlier version knows no callers.
ALTER TABLE sent_request ADD COLUMN caller text NOT NULL DEFAULT 'anonymous';
-- The keys of requests are counted every few seconds, and most requests have no key.
CREATE INDEX sent_request_caller ON sent_request (caller) WHERE once_id IS NOT NULL;

-- +goose Down
ALTER TABLE sent_request DROP COLUMN caller;
