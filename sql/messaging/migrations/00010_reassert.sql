-- +goose Up
-- The triggers of the owned tables let a version rise by more than one only in a transaction of the command "outbox reassert".
-- Such a transaction writes its record of the command, and sets messaging.reassert to the id of this record.
-- +goose StatementBegin
CREATE FUNCTION outbox_reasserts() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM operator_action
        WHERE id = nullif(current_setting('messaging.reassert', true), '')::bigint AND command = 'outbox reassert');
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION outbox_reasserts;
