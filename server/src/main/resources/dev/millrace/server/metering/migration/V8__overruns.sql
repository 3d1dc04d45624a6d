-- What the last step of a request took beyond what was set aside for it, at its internal price:
-- no budget is charged that.
ALTER TABLE request ADD COLUMN overrun_nano_usd INTEGER NOT NULL DEFAULT 0 CHECK (overrun_nano_usd >= 0);
