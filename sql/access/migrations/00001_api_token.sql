-- +goose Up
-- The tokens with which programs use the API. A row stays after its token has expired or was revoked: the audit names its id.
CREATE TABLE api_token (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text        NOT NULL CHECK (name <> ''), -- several tokens may have it, so that a client can replace its token
    hash       bytea       NOT NULL UNIQUE CHECK (octet_length(hash) = 32), -- SHA-256 of the secret, which is stored nowhere
    scopes     text[]      NOT NULL CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'write']),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz -- null unless it was revoked
);

-- The services read the tokens that can be valid, again and again. Those of the past must not make this slower.
CREATE INDEX api_token_expires_at ON api_token (expires_at) WHERE revoked_at IS NULL;

-- +goose Down
DROP TABLE api_token;
