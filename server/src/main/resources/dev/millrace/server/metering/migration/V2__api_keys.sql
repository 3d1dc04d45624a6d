-- Who may use the server. A key itself is never here, only its SHA-256; its id is the part of it
-- that may be shown. Limits are null where there are none.
CREATE TABLE api_key (
    id                  TEXT PRIMARY KEY NOT NULL,
    secret_sha256       BLOB NOT NULL CHECK (length(secret_sha256) = 32),
    name                TEXT NOT NULL,
    team                TEXT NOT NULL,        -- the tenant of its requests
    role                TEXT NOT NULL CHECK (role IN ('tenant', 'admin', 'metrics')),
    requests_per_minute INTEGER CHECK (requests_per_minute > 0),
    tokens_per_minute   INTEGER CHECK (tokens_per_minute > 0),
    created_ms          INTEGER NOT NULL,
    revoked_ms          INTEGER               -- null while it is good
) STRICT;

-- Two keys may have the same name as long as no more than one of them is good.
CREATE UNIQUE INDEX api_key_by_name ON api_key (name) WHERE revoked_ms IS NULL;

-- The models that a key may use; none for all.
CREATE TABLE api_key_model (
    key_id TEXT NOT NULL REFERENCES api_key (id),
    model  TEXT NOT NULL,
    PRIMARY KEY (key_id, model)
) STRICT, WITHOUT ROWID;

-- The key that a request came with; null where none was needed.
ALTER TABLE request ADD COLUMN key_id TEXT;
ALTER TABLE open_request ADD COLUMN key_id TEXT;
