-- Files that clients left or batches wrote, and batches. Times are milliseconds since 1970 UTC. What
-- a tenant stores nobody else sees.

-- The bytes are files of the same names in the folder beside this database.
CREATE TABLE stored_file (
    id         TEXT PRIMARY KEY NOT NULL,
    tenant     TEXT NOT NULL,
    name       TEXT NOT NULL,                 -- as the client calls it; no path here
    purpose    TEXT NOT NULL,
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    sha256     TEXT NOT NULL CHECK (length(sha256) = 64),
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER                        -- null for never
) STRICT;

CREATE INDEX stored_file_by_age ON stored_file (tenant, created_ms, id);
CREATE INDEX stored_file_by_expiry ON stored_file (expires_ms) WHERE expires_ms IS NOT NULL;

CREATE TABLE batch (
    id               TEXT PRIMARY KEY NOT NULL,
    tenant           TEXT NOT NULL,
    key_id           TEXT,                    -- null where no key was needed
    endpoint         TEXT NOT NULL,           -- of every row
    input_file_id    TEXT NOT NULL,           -- which may be gone once the batch has ended
    output_seconds   INTEGER,                 -- how long its results are kept; null for good
    metadata         TEXT,                    -- as JSON
    status           TEXT NOT NULL,
    runs             INTEGER NOT NULL DEFAULT 0,      -- servers that worked on it
    model            TEXT,                    -- as soon as the rows were read
    errors           TEXT,                    -- of rows that cannot be read, as JSON
    output_file_id   TEXT,                    -- from the first row on; null again if nothing is in it
    error_file_id    TEXT,                    -- likewise
    total            INTEGER NOT NULL DEFAULT 0,
    completed        INTEGER NOT NULL DEFAULT 0,      -- of its end; files tell before
    failed           INTEGER NOT NULL DEFAULT 0,
    input_tokens     INTEGER NOT NULL DEFAULT 0,
    cached_tokens    INTEGER NOT NULL DEFAULT 0,
    output_tokens    INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens INTEGER NOT NULL DEFAULT 0,
    cost_nano_usd    INTEGER NOT NULL DEFAULT 0,
    price_nano_usd   INTEGER NOT NULL DEFAULT 0,
    created_ms       INTEGER NOT NULL,
    expires_ms       INTEGER NOT NULL         -- what did not run by then does not run
) STRICT;

CREATE INDEX batch_by_age ON batch (tenant, created_ms, id);
CREATE INDEX batch_by_status ON batch (status);

-- When a batch came to be what.
CREATE TABLE batch_status (
    batch_id TEXT NOT NULL REFERENCES batch (id) ON DELETE CASCADE,
    status   TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (batch_id, status)
) STRICT, WITHOUT ROWID;
