-- What requests had in common, added up: by the minute, hour and day of their end as their rows are
-- written, so that nobody has to read millions of rows to draw a plot; and "dropped", by the hour, of
-- the rows that are no longer kept. At any time, for any hour: its rows + dropped = hour, and the hours
-- of a day = day. Minutes are kept for some hours only. Empty texts stand for null.
CREATE TABLE request_sum (
    span              TEXT NOT NULL CHECK (span IN ('minute', 'hour', 'day', 'dropped')),
    from_ms           INTEGER NOT NULL,
    rate_epoch_id     INTEGER NOT NULL REFERENCES rate_epoch (id),
    model             TEXT NOT NULL,
    tenant            TEXT NOT NULL,
    project           TEXT NOT NULL,
    key_id            TEXT NOT NULL,
    endpoint          TEXT NOT NULL,
    adapter           TEXT NOT NULL,
    tier              TEXT NOT NULL,
    tags              TEXT NOT NULL,          -- of dropped rows alone
    rate_changed      INTEGER NOT NULL,
    measured          INTEGER NOT NULL,       -- whether there are microjoules
    requests          INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    cached_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    computed_tokens   INTEGER NOT NULL,
    prefill_nanos     INTEGER NOT NULL,
    decode_nanos      INTEGER NOT NULL,
    microjoules       INTEGER NOT NULL,
    cost_nano_usd     INTEGER NOT NULL,
    charged_nano_usd  INTEGER NOT NULL,
    PRIMARY KEY (span, from_ms, rate_epoch_id, model, tenant, project, key_id, endpoint, adapter,
        tier, tags, rate_changed, measured)
) STRICT, WITHOUT ROWID;

INSERT INTO request_sum
SELECT 'hour', finished_ms - finished_ms % 3600000, rate_epoch_id, model, tenant,
    coalesce(project, ''), coalesce(key_id, ''), endpoint, coalesce(adapter, ''), tier, '',
    rate_changed, CASE WHEN microjoules IS NULL THEN 0 ELSE 1 END, count(*), sum(prompt_tokens),
    sum(cached_tokens), sum(completion_tokens), sum(computed_tokens), sum(prefill_nanos),
    sum(decode_nanos), coalesce(sum(microjoules), 0), sum(cost_nano_usd),
    sum(coalesce(charged_nano_usd, cost_nano_usd))
FROM request
GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13;

INSERT INTO request_sum
SELECT 'day', from_ms - from_ms % 86400000, rate_epoch_id, model, tenant, project, key_id, endpoint,
    adapter, tier, '', rate_changed, measured, sum(requests), sum(prompt_tokens), sum(cached_tokens),
    sum(completion_tokens), sum(computed_tokens), sum(prefill_nanos), sum(decode_nanos),
    sum(microjoules), sum(cost_nano_usd), sum(charged_nano_usd)
FROM request_sum
GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13;

-- Rows of requests that ended before this may be dropped, once they are in the sums.
CREATE TABLE retention (
    id           INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    kept_from_ms INTEGER NOT NULL
) STRICT;

INSERT INTO retention (id, kept_from_ms) VALUES (1, 0);

-- A row is never changed, and not dropped before its time. (Whoever may change tables may drop these
-- triggers, too: they are against mistakes. ./millrace cost compares all rows with their sums.)
--@sqlite
CREATE TRIGGER request_is_never_changed BEFORE UPDATE ON request BEGIN
    SELECT RAISE(ABORT, 'the rows of requests are never changed');
END;

CREATE TRIGGER request_is_kept BEFORE DELETE ON request
WHEN old.finished_ms >= (SELECT kept_from_ms FROM retention) BEGIN
    SELECT RAISE(ABORT, 'the rows of requests are kept');
END;
--@end
--@postgresql
--| CREATE FUNCTION request_is_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
--|     RAISE EXCEPTION 'the rows of requests are never changed';
--| END $$;
--|
--| CREATE FUNCTION request_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
--|     IF old.finished_ms >= (SELECT kept_from_ms FROM retention) THEN
--|         RAISE EXCEPTION 'the rows of requests are kept';
--|     END IF;
--|     RETURN old;
--| END $$;
--|
--| CREATE TRIGGER request_is_never_changed BEFORE UPDATE ON request
--|     FOR EACH ROW EXECUTE FUNCTION request_is_never_changed();
--| CREATE TRIGGER request_is_kept BEFORE DELETE ON request
--|     FOR EACH ROW EXECUTE FUNCTION request_is_kept();
--@end
