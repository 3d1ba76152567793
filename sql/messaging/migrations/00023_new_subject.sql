-- +goose NO TRANSACTION
-- A request for a new thing has its own id as its subject. Lists show those that wait for the owner, and those that it has refused
-- lately. They are built while the table is in use. An attempt that was interrupted leaves an index that is not valid, so each is
-- dropped first.
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS sent_request_new_pending;
CREATE INDEX CONCURRENTLY sent_request_new_pending ON sent_request (topic, id) WHERE subject = id::text AND outcome IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS sent_request_new_refused;
CREATE INDEX CONCURRENTLY sent_request_new_refused ON sent_request (topic, finished_at) WHERE subject = id::text AND outcome IN ('refused', 'expired');

-- +goose Down
DROP INDEX sent_request_new_pending, sent_request_new_refused;
