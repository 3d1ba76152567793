-- +goose Up
-- Requests: one service asks the owner of a model for a change, and the owner answers with an outcome. Both are messages.

-- The last number that was given out for a key. Requests and outcomes have no aggregate, so the number is their version.
-- The lock of the row gives the messages of a key the order of their numbers in the outbox. The row of an outcome topic is
-- also the lock of all decisions about the requests of the key; it is 0 until the first outcome.
CREATE TABLE message_number (
    topic text   NOT NULL,
    key   text   NOT NULL,
    last  bigint NOT NULL CHECK (last >= 0),
    PRIMARY KEY (topic, key)
) WITH (fillfactor = 50);

-- Requests that this service has sent.
CREATE TABLE sent_request (
    id            uuid        PRIMARY KEY, -- also the id of the message
    topic         text        NOT NULL,
    key           text        NOT NULL,
    number        bigint      NOT NULL,
    subject       text        NOT NULL, -- what the request is about, for look-ups by the service
    body          jsonb       NOT NULL, -- what the service keeps with the request
    once_id       bytea       UNIQUE,   -- SHA-256 of caller, method, path and Idempotency-Key; null without a key
    fingerprint   bytea,                -- SHA-256 of the request body
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    unreadable_at timestamptz, -- since then the owner's operator has to look at the request
    outcome       text,        -- null while the request is pending
    result        jsonb,       -- what the service keeps of the outcome
    finished_at   timestamptz,
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK ((once_id IS NULL) = (fingerprint IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX sent_request_subject ON sent_request (subject, number);
CREATE INDEX sent_request_pending ON sent_request (topic, created_at) WHERE finished_at IS NULL;
CREATE INDEX sent_request_finished ON sent_request (finished_at) WHERE finished_at IS NOT NULL;

-- Requests of others that this service has decided about. A request that is delivered again has no second effect.
CREATE TABLE decided_request (
    id         uuid        PRIMARY KEY,
    topic      text        NOT NULL,
    key        text        NOT NULL,
    outcome    text        NOT NULL,
    expires_at timestamptz NOT NULL, -- until then, a second delivery could have an effect without this row
    decided_at timestamptz NOT NULL
);
CREATE INDEX decided_request_decided_at ON decided_request (topic, decided_at);

-- Requests of others that wait until the local copy of their key's aggregate has a version, and the later requests of the
-- same key. They are decided in the order of their numbers. An asker whose database was restored may repeat a number.
CREATE TABLE parked_request (
    topic      text        NOT NULL,
    key        text        NOT NULL,
    number     bigint      NOT NULL,
    id         uuid        NOT NULL UNIQUE,
    part       int         NOT NULL, -- the place in the topic
    "offset"   bigint      NOT NULL,
    message    bytea       NOT NULL,
    needs      bigint      NOT NULL, -- the version that has to arrive
    expires_at timestamptz NOT NULL,
    parked_at  timestamptz NOT NULL,
    PRIMARY KEY (topic, key, number, id)
);
CREATE INDEX parked_request_expires_at ON parked_request (topic, expires_at);
CREATE INDEX parked_request_parked_at ON parked_request (topic, parked_at);

-- +goose Down
DROP TABLE parked_request, decided_request, sent_request, message_number;
