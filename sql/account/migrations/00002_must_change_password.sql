-- +goose Up
-- Set while the password is one that the service has made up, and that others than the user may have seen.
ALTER TABLE admin_user ADD COLUMN must_change_password boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE admin_user DROP COLUMN must_change_password;
