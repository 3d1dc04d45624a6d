-- What clients say about their requests, and whom else to bill.
ALTER TABLE api_key ADD COLUMN project TEXT;         -- null for none

ALTER TABLE request ADD COLUMN project TEXT;         -- of the key, when the request came
ALTER TABLE request ADD COLUMN adapter TEXT;         -- of the model; null for the model as it is
ALTER TABLE request ADD COLUMN session_id TEXT;      -- the client's
ALTER TABLE request ADD COLUMN tags TEXT;            -- the client's metadata, a JSON object; null for none
ALTER TABLE request ADD COLUMN tier TEXT NOT NULL DEFAULT 'default';
-- What budgets are charged: the cost at the tier's internal price, never more than was set aside.
-- Null where that is the cost, as in rows from before there were budgets.
ALTER TABLE request ADD COLUMN charged_nano_usd INTEGER CHECK (charged_nano_usd >= 0);

ALTER TABLE open_request ADD COLUMN project TEXT;
ALTER TABLE open_request ADD COLUMN adapter TEXT;
ALTER TABLE open_request ADD COLUMN session_id TEXT;
ALTER TABLE open_request ADD COLUMN tags TEXT;
ALTER TABLE open_request ADD COLUMN tier TEXT NOT NULL DEFAULT 'default';
ALTER TABLE open_request ADD COLUMN charged_nano_usd INTEGER;

-- What may be spent in a day or a month. Both limits may be there, one must.
CREATE TABLE budget (
    scope         TEXT NOT NULL CHECK (scope IN ('server', 'team', 'project', 'key')),
    name          TEXT NOT NULL,                     -- of the team, project or key; empty for the server
    period        TEXT NOT NULL CHECK (period IN ('day', 'month')),
    hard_nano_usd INTEGER CHECK (hard_nano_usd >= 0),
    soft_nano_usd INTEGER CHECK (soft_nano_usd >= 0),
    time_zone     TEXT NOT NULL,                     -- in which days and months begin
    created_ms    INTEGER NOT NULL,
    PRIMARY KEY (scope, name, period),
    CHECK (hard_nano_usd IS NOT NULL OR soft_nano_usd IS NOT NULL)
) STRICT, WITHOUT ROWID;
