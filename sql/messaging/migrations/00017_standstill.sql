-- +goose Up
-- States in which events do not move are in the database, so that every instance and every person can see them.

-- What an instance says about itself with each beat.
ALTER TABLE outbox_instance
    ADD COLUMN answers     bigint      NOT NULL DEFAULT 0, -- how often Kafka has answered the instance
    ADD COLUMN kafka       text        NOT NULL DEFAULT 'answers' CHECK (kafka IN ('answers', 'silent', 'cut_off')),
    ADD COLUMN standstills jsonb       NOT NULL DEFAULT '[]', -- which of its events do not move, and why
    ADD COLUMN beat_at     timestamptz NOT NULL DEFAULT now(); -- for people only: instances compare beats, not clocks

-- How many milliseconds the shard still rests, because it has used up the epochs of its producer id; null before the rest. The holder of
-- the lease counts it down with its own monotonic clock, so that no wrong clock makes the rest shorter.
ALTER TABLE outbox_lease ADD COLUMN rest_ms bigint;

-- What an operator has paused: a topic, or with the empty topic the whole outbox.
CREATE TABLE outbox_pause (
    topic  text        PRIMARY KEY,
    reason text        NOT NULL,
    since  timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE outbox_pause;
ALTER TABLE outbox_lease DROP COLUMN rest_ms;
ALTER TABLE outbox_instance DROP COLUMN answers, DROP COLUMN kafka, DROP COLUMN standstills, DROP COLUMN beat_at;
