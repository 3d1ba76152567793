-- +goose Up
-- Samples that were imported into this database. Changes and deletions made afterwards must survive.
CREATE TABLE sample_import (
    model       text        PRIMARY KEY,
    imported_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE sample_import;
