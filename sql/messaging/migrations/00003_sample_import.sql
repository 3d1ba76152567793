-- +goose Up
-- The samples that this database has got. What somebody changes or deletes afterwards must not come back.
CREATE TABLE sample_import (
    model       text        PRIMARY KEY,
    imported_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE sample_import;
