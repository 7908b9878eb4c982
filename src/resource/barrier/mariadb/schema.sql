-- The barrier's tables in MariaDB, and its procedures for other languages. settle::barrier::install() runs this file; so may
-- you (mariadb DATABASE < schema.sql), as often as you like.
DELIMITER //

CREATE TABLE IF NOT EXISTS settle_barrier (
  gid     VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  branch  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state   TINYINT NOT NULL,   -- 0 as good as no row, 1 done, 2 tombstone, 4 held (tried, prepared); begun outside, its end
                              -- unknown: 5 the forward op, 6 confirm or commit, 7 the undo
  found   TINYINT NOT NULL,   -- the state that the last op found; 0: it made the row
  op      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,   -- the op that made the row
  last_op VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,   -- the op that met it last
  began   BIGINT NOT NULL,    -- microseconds since 1970: begin of the global transaction; unknown: of the row
  answer  MEDIUMBLOB,         -- what the forward op answered
  closing MEDIUMBLOB,         -- what the second phase or the undo answered
  entered_by BIGINT UNSIGNED NOT NULL DEFAULT 0,  -- the connection of the last op
  digest         CHAR(64) CHARACTER SET ascii COLLATE ascii_bin,   -- SHA-256 of the forward op's request; NULL: nobody said
  closing_digest CHAR(64) CHARACTER SET ascii COLLATE ascii_bin,   -- of the request of the second phase or the undo
  effects        BIGINT NOT NULL DEFAULT 0,   -- how often an effect outside was begun
  begun_until    BIGINT NOT NULL DEFAULT 0,   -- of states 5 to 7: until then it may be under way
  PRIMARY KEY (gid, branch),
  KEY settle_barrier_began (began)
) ENGINE = InnoDB
//
-- One row. Microseconds since 1970, and a duration.
CREATE TABLE IF NOT EXISTS settle_barrier_retention (
  id              TINYINT PRIMARY KEY CHECK (id = 1),
  refused_below   BIGINT NOT NULL,   -- the watermark: a transaction that began before it makes no new row
  deletable_below BIGINT NOT NULL,   -- the watermark that pruning goes by; never above the other
  raised_at       BIGINT NOT NULL,
  horizon         BIGINT NOT NULL    -- the watermark never comes nearer to now than this; 0: not set, nothing is pruned
) ENGINE = InnoDB
//
INSERT INTO settle_barrier_retention VALUES (1, 0, 0, 0, 0) ON DUPLICATE KEY UPDATE id = id
//
-- The order table (src/protocol/barrier.h, held against it by a test).
CREATE TABLE IF NOT EXISTS settle_barrier_step (
  op     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  found  TINYINT NOT NULL,
  work   VARCHAR(16) CHARACTER SET ascii NOT NULL,   -- nothing, apply, fulfil, undo; find: it was begun outside before
  next   TINYINT NOT NULL,
  begins TINYINT NOT NULL,                           -- the state while it is under way outside
  answer VARCHAR(16) CHARACTER SET ascii NOT NULL,   -- done, refused, committed, aborted, conflict; and running, which stands in no row
  PRIMARY KEY (op, found)
) ENGINE = InnoDB
//
-- Tables of an older version are brought up to date; their rows keep what they say.
BEGIN NOT ATOMIC
  IF NOT EXISTS (SELECT 1 FROM information_schema.COLUMNS
                  WHERE table_schema = DATABASE() AND table_name = 'settle_barrier' AND column_name = 'begun_until')
     OR NOT EXISTS (SELECT 1 FROM information_schema.COLUMNS
                     WHERE table_schema = DATABASE() AND table_name = 'settle_barrier_step' AND column_name = 'begins') THEN
    ALTER TABLE settle_barrier
      ADD COLUMN IF NOT EXISTS digest CHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
      ADD COLUMN IF NOT EXISTS closing_digest CHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
      ADD COLUMN IF NOT EXISTS effects BIGINT NOT NULL DEFAULT 0,
      ADD COLUMN IF NOT EXISTS begun_until BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE settle_barrier_step ADD COLUMN IF NOT EXISTS begins TINYINT NOT NULL;
  END IF;
END
//
REPLACE INTO settle_barrier_step (op, found, work, next, begins, answer) VALUES
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
  ('check', 5, 'nothing', 5, 5, 'conflict'), ('check', 6, 'nothing', 6, 6, 'conflict'), ('check', 7, 'nothing', 7, 7, 'conflict')
//
CREATE OR REPLACE FUNCTION settle_barrier_is_closing(p_op VARCHAR(16) CHARACTER SET ascii) RETURNS BOOLEAN
DETERMINISTIC NO SQL
RETURN p_op IN ('confirm', 'commit', 'compensate', 'cancel', 'rollback')
//
CREATE OR REPLACE FUNCTION settle_barrier_now() RETURNS BIGINT NOT DETERMINISTIC NO SQL
RETURN CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)
//
-- The state that an op gives to a row.
CREATE OR REPLACE FUNCTION settle_barrier_entered(p_op VARCHAR(16) CHARACTER SET ascii, p_found TINYINT, p_outside BOOLEAN)
RETURNS TINYINT READS SQL DATA
RETURN (SELECT CASE WHEN s.work = 'find' THEN s.found WHEN p_outside THEN s.begins ELSE s.next END
          FROM settle_barrier_step s WHERE s.op = p_op AND s.found = p_found)
//
-- What the procedures below have in common: writes the row, and says what the order table makes of it.
CREATE OR REPLACE PROCEDURE settle_barrier_meet(IN p_gid VARCHAR(128) CHARACTER SET ascii,
                                                IN p_branch VARCHAR(64) CHARACTER SET ascii,
                                                IN p_op VARCHAR(16) CHARACTER SET ascii, IN p_began BIGINT,
                                                IN p_digest VARCHAR(64) CHARACTER SET ascii, IN p_outside BOOLEAN,
                                                OUT o_work VARCHAR(16) CHARACTER SET ascii,
                                                OUT o_answer VARCHAR(16) CHARACTER SET ascii, OUT o_stored MEDIUMBLOB)
MODIFIES SQL DATA
BEGIN
  DECLARE v_fresh TINYINT DEFAULT settle_barrier_entered(p_op, 0, p_outside);
  DECLARE v_closes BOOLEAN DEFAULT settle_barrier_is_closing(p_op);
  DECLARE v_moment BIGINT DEFAULT settle_barrier_now();
  DECLARE v_running, v_conflict BOOLEAN DEFAULT FALSE;
  DECLARE EXIT HANDLER FOR 1205 SET o_work = 'nothing', o_answer = 'running', o_stored = NULL;
  IF v_fresh IS NULL OR (p_outside AND p_op IN ('local', 'check')) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'settle_barrier: there is no such op';
  END IF;
  IF p_digest NOT REGEXP '^[0-9a-f]{64}$' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'settle_barrier: the digest is not 64 lower-case hexadecimal digits';
  END IF;
  -- 0: somebody else's open transaction is answered 'running' at once. The state, which all others ask for, comes last.
  SET STATEMENT innodb_lock_wait_timeout = 0 FOR
  INSERT INTO settle_barrier (gid, branch, state, found, op, last_op, began, entered_by, digest, closing_digest)
  VALUES (p_gid, p_branch,
          CASE WHEN p_began < (SELECT refused_below FROM settle_barrier_retention) THEN 0 ELSE v_fresh END,
          0, p_op, p_op, COALESCE(p_began, v_moment), CONNECTION_ID(), IF(v_closes, NULL, p_digest), IF(v_closes, p_digest, NULL))
  ON DUPLICATE KEY UPDATE
    found = state, entered_by = CONNECTION_ID(), last_op = p_op, op = CASE state WHEN 0 THEN p_op ELSE op END,
    digest = IF(NOT v_closes AND state = 0, p_digest, digest),
    closing_digest = IF(v_closes AND state <> settle_barrier_entered(p_op, state, p_outside), p_digest, closing_digest),
    state = CASE WHEN state = 0 THEN VALUES(state)
                 WHEN state > 4 AND begun_until > v_moment THEN state
                 ELSE settle_barrier_entered(p_op, state, p_outside) END;
  SELECT b.found > 4 AND b.begun_until > v_moment,
         b.found = 0 AND b.state <> v_fresh  -- older than the watermark
         OR s.answer = 'done' AND s.work IN ('nothing', 'find')  -- another request before
            AND COALESCE(p_digest <> IF(v_closes, b.closing_digest, b.digest), FALSE),
         s.work, s.answer,
         CASE WHEN s.work <> 'nothing' OR s.answer <> 'done' THEN NULL WHEN v_closes THEN b.closing ELSE b.answer END
    INTO v_running, v_conflict, o_work, o_answer, o_stored
    FROM settle_barrier b JOIN settle_barrier_step s ON s.op = p_op AND s.found = b.found
   WHERE b.gid = p_gid AND b.branch = p_branch;
  IF v_running OR v_conflict THEN
    SET o_work = 'nothing', o_answer = IF(v_running, 'running', 'conflict'), o_stored = NULL;
  END IF;
END
//
-- Asks the barrier: the first statement of your local transaction. One row comes back: work, answer, stored. Do the work,
-- keep your answer with settle_barrier_answer, commit. Roll back when the business refuses or the answer is 'running'.
-- p_began: begin of the global transaction in microseconds since 1970, or NULL. p_digest: SHA2(body, 256) of the request, or
-- NULL. After error 1213 (deadlock), whichever statement it was, begin again: the transaction is gone, and MariaDB would go
-- on without the row.
CREATE OR REPLACE PROCEDURE settle_barrier(IN p_gid VARCHAR(128) CHARACTER SET ascii, IN p_branch VARCHAR(64) CHARACTER SET ascii,
                                           IN p_op VARCHAR(16) CHARACTER SET ascii, IN p_began BIGINT,
                                           IN p_digest VARCHAR(64) CHARACTER SET ascii)
MODIFIES SQL DATA
BEGIN
  DECLARE v_work, v_answer VARCHAR(16) CHARACTER SET ascii;
  DECLARE v_stored MEDIUMBLOB;
  CALL settle_barrier_meet(p_gid, p_branch, p_op, p_began, p_digest, FALSE, v_work, v_answer, v_stored);
  SELECT IF(v_work = 'find', 'nothing', v_work) AS work, IF(v_work = 'find', 'unknown', v_answer) AS answer,
         v_stored AS stored;
END
//
-- The same before an effect outside of this database, in a transaction of its own; one row comes back: work, answer, stored,
-- attempt. Commit, then do the work, then settle_barrier_end in another transaction. Until p_seconds are over, which the
-- work must not take, others hear 'running'. Work 'find': it was begun before, and nobody saw its end. Find out what became of
-- it, or do it again if the other side takes the same key for the same deed; settle_barrier_end in either case.
CREATE OR REPLACE PROCEDURE settle_barrier_begin(IN p_gid VARCHAR(128) CHARACTER SET ascii,
                                                 IN p_branch VARCHAR(64) CHARACTER SET ascii,
                                                 IN p_op VARCHAR(16) CHARACTER SET ascii, IN p_began BIGINT,
                                                 IN p_digest VARCHAR(64) CHARACTER SET ascii, IN p_seconds INT)
MODIFIES SQL DATA
BEGIN
  DECLARE v_work, v_answer VARCHAR(16) CHARACTER SET ascii;
  DECLARE v_stored MEDIUMBLOB;
  DECLARE v_attempt BIGINT DEFAULT NULL;
  CALL settle_barrier_meet(p_gid, p_branch, p_op, p_began, p_digest, TRUE, v_work, v_answer, v_stored);
  IF v_work <> 'nothing' THEN
    UPDATE settle_barrier SET effects = effects + 1, begun_until = settle_barrier_now() + p_seconds * 1000000
     WHERE gid = p_gid AND branch = p_branch;
    SELECT effects INTO v_attempt FROM settle_barrier WHERE gid = p_gid AND branch = p_branch;
  END IF;
  SELECT v_work AS work, v_answer AS answer, v_stored AS stored, v_attempt AS attempt;
END
//
-- What became of the work that settle_barrier_begin gave. 'done': it happened, p_body is kept for repeats. 'never': neither
-- this attempt nor an earlier one happened or will. 'unknown': nobody can tell, and nothing is on its way any more; if
-- something may be, leave it to p_seconds. An error: it took longer, and somebody else went on with it.
CREATE OR REPLACE PROCEDURE settle_barrier_end(IN p_gid VARCHAR(128) CHARACTER SET ascii,
                                               IN p_branch VARCHAR(64) CHARACTER SET ascii,
                                               IN p_op VARCHAR(16) CHARACTER SET ascii, IN p_attempt BIGINT,
                                               IN p_outcome VARCHAR(16) CHARACTER SET ascii, IN p_body MEDIUMBLOB)
MODIFIES SQL DATA
BEGIN
  DECLARE v_next TINYINT DEFAULT NULL;
  DECLARE v_closes BOOLEAN DEFAULT settle_barrier_is_closing(p_op);
  IF p_outcome NOT IN ('done', 'never', 'unknown') THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'settle_barrier_end: there is no such outcome';
  END IF;
  SELECT CASE WHEN p_outcome = 'done' THEN s.next
              WHEN p_outcome = 'never' AND b.state = 5 THEN 0
              WHEN p_outcome = 'never' AND b.state = 6 THEN 4 ELSE b.state END
    INTO v_next
    FROM settle_barrier b JOIN settle_barrier_step s ON s.op = p_op AND s.found = b.state AND s.work = 'find'
   WHERE b.gid = p_gid AND b.branch = p_branch AND b.effects = p_attempt FOR UPDATE;
  IF v_next IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'settle_barrier_end: this attempt is not under way any more';
  END IF;
  UPDATE settle_barrier
     SET begun_until = 0, state = v_next, answer = IF(p_outcome = 'done' AND NOT v_closes, p_body, answer),
         closing = IF(p_outcome = 'done' AND v_closes, p_body, closing)
   WHERE gid = p_gid AND branch = p_branch;
END
//
-- Keeps the answer of the call that entered, for its repeats; in the same transaction, before the commit.
CREATE OR REPLACE PROCEDURE settle_barrier_answer(IN p_gid VARCHAR(128) CHARACTER SET ascii,
                                                  IN p_branch VARCHAR(64) CHARACTER SET ascii,
                                                  IN p_op VARCHAR(16) CHARACTER SET ascii, IN p_body MEDIUMBLOB)
MODIFIES SQL DATA
BEGIN
  DECLARE v_rows INT DEFAULT 0;
  IF settle_barrier_is_closing(p_op) THEN
    UPDATE settle_barrier SET closing = p_body WHERE gid = p_gid AND branch = p_branch AND entered_by = CONNECTION_ID();
  ELSE
    UPDATE settle_barrier SET answer = p_body WHERE gid = p_gid AND branch = p_branch AND entered_by = CONNECTION_ID();
  END IF;
  SELECT COUNT(*) INTO v_rows FROM settle_barrier
   WHERE gid = p_gid AND branch = p_branch AND entered_by = CONNECTION_ID();
  IF v_rows = 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'settle_barrier_answer: this transaction has not entered';
  END IF;
END
//
DELIMITER ;
