-- +goose Up
-- Aggregates whose copy differs from the last event of its version: the owner has given out the version twice, because its
-- database lost commits, or the event is not from the owner. A row goes when a higher version is applied, or when the data
-- of the copy arrives again.
CREATE TABLE copy_conflict (
    topic   text        COLLATE "C" NOT NULL,
    part    int         NOT NULL,
    key     text        COLLATE "C" NOT NULL,
    version bigint      NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, key)
);

-- +goose Down
DROP TABLE copy_conflict;
