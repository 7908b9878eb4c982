-- The barrier's tables in SQLite. settle::barrier::install() runs this file; so may you, as often as you like.
-- A table of an older version is brought up to date by install() and `settlectl barrier install` only.

CREATE TABLE IF NOT EXISTS settle_barrier (
  gid     TEXT NOT NULL,
  branch  TEXT NOT NULL,
  state   INTEGER NOT NULL,   -- 0 as good as no row, 1 done, 2 tombstone, 4 held (tried, prepared); begun outside, its end
                              -- unknown: 5 the forward op, 6 confirm or commit, 7 the undo
  found   INTEGER NOT NULL,   -- the state that the last op found; 0: it made the row
  op      TEXT NOT NULL,      -- the op that made the row
  last_op TEXT NOT NULL,      -- the op that met it last
  began   INTEGER NOT NULL,   -- microseconds since 1970: begin of the global transaction; unknown: of the row
  answer  BLOB,               -- what the forward op answered
  closing BLOB,               -- what the second phase or the undo answered
  digest         TEXT,        -- SHA-256 of the forward op's request; NULL: nobody said
  closing_digest TEXT,        -- of the request of the second phase or the undo
  effects        INTEGER NOT NULL DEFAULT 0,   -- how often an effect outside was begun
  begun_until    INTEGER NOT NULL DEFAULT 0,   -- of states 5 to 7: until then it may be under way
  PRIMARY KEY (gid, branch)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS settle_barrier_began ON settle_barrier (began);

-- One row. Microseconds since 1970, and a duration.
CREATE TABLE IF NOT EXISTS settle_barrier_retention (
  id              INTEGER PRIMARY KEY CHECK (id = 1),
  refused_below   INTEGER NOT NULL,   -- the watermark: a transaction that began before it makes no new row
  deletable_below INTEGER NOT NULL,   -- the watermark that pruning goes by; never above the other
  raised_at       INTEGER NOT NULL,
  horizon         INTEGER NOT NULL    -- the watermark never comes nearer to now than this; 0: not set, nothing is pruned
);
INSERT OR IGNORE INTO settle_barrier_retention VALUES (1, 0, 0, 0, 0);
