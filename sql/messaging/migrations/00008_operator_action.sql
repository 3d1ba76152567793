-- +goose Up
-- What operators have changed with commands. Each row is written in the transaction of the change. A command that needs many
-- transactions writes its row in the first one, and updates detail in the others.
CREATE TABLE operator_action (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    by_whom text        NOT NULL,
    command text        NOT NULL,
    reason  text        NOT NULL, -- empty if the operator gave none
    detail  jsonb       NOT NULL  -- what was changed; its members depend on the command
);

-- +goose Down
DROP TABLE operator_action;
