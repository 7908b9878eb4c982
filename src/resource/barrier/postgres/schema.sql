-- The barrier's tables in PostgreSQL, and its functions for other languages. settle::barrier::install() runs this file as
-- one transaction; so may you (psql --single-transaction), as often as you like.

SELECT pg_advisory_xact_lock(7301444403200);  -- two installations at once would trip over each other

CREATE TABLE IF NOT EXISTS settle_barrier (
  gid     varchar(128) COLLATE "C" NOT NULL,
  branch  varchar(64) COLLATE "C" NOT NULL,
  state   smallint NOT NULL,   -- 0 as good as no row, 1 done, 2 tombstone, 4 held (tried, prepared); begun outside, its end
                               -- unknown: 5 the forward op, 6 confirm or commit, 7 the undo
  found   smallint NOT NULL,   -- the state that the last op found; 0: it made the row
  op      varchar(16) NOT NULL,      -- the op that made the row
  last_op varchar(16) NOT NULL,      -- the op that met it last
  began   bigint NOT NULL,   -- microseconds since 1970: begin of the global transaction; unknown: of the row
  answer  bytea,             -- what the forward op answered
  closing bytea,             -- what the second phase or the undo answered
  digest         varchar(64),          -- SHA-256 of the forward op's request; NULL: nobody said
  closing_digest varchar(64),          -- of the request of the second phase or the undo
  effects        bigint NOT NULL DEFAULT 0,   -- how often an effect outside was begun
  begun_until    bigint NOT NULL DEFAULT 0,   -- of states 5 to 7: until then it may be under way
  PRIMARY KEY (gid, branch)
);
CREATE INDEX IF NOT EXISTS settle_barrier_began ON settle_barrier (began);

-- One row. Microseconds since 1970, and a duration.
CREATE TABLE IF NOT EXISTS settle_barrier_retention (
  id              smallint PRIMARY KEY CHECK (id = 1),
  refused_below   bigint NOT NULL,   -- the watermark: a transaction that began before it makes no new row
  deletable_below bigint NOT NULL,   -- the watermark that pruning goes by; never above the other
  raised_at       bigint NOT NULL,
  horizon         bigint NOT NULL    -- the watermark never comes nearer to now than this; 0: not set, nothing is pruned
);
INSERT INTO settle_barrier_retention VALUES (1, 0, 0, 0, 0) ON CONFLICT DO NOTHING;

-- The order table (src/protocol/barrier.h, held against it by a test).
CREATE TABLE IF NOT EXISTS settle_barrier_step (
  op     varchar(16) COLLATE "C" NOT NULL,
  found  smallint NOT NULL,
  work   varchar(16) NOT NULL,   -- nothing, apply, fulfil, undo; find: it was begun outside before
  next   smallint NOT NULL,
  begins smallint NOT NULL,      -- the state while it is under way outside
  answer varchar(16) NOT NULL,   -- done, refused, committed, aborted, conflict; and running, which stands in no row
  PRIMARY KEY (op, found)
);

-- Tables of an older version are brought up to date; their rows keep what they say.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'settle_barrier'::regclass AND attname = 'begun_until') THEN
    ALTER TABLE settle_barrier
      ADD COLUMN digest varchar(64), ADD COLUMN closing_digest varchar(64),
      ADD COLUMN effects bigint NOT NULL DEFAULT 0, ADD COLUMN begun_until bigint NOT NULL DEFAULT 0;
    DELETE FROM settle_barrier_step;
    ALTER TABLE settle_barrier_step ADD COLUMN begins smallint NOT NULL;
    DROP FUNCTION IF EXISTS settle_barrier(text, text, text, bigint);
  END IF;
END
$$;

DELETE FROM settle_barrier_step;
INSERT INTO settle_barrier_step (op, found, work, next, begins, answer) VALUES
  ('action', 0, 'apply', 1, 5, 'done'), ('action', 1, 'nothing', 1, 1, 'done'), ('action', 2, 'nothing', 2, 2, 'refused'), ('action', 4, 'nothing', 4, 4, 'conflict'),
  ('action', 5, 'find', 1, 5, 'done'), ('action', 6, 'nothing', 6, 6, 'conflict'), ('action', 7, 'nothing', 7, 7, 'refused'),
  ('deliver', 0, 'apply', 1, 5, 'done'), ('deliver', 1, 'nothing', 1, 1, 'done'), ('deliver', 2, 'nothing', 2, 2, 'refused'), ('deliver', 4, 'nothing', 4, 4, 'conflict'),
  ('deliver', 5, 'find', 1, 5, 'done'), ('deliver', 6, 'nothing', 6, 6, 'conflict'), ('deliver', 7, 'nothing', 7, 7, 'refused'),
  ('local', 0, 'apply', 1, 1, 'done'), ('local', 1, 'nothing', 1, 1, 'done'), ('local', 2, 'nothing', 2, 2, 'refused'), ('local', 4, 'nothing', 4, 4, 'conflict'),
  ('local', 5, 'nothing', 5, 5, 'conflict'), ('local', 6, 'nothing', 6, 6, 'conflict'), ('local', 7, 'nothing', 7, 7, 'conflict'),
  ('try', 0, 'apply', 4, 5, 'done'), ('try', 1, 'nothing', 1, 1, 'done'), ('try', 2, 'nothing', 2, 2, 'refused'), ('try', 4, 'nothing', 4, 4, 'done'),
  ('try', 5, 'find', 4, 5, 'done'), ('try', 6, 'nothing', 6, 6, 'done'), ('try', 7, 'nothing', 7, 7, 'refused'),
  ('prepare', 0, 'apply', 4, 5, 'done'), ('prepare', 1, 'nothing', 1, 1, 'done'), ('prepare', 2, 'nothing', 2, 2, 'refused'), ('prepare', 4, 'nothing', 4, 4, 'done'),
  ('prepare', 5, 'find', 4, 5, 'done'), ('prepare', 6, 'nothing', 6, 6, 'done'), ('prepare', 7, 'nothing', 7, 7, 'refused'),
  ('confirm', 0, 'nothing', 0, 0, 'conflict'), ('confirm', 1, 'nothing', 1, 1, 'done'), ('confirm', 2, 'nothing', 2, 2, 'conflict'), ('confirm', 4, 'fulfil', 1, 6, 'done'),
  ('confirm', 5, 'nothing', 5, 5, 'conflict'), ('confirm', 6, 'find', 1, 6, 'done'), ('confirm', 7, 'nothing', 7, 7, 'conflict'),
  ('commit', 0, 'nothing', 0, 0, 'conflict'), ('commit', 1, 'nothing', 1, 1, 'done'), ('commit', 2, 'nothing', 2, 2, 'conflict'), ('commit', 4, 'fulfil', 1, 6, 'done'),
  ('commit', 5, 'nothing', 5, 5, 'conflict'), ('commit', 6, 'find', 1, 6, 'done'), ('commit', 7, 'nothing', 7, 7, 'conflict'),
  ('cancel', 0, 'nothing', 2, 2, 'done'), ('cancel', 1, 'nothing', 1, 1, 'conflict'), ('cancel', 2, 'nothing', 2, 2, 'done'), ('cancel', 4, 'undo', 2, 7, 'done'),
  ('cancel', 5, 'undo', 2, 7, 'done'), ('cancel', 6, 'nothing', 6, 6, 'conflict'), ('cancel', 7, 'find', 2, 7, 'done'),
  ('rollback', 0, 'nothing', 2, 2, 'done'), ('rollback', 1, 'nothing', 1, 1, 'conflict'), ('rollback', 2, 'nothing', 2, 2, 'done'), ('rollback', 4, 'undo', 2, 7, 'done'),
  ('rollback', 5, 'undo', 2, 7, 'done'), ('rollback', 6, 'nothing', 6, 6, 'conflict'), ('rollback', 7, 'find', 2, 7, 'done'),
  ('compensate', 0, 'nothing', 2, 2, 'done'), ('compensate', 1, 'undo', 2, 7, 'done'), ('compensate', 2, 'nothing', 2, 2, 'done'), ('compensate', 4, 'nothing', 4, 4, 'conflict'),
  ('compensate', 5, 'undo', 2, 7, 'done'), ('compensate', 6, 'nothing', 6, 6, 'conflict'), ('compensate', 7, 'find', 2, 7, 'done'),
  ('check', 0, 'nothing', 2, 2, 'aborted'), ('check', 1, 'nothing', 1, 1, 'committed'), ('check', 2, 'nothing', 2, 2, 'aborted'), ('check', 4, 'nothing', 4, 4, 'conflict'),
  ('check', 5, 'nothing', 5, 5, 'conflict'), ('check', 6, 'nothing', 6, 6, 'conflict'), ('check', 7, 'nothing', 7, 7, 'conflict');

CREATE OR REPLACE FUNCTION settle_barrier_is_closing(p_op text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT p_op IN ('confirm', 'commit', 'compensate', 'cancel', 'rollback') $$;

CREATE OR REPLACE FUNCTION settle_barrier_now() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;

-- The state that an op gives to a row.
CREATE OR REPLACE FUNCTION settle_barrier_entered(p_op text, p_found smallint, p_outside boolean) RETURNS smallint
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN s.work = 'find' THEN s.found WHEN p_outside THEN s.begins ELSE s.next END
    FROM settle_barrier_step s WHERE s.op = p_op AND s.found = p_found
$$;

-- What the functions below have in common: writes the row, and says what the order table makes of it.
CREATE OR REPLACE FUNCTION settle_barrier_meet(p_gid text, p_branch text, p_op text, p_began bigint, p_digest text,
                                               p_outside boolean, OUT work text, OUT answer text, OUT stored bytea)
LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
#variable_conflict use_column
DECLARE
  fresh smallint := settle_barrier_entered(p_op, 0::smallint, p_outside);
  closes boolean := settle_barrier_is_closing(p_op);
  moment bigint := settle_barrier_now();
  met settle_barrier%ROWTYPE;
BEGIN
  IF fresh IS NULL OR p_outside AND p_op IN ('local', 'check') THEN
    RAISE EXCEPTION 'settle_barrier: there is no op %', p_op USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_digest !~ '^[0-9a-f]{64}$' THEN
    RAISE EXCEPTION 'settle_barrier: the digest is not 64 lower-case hexadecimal digits'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO settle_barrier AS b (gid, branch, state, found, op, last_op, began, digest, closing_digest)
  VALUES (p_gid, p_branch,
          CASE WHEN p_began < (SELECT refused_below FROM settle_barrier_retention) THEN 0 ELSE fresh END,
          0, p_op, p_op, COALESCE(p_began, moment), CASE WHEN NOT closes THEN p_digest END, CASE WHEN closes THEN p_digest END)
  ON CONFLICT (gid, branch) DO UPDATE
    SET found = b.state, last_op = excluded.op, op = CASE b.state WHEN 0 THEN excluded.op ELSE b.op END,
        digest = CASE WHEN NOT closes AND b.state = 0 THEN excluded.digest ELSE b.digest END,
        closing_digest = CASE WHEN closes AND b.state <> settle_barrier_entered(p_op, b.state, p_outside)
                              THEN excluded.closing_digest ELSE b.closing_digest END,
        state = CASE WHEN b.state = 0 THEN excluded.state
                     WHEN b.state > 4 AND b.begun_until > moment THEN b.state
                     ELSE settle_barrier_entered(p_op, b.state, p_outside) END
  RETURNING * INTO met;
  SELECT s.work, s.answer,
         CASE WHEN s.work <> 'nothing' OR s.answer <> 'done' THEN NULL WHEN closes THEN met.closing ELSE met.answer END
    INTO settle_barrier_meet.work, settle_barrier_meet.answer, settle_barrier_meet.stored
    FROM settle_barrier_step s WHERE s.op = p_op AND s.found = met.found;
  IF met.found > 4 AND met.begun_until > moment THEN
    settle_barrier_meet.work := 'nothing';
    settle_barrier_meet.answer := 'running';
  ELSIF met.found = 0 AND met.state <> fresh  -- older than the watermark
     OR settle_barrier_meet.answer = 'done' AND settle_barrier_meet.work IN ('nothing', 'find')  -- another request before
        AND p_digest <> (CASE WHEN closes THEN met.closing_digest ELSE met.digest END) THEN
    settle_barrier_meet.work := 'nothing';
    settle_barrier_meet.answer := 'conflict';
    settle_barrier_meet.stored := NULL;
  END IF;
EXCEPTION WHEN lock_not_available THEN
  settle_barrier_meet.work := 'nothing';
  settle_barrier_meet.answer := 'running';
END
$$;

-- Asks the barrier: the first statement of your local transaction. Do the work it names, keep your answer with
-- settle_barrier_answer, commit. Roll back when the business refuses or the answer is 'running'. p_began: begin of the
-- global transaction in microseconds since 1970, if you know it; p_digest: encode(sha256(body), 'hex') of the request.
-- Errors 40001 and 40P01: roll back and begin again.
CREATE OR REPLACE FUNCTION settle_barrier(p_gid text, p_branch text, p_op text, p_began bigint DEFAULT NULL,
                                          p_digest text DEFAULT NULL, OUT work text, OUT answer text, OUT stored bytea)
LANGUAGE sql AS $$
  SELECT CASE m.work WHEN 'find' THEN 'nothing' ELSE m.work END, CASE m.work WHEN 'find' THEN 'unknown' ELSE m.answer END,
         m.stored
    FROM settle_barrier_meet(p_gid, p_branch, p_op, p_began, p_digest, false) m
$$;

-- The same before an effect outside of this database, in a transaction of its own: commit it, then do the work, then
-- settle_barrier_end in another one. Until p_seconds are over, which the work must not take, others hear 'running'.
-- Work 'find': it was begun before, and nobody saw its end. Find out what became of it, or do it again if the other side
-- takes the same key for the same deed; settle_barrier_end in either case.
CREATE OR REPLACE FUNCTION settle_barrier_begin(p_gid text, p_branch text, p_op text, p_began bigint DEFAULT NULL,
                                                p_digest text DEFAULT NULL, p_seconds int DEFAULT 30,
                                                OUT work text, OUT answer text, OUT stored bytea, OUT attempt bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  SELECT * INTO settle_barrier_begin.work, settle_barrier_begin.answer, settle_barrier_begin.stored
    FROM settle_barrier_meet(p_gid, p_branch, p_op, p_began, p_digest, true);
  IF settle_barrier_begin.work <> 'nothing' THEN
    UPDATE settle_barrier SET effects = effects + 1, begun_until = settle_barrier_now() + p_seconds * 1000000::bigint
     WHERE gid = p_gid AND branch = p_branch RETURNING effects INTO settle_barrier_begin.attempt;
  END IF;
END
$$;

-- What became of the work that settle_barrier_begin gave. 'done': it happened, p_body is kept for repeats. 'never': neither
-- this attempt nor an earlier one happened or will. 'unknown': nobody can tell, and nothing is on its way any more; if
-- something may be, leave it to p_seconds. An error: it took longer, and somebody else went on with it.
CREATE OR REPLACE FUNCTION settle_barrier_end(p_gid text, p_branch text, p_op text, p_attempt bigint, p_outcome text,
                                              p_body bytea DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF p_outcome NOT IN ('done', 'never', 'unknown') THEN
    RAISE EXCEPTION 'settle_barrier_end: there is no outcome %', p_outcome USING ERRCODE = 'invalid_parameter_value';
  END IF;
  UPDATE settle_barrier b
     SET begun_until = 0,
         state = CASE WHEN p_outcome = 'done' THEN s.next
                      WHEN p_outcome = 'never' AND b.state = 5 THEN 0
                      WHEN p_outcome = 'never' AND b.state = 6 THEN 4 ELSE b.state END,
         answer = CASE WHEN p_outcome = 'done' AND NOT settle_barrier_is_closing(p_op) THEN p_body ELSE b.answer END,
         closing = CASE WHEN p_outcome = 'done' AND settle_barrier_is_closing(p_op) THEN p_body ELSE b.closing END
    FROM settle_barrier_step s
   WHERE b.gid = p_gid AND b.branch = p_branch AND b.effects = p_attempt
     AND s.op = p_op AND s.found = b.state AND s.work = 'find';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'settle_barrier_end: this attempt is not under way any more';
  END IF;
END
$$;

-- Keeps the answer of the call that entered, for its repeats; in the same transaction, before the commit.
CREATE OR REPLACE FUNCTION settle_barrier_answer(p_gid text, p_branch text, p_op text, p_body bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF settle_barrier_is_closing(p_op) THEN
    UPDATE settle_barrier SET closing = p_body WHERE gid = p_gid AND branch = p_branch;
  ELSE
    UPDATE settle_barrier SET answer = p_body WHERE gid = p_gid AND branch = p_branch;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'settle_barrier_answer: this transaction has not entered';
  END IF;
END
$$;
