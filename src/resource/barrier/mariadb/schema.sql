-- The barrier's tables in MariaDB, and its procedures for other languages. settle::barrier::install() runs this file; so may
-- you (mariadb DATABASE < schema.sql), as often as you like.
DELIMITER //

CREATE TABLE IF NOT EXISTS settle_barrier (
  gid     VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  branch  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state   TINYINT NOT NULL,   -- 0 as good as no row, 1 done, 2 tombstone, 4 held (tried, prepared)
  found   TINYINT NOT NULL,   -- the state that the last op found; 0: it made the row
  op      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,   -- the op that made the row
  last_op VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,   -- the op that met it last
  began   BIGINT NOT NULL,    -- microseconds since 1970: begin of the global transaction; unknown: of the row
  answer  MEDIUMBLOB,         -- what the forward op answered
  closing MEDIUMBLOB,         -- what the second phase or the undo answered
  entered_by BIGINT UNSIGNED NOT NULL DEFAULT 0,  -- the connection of the last op
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
  work   VARCHAR(16) CHARACTER SET ascii NOT NULL,   -- nothing, apply, fulfil, undo
  next   TINYINT NOT NULL,
  answer VARCHAR(16) CHARACTER SET ascii NOT NULL,   -- done, refused, committed, aborted, conflict; and running, which stands in no row
  PRIMARY KEY (op, found)
) ENGINE = InnoDB
//
REPLACE INTO settle_barrier_step (op, found, work, next, answer) VALUES
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
  ('check', 0, 'nothing', 2, 'aborted'), ('check', 1, 'nothing', 1, 'committed'), ('check', 2, 'nothing', 2, 'aborted'), ('check', 4, 'nothing', 4, 'conflict')
//
-- Asks the barrier: the first statement of your local transaction. One row comes back: work, answer, stored. Do the work,
-- keep your answer with settle_barrier_answer, commit. Roll back when the business refuses or the answer is 'running'.
-- p_began: begin of the global transaction in microseconds since 1970, or NULL. After error 1213 (deadlock), whichever
-- statement it was, begin again: the transaction is gone, and MariaDB would go on without the row.
CREATE OR REPLACE PROCEDURE settle_barrier(IN p_gid VARCHAR(128) CHARACTER SET ascii, IN p_branch VARCHAR(64) CHARACTER SET ascii,
                                           IN p_op VARCHAR(16) CHARACTER SET ascii, IN p_began BIGINT)
MODIFIES SQL DATA
BEGIN
  DECLARE v_fresh TINYINT DEFAULT NULL;
  DECLARE v_pruned BOOLEAN DEFAULT FALSE;
  DECLARE EXIT HANDLER FOR 1205 SELECT 'nothing' AS work, 'running' AS answer, NULL AS stored;
  SELECT next INTO v_fresh FROM settle_barrier_step WHERE op = p_op AND found = 0;
  IF v_fresh IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'settle_barrier: there is no such op';
  END IF;
  -- 0: somebody else's open transaction is answered 'running' at once.
  SET STATEMENT innodb_lock_wait_timeout = 0 FOR
  INSERT INTO settle_barrier (gid, branch, state, found, op, last_op, began, entered_by)
  VALUES (p_gid, p_branch,
          CASE WHEN p_began < (SELECT refused_below FROM settle_barrier_retention) THEN 0 ELSE v_fresh END,
          0, p_op, p_op, COALESCE(p_began, CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)), CONNECTION_ID())
  ON DUPLICATE KEY UPDATE
    found = state, entered_by = CONNECTION_ID(), last_op = p_op, op = CASE state WHEN 0 THEN p_op ELSE op END,
    state = CASE state WHEN 0 THEN VALUES(state)
            ELSE (SELECT s.next FROM settle_barrier_step s WHERE s.op = p_op AND s.found = settle_barrier.state) END;
  SELECT found = 0 AND state <> v_fresh INTO v_pruned FROM settle_barrier WHERE gid = p_gid AND branch = p_branch;
  SELECT IF(v_pruned, 'nothing', s.work) AS work, IF(v_pruned, 'conflict', s.answer) AS answer,
         CASE WHEN s.work <> 'nothing' OR s.answer <> 'done' THEN NULL
              WHEN p_op IN ('confirm', 'commit', 'compensate', 'cancel', 'rollback') THEN b.closing
              ELSE b.answer END AS stored
    FROM settle_barrier b JOIN settle_barrier_step s ON s.op = p_op AND s.found = b.found
   WHERE b.gid = p_gid AND b.branch = p_branch;
END
//
-- Keeps the answer of the call that entered, for its repeats; in the same transaction, before the commit.
CREATE OR REPLACE PROCEDURE settle_barrier_answer(IN p_gid VARCHAR(128) CHARACTER SET ascii,
                                                  IN p_branch VARCHAR(64) CHARACTER SET ascii,
                                                  IN p_op VARCHAR(16) CHARACTER SET ascii, IN p_body MEDIUMBLOB)
MODIFIES SQL DATA
BEGIN
  DECLARE v_rows INT DEFAULT 0;
  IF p_op IN ('confirm', 'commit', 'compensate', 'cancel', 'rollback') THEN
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
