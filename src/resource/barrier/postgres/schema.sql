-- The barrier's tables in PostgreSQL, and its functions for other languages. settle::barrier::install() runs this file as
-- one transaction; so may you (psql --single-transaction), as often as you like.

SELECT pg_advisory_xact_lock(7301444403200);  -- two installations at once would trip over each other

CREATE TABLE IF NOT EXISTS settle_barrier (
  gid     varchar(128) COLLATE "C" NOT NULL,
  branch  varchar(64) COLLATE "C" NOT NULL,
  state   smallint NOT NULL,   -- 0 as good as no row, 1 done, 2 tombstone, 4 held (tried, prepared)
  found   smallint NOT NULL,   -- the state that the last op found; 0: it made the row
  op      varchar(16) NOT NULL,      -- the op that made the row
  last_op varchar(16) NOT NULL,      -- the op that met it last
  began   bigint NOT NULL,   -- microseconds since 1970: begin of the global transaction; unknown: of the row
  answer  bytea,             -- what the forward op answered
  closing bytea,             -- what the second phase or the undo answered
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
  work   varchar(16) NOT NULL,   -- nothing, apply, fulfil, undo
  next   smallint NOT NULL,
  answer varchar(16) NOT NULL,   -- done, refused, committed, aborted, conflict; and running, which stands in no row
  PRIMARY KEY (op, found)
);
DELETE FROM settle_barrier_step;
INSERT INTO settle_barrier_step (op, found, work, next, answer) VALUES
  ('action', 0, 'apply', 1, 'done'), ('action', 1, 'nothing', 1, 'done'), ('action', 2, 'nothing', 2, 'refused'), ('action', 4, 'nothing', 4, 'conflict'),
  ('deliver', 0, 'apply', 1, 'done'), ('deliver', 1, 'nothing', 1, 'done'), ('deliver', 2, 'nothing', 2, 'refused'), ('deliver', 4, 'nothing', 4, 'conflict'),
  ('local', 0, 'apply', 1, 'done'), ('local', 1, 'nothing', 1, 'done'), ('local', 2, 'nothing', 2, 'refused'), ('local', 4, 'nothing', 4, 'conflict'),
  ('try', 0, 'apply', 4, 'done'), ('try', 1, 'nothing', 1, 'done'), ('try', 2, 'nothing', 2, 'refused'), ('try', 4, 'nothing', 4, 'done'),
  ('prepare', 0, 'apply', 4, 'done'), ('prepare', 1, 'nothing', 1, 'done'), ('prepare', 2, 'nothing', 2, 'refused'), ('prepare', 4, 'nothing', 4, 'done'),
  ('confirm', 0, 'nothing', 0, 'conflict'), ('confirm', 1, 'nothing', 1, 'done'), ('confirm', 2, 'nothing', 2, 'conflict'), ('confirm', 4, 'fulfil', 1, 'done'),
  ('commit', 0, 'nothing', 0, 'conflict'), ('commit', 1, 'nothing', 1, 'done'), ('commit', 2, 'nothing', 2, 'conflict'), ('commit', 4, 'fulfil', 1, 'done'),
  ('cancel', 0, 'nothing', 2, 'done'), ('cancel', 1, 'nothing', 1, 'conflict'), ('cancel', 2, 'nothing', 2, 'done'), ('cancel', 4, 'undo', 2, 'done'),
  ('rollback', 0, 'nothing', 2, 'done'), ('rollback', 1, 'nothing', 1, 'conflict'), ('rollback', 2, 'nothing', 2, 'done'), ('rollback', 4, 'undo', 2, 'done'),
  ('compensate', 0, 'nothing', 2, 'done'), ('compensate', 1, 'undo', 2, 'done'), ('compensate', 2, 'nothing', 2, 'done'), ('compensate', 4, 'nothing', 4, 'conflict'),
  ('check', 0, 'nothing', 2, 'aborted'), ('check', 1, 'nothing', 1, 'committed'), ('check', 2, 'nothing', 2, 'aborted'), ('check', 4, 'nothing', 4, 'conflict');

-- Asks the barrier: the first statement of your local transaction. Do the work it names, keep your answer with
-- settle_barrier_answer, commit. Roll back when the business refuses or the answer is 'running'. p_began: begin of the
-- global transaction in microseconds since 1970, if you know it. Errors 40001 and 40P01: roll back and begin again.
CREATE OR REPLACE FUNCTION settle_barrier(p_gid text, p_branch text, p_op text, p_began bigint DEFAULT NULL,
                                          OUT work text, OUT answer text, OUT stored bytea)
LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
#variable_conflict use_column
DECLARE
  fresh smallint;
  met settle_barrier%ROWTYPE;
BEGIN
  SELECT s.next INTO fresh FROM settle_barrier_step s WHERE s.op = p_op AND s.found = 0;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'settle_barrier: there is no op %', p_op USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO settle_barrier AS b (gid, branch, state, found, op, last_op, began)
  VALUES (p_gid, p_branch,
          CASE WHEN p_began < (SELECT refused_below FROM settle_barrier_retention) THEN 0 ELSE fresh END,
          0, p_op, p_op, COALESCE(p_began, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint))
  ON CONFLICT (gid, branch) DO UPDATE
    SET found = b.state, last_op = excluded.op, op = CASE b.state WHEN 0 THEN excluded.op ELSE b.op END,
        state = CASE b.state WHEN 0 THEN excluded.state
                ELSE (SELECT s.next FROM settle_barrier_step s WHERE s.op = p_op AND s.found = b.state) END
  RETURNING * INTO met;
  SELECT s.work, s.answer,
         CASE WHEN s.work <> 'nothing' OR s.answer <> 'done' THEN NULL
              WHEN p_op IN ('confirm', 'commit', 'compensate', 'cancel', 'rollback') THEN met.closing
              ELSE met.answer END
    INTO settle_barrier.work, settle_barrier.answer, settle_barrier.stored
    FROM settle_barrier_step s WHERE s.op = p_op AND s.found = met.found;
  IF met.found = 0 AND met.state <> fresh THEN  -- older than the watermark
    settle_barrier.work := 'nothing';
    settle_barrier.answer := 'conflict';
  END IF;
EXCEPTION WHEN lock_not_available THEN
  settle_barrier.work := 'nothing';
  settle_barrier.answer := 'running';
END
$$;

-- Keeps the answer of the call that entered, for its repeats; in the same transaction, before the commit.
CREATE OR REPLACE FUNCTION settle_barrier_answer(p_gid text, p_branch text, p_op text, p_body bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF p_op IN ('confirm', 'commit', 'compensate', 'cancel', 'rollback') THEN
    UPDATE settle_barrier SET closing = p_body WHERE gid = p_gid AND branch = p_branch;
  ELSE
    UPDATE settle_barrier SET answer = p_body WHERE gid = p_gid AND branch = p_branch;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'settle_barrier_answer: this transaction has not entered';
  END IF;
END
$$;
