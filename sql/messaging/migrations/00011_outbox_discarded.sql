-- +goose Up
-- Events that an operator has discarded, because Kafka refuses them: they will never be published. The audit says who, when and
-- why. Retention drops a row together with its event.
CREATE TABLE outbox_discarded (seq bigint PRIMARY KEY);

CREATE OR REPLACE VIEW outbox AS
SELECT e.*, NOT EXISTS (SELECT FROM outbox_pending p WHERE p.shard = e.shard AND p.seq = e.seq)
    AND NOT EXISTS (SELECT FROM outbox_discarded d WHERE d.seq = e.seq) AS sent
FROM outbox_event e;

-- +goose Down
CREATE OR REPLACE VIEW outbox AS
SELECT e.*, NOT EXISTS (SELECT FROM outbox_pending p WHERE p.shard = e.shard AND p.seq = e.seq) AS sent
FROM outbox_event e;
DROP TABLE outbox_discarded;
