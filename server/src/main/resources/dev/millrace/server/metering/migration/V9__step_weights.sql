-- By what the steps of each model were shared: from its began_ms (of the writing) on until the next
-- revision's, in femtoseconds (1e-15 s); see docs/cost.md. Only ratios matter.
CREATE TABLE step_weights (
    session_id           INTEGER NOT NULL REFERENCES session (id),
    model                TEXT NOT NULL,
    drafts               INTEGER NOT NULL,   -- 1 for the steps of a draft model beside it
    revision             INTEGER NOT NULL,   -- 0 for what the session began with
    device               TEXT NOT NULL,      -- what the model ran on
    began_ms             INTEGER NOT NULL,
    steps                INTEGER NOT NULL,   -- of this session that they were learnt from
    fixed_femtos         INTEGER NOT NULL CHECK (fixed_femtos >= 0),
    sequence_femtos      INTEGER NOT NULL CHECK (sequence_femtos >= 0),
    token_femtos         INTEGER NOT NULL CHECK (token_femtos >= 0),
    cache_femtos         INTEGER NOT NULL CHECK (cache_femtos >= 0),
    context_femtos       INTEGER NOT NULL CHECK (context_femtos >= 0),
    adapter_read_femtos  INTEGER NOT NULL CHECK (adapter_read_femtos >= 0),
    adapter_token_femtos INTEGER NOT NULL CHECK (adapter_token_femtos >= 0),
    PRIMARY KEY (session_id, model, drafts, revision)
) STRICT, WITHOUT ROWID;

-- Where the session's energy came from, in words; null for sessions from before this was kept.
ALTER TABLE session ADD COLUMN energy_source TEXT;
