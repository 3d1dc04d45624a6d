-- Answers that clients may ask for again and continue. Times are milliseconds since 1970 UTC. What
-- a tenant stores nobody else sees.
CREATE TABLE response (
    id          TEXT PRIMARY KEY NOT NULL,    -- the request's in the ledger, too
    tenant      TEXT NOT NULL,
    key_id      TEXT,                         -- null where no key was needed
    previous_id TEXT,                         -- the response that it continues, which may be gone
    created_ms  INTEGER NOT NULL,
    expires_ms  INTEGER NOT NULL,
    bytes       INTEGER NOT NULL CHECK (bytes > 0),   -- of this row's object and its items'
    object      TEXT NOT NULL                 -- as JSON, with an empty output
) STRICT;

CREATE INDEX response_by_age ON response (tenant, created_ms);
CREATE INDEX response_by_expiry ON response (expires_ms);
CREATE INDEX response_by_previous ON response (previous_id) WHERE previous_id IS NOT NULL;

-- What went into a response and what came out of it, in this order.
CREATE TABLE response_item (
    response_id TEXT NOT NULL REFERENCES response (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    item_id     TEXT NOT NULL,
    output      INTEGER NOT NULL CHECK (output IN (0, 1)),
    object      TEXT NOT NULL,                -- as JSON
    PRIMARY KEY (response_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX response_item_by_id ON response_item (item_id);

-- How much each tenant's responses take, so that nobody has to add it up.
CREATE TABLE response_total (
    tenant TEXT PRIMARY KEY NOT NULL,
    bytes  INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER response_added AFTER INSERT ON response BEGIN
    INSERT INTO response_total (tenant, bytes) VALUES (new.tenant, new.bytes)
        ON CONFLICT (tenant) DO UPDATE SET bytes = bytes + new.bytes;
END;

CREATE TRIGGER response_removed AFTER DELETE ON response BEGIN
    UPDATE response_total SET bytes = bytes - old.bytes WHERE tenant = old.tenant;
END;
