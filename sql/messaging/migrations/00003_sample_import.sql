-- +goose Up
-- The models whose samples have been imported into this database. They are not imported again, so that a changed or
-- deleted sample does not come back.
CREATE TABLE sample_import (
    model       text        PRIMARY KEY,
    imported_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE sample_import;
