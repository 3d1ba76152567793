-- +goose Up
-- Each version of each object that the service owns: who has made it, when, and what it has changed. A row is written in the
-- transaction of the change. Nothing is unique, so that no history can refuse a change. The rows of an object have the order of
-- its versions, because a change locks its object first.
CREATE TABLE object_history (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model      text        NOT NULL, -- such as 'product'
    key        text        NOT NULL, -- the key of the object's events
    version    bigint      NOT NULL, -- of the object, after the change
    kind       text        NOT NULL, -- what happened, such as 'created'
    changed_at timestamptz NOT NULL,
    actor_kind text        NOT NULL, -- who has made the change, such as 'user'
    actor      text        NOT NULL, -- the name; may be empty
    cause      text        NOT NULL, -- the id of the request or event that led to the change; may be empty
    event_id   uuid        NOT NULL, -- of the event that tells others about the change
    fields     json        NOT NULL  -- the fields that have changed: [{"field": …, "old": …, "new": …}, …]
);
CREATE INDEX object_history_of ON object_history (model, key, id);

-- +goose Down
DROP TABLE object_history;
