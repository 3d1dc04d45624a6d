-- The ledger of one machine. Money is in whole nano-dollars (1e-9 USD), time in nanoseconds,
-- energy in microjoules, wall-clock times in milliseconds since 1970 UTC.

-- One run of the server.
CREATE TABLE session (
    id           INTEGER PRIMARY KEY,
    process_id   INTEGER NOT NULL,
    began_ms     INTEGER NOT NULL,            -- when the device's lane opened
    heartbeat_ms INTEGER NOT NULL,            -- the last commit
    closed       INTEGER NOT NULL DEFAULT 0   -- 1 after an orderly end
) STRICT;

-- A time of one rate. lane_nanos is what the bill is computed from: the device's own clock,
-- independent of what was charged to whom.
CREATE TABLE rate_epoch (
    id                             INTEGER PRIMARY KEY,
    session_id                     INTEGER NOT NULL REFERENCES session (id),
    began_ms                       INTEGER NOT NULL,
    nano_usd_per_hour              INTEGER NOT NULL CHECK (nano_usd_per_hour > 0),
    depreciation_nano_usd_per_hour INTEGER NOT NULL,
    rent_nano_usd_per_hour         INTEGER NOT NULL,
    energy_nano_usd_per_hour       INTEGER NOT NULL,
    hosting_nano_usd_per_hour      INTEGER NOT NULL,
    assumed                        INTEGER NOT NULL,
    lane_nanos                     INTEGER NOT NULL DEFAULT 0 CHECK (lane_nanos >= 0)
) STRICT;

-- One row per request that was opened, however it ended.
CREATE TABLE request (
    id                TEXT PRIMARY KEY NOT NULL,
    rate_epoch_id     INTEGER NOT NULL REFERENCES rate_epoch (id),
    model             TEXT NOT NULL,
    tenant            TEXT NOT NULL,
    endpoint          TEXT NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    cached_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    computed_tokens   INTEGER NOT NULL,       -- prompt tokens that this request made the device compute
    prefill_nanos     INTEGER NOT NULL CHECK (prefill_nanos >= 0),
    decode_nanos      INTEGER NOT NULL CHECK (decode_nanos >= 0),
    device_nanos      INTEGER NOT NULL GENERATED ALWAYS AS (prefill_nanos + decode_nanos) VIRTUAL,
    microjoules       INTEGER,                -- null where no energy was measured
    cost_nano_usd     INTEGER NOT NULL CHECK (cost_nano_usd >= 0),
    assumed           INTEGER NOT NULL,
    finish_reason     TEXT NOT NULL,          -- stop, length, cancelled, failed, refused, interrupted
    detail            TEXT,
    began_ms          INTEGER NOT NULL,
    finished_ms       INTEGER NOT NULL
) STRICT;

CREATE INDEX request_by_end ON request (finished_ms);

-- Requests in progress as of the last checkpoint; what a crash leaves here becomes an
-- "interrupted" request at the next start. fraction is in 1/3.6e12 nano-dollars.
CREATE TABLE open_request (
    id               TEXT PRIMARY KEY NOT NULL,
    rate_epoch_id    INTEGER NOT NULL REFERENCES rate_epoch (id),
    model            TEXT NOT NULL,
    tenant           TEXT NOT NULL,
    endpoint         TEXT NOT NULL,
    computed_tokens  INTEGER NOT NULL,
    decoded_tokens   INTEGER NOT NULL,
    prefill_nanos    INTEGER NOT NULL,
    decode_nanos     INTEGER NOT NULL,
    microjoules      INTEGER,
    cost_nano_usd    INTEGER NOT NULL,
    fraction         INTEGER NOT NULL,
    began_ms         INTEGER NOT NULL
) STRICT;

-- Time of the machine that belongs to no request, one row per kind and hour, updated in place.
-- Kinds: idle, overhead, recompute, offline, unrecorded, rounding; and while a session runs (in
-- window 0) open (what requests in progress have used) and in_flight (a step not yet reported).
CREATE TABLE machine_time (
    rate_epoch_id INTEGER NOT NULL REFERENCES rate_epoch (id),
    kind          TEXT NOT NULL,
    window_ms     INTEGER NOT NULL,
    nanos         INTEGER NOT NULL CHECK (nanos >= 0),
    microjoules   INTEGER,
    cost_nano_usd INTEGER NOT NULL CHECK (cost_nano_usd >= 0),
    fraction      INTEGER NOT NULL CHECK (fraction >= 0),
    PRIMARY KEY (rate_epoch_id, kind, window_ms)
) STRICT, WITHOUT ROWID;
