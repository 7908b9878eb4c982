/* Two-phase commit, presumed abort with epochs: only COMMIT is written; "no record" means abort, but only if the answering
   owner has loaded the whole log and the transaction's epoch is closed, so that nobody can write COMMIT any more (R4, R9).
   The client begins, has every branch prepared, and submits with the votes. */

#include "barrier.pml"
#include "network.pml"

#define BRANCHES 2
#define DAEMONS 2
#ifndef EPOCHS
#define EPOCHS 3 /* ownerships of the shard: first start, then restarts and takeovers */
#endif

#define RUNNING 1
#define COMMITTED 2
#define ABORTED 3

/* The store: one record, and the epoch that it accepts. Closing an epoch is raising it. */
bool logged; /* COMMIT of this transaction */
byte epoch;

/* The daemons; an owner that was deposed may go on for a while without noticing. */
byte mine[DAEMONS]; /* the epoch it believes to own; 0: none */
bool loaded[DAEMONS];
byte life[DAEMONS]; /* RUNNING, COMMITTED, ABORTED: what it knows of the transaction; 0: nothing */
byte tx_epoch;      /* of the begin; part of the transaction's id, so everybody knows it */

/* The network. */
bool begin_sent;
bool prepare_sent[BRANCHES];
bool says_yes[BRANCHES];
bool says_no[BRANCHES];
bool says_read_only[BRANCHES];
bool submit_sent;
bool commit_sent[BRANCHES];
bool commit_says_done[BRANCHES];
bool rollback_sent[BRANCHES];
bool rollback_says_done[BRANCHES];
bool client_ended;

/* The participants' databases. */
byte row[BRANCHES];
bool read_only[BRANCHES];

byte told; /* what the client heard: COMMITTED, ABORTED, or 0 */
hidden byte k, work, answer;

#define VOTED(i) (says_yes[i] || says_read_only[i])
#define IS_OWNER(d) (mine[d] && loaded[d])
#define TELL(what) \
  assert(told == 0 || told == (what)); \
  told = (what)

#ifdef MUTANT_DECISION_NOT_FENCED
#define STORE_ACCEPTS(d) true
#else
#define STORE_ACCEPTS(d) (mine[d] == epoch)
#endif
#ifdef MUTANT_ABORT_BEFORE_LOADED
#define MAY_PRESUME(d) (mine[d] > tx_epoch)
#else
#define MAY_PRESUME(d) (IS_OWNER(d) && mine[d] > tx_epoch)
#endif
#ifdef MUTANT_FORGETS_EARLY
#define MAY_FORGET(i) true
#else
#define MAY_FORGET(i) (commit_says_done[i] || says_read_only[i])
#endif

/* What must be reachable; each is refuted on purpose. */
#ifdef GOAL_COMMITTED_BY_THE_NEXT_OWNER
#define GOAL (row[0] == DONE && row[1] == DONE && epoch > tx_epoch)
#endif
#ifdef GOAL_COMMITTED_WITH_A_READER
#define GOAL (row[0] == DONE && read_only[1])
#endif
#ifdef GOAL_PRESUMED_ABORT
#define GOAL (says_yes[0] && rollback_says_done[0] && life[0] != ABORTED && life[1] != ABORTED)
#endif
#ifndef GOAL
#define GOAL false
#endif

proctype Daemon(byte d) {
end:
  do
  :: atomic { /* the first start, a restart, a takeover while the old owner may still be alive: all are a new epoch */
       epoch < EPOCHS && !(mine[d] == epoch && epoch) ->
         epoch++;
         mine[d] = epoch;
         loaded[d] = false;
         life[d] = 0
     }
  :: atomic {
       mine[d] && !loaded[d] ->
         loaded[d] = true;
         if
         :: logged -> life[d] = COMMITTED
         :: else
         fi
     }
  :: atomic { mine[d] && epoch < EPOCHS -> mine[d] = 0; loaded[d] = false; life[d] = 0 } /* crash */

  :: atomic { /* begin is answered at once: nothing is written */
       IS_OWNER(d) && begin_sent && tx_epoch == 0 -> tx_epoch = mine[d]; life[d] = RUNNING
     }
  :: atomic { /* the decision; told and sent only when the store has taken it */
       IS_OWNER(d) && life[d] == RUNNING && submit_sent ->
#ifdef MUTANT_COMMIT_BEFORE_LOGGED
         life[d] = COMMITTED
#else
         if
         :: STORE_ACCEPTS(d) -> logged = true; life[d] = COMMITTED
         :: else -> mine[d] = 0; loaded[d] = false; life[d] = 0 /* fenced */
         fi
#endif
     }
#ifdef MUTANT_COMMIT_BEFORE_LOGGED
  :: atomic { life[d] == COMMITTED && !logged && mine[d] == epoch -> logged = true }
#endif
  :: atomic { IS_OWNER(d) && life[d] == RUNNING -> life[d] = ABORTED } /* abort, deadline, a no: nothing is written */
#ifdef MUTANT_BEGUN_AGAIN
  :: atomic { IS_OWNER(d) && life[d] == 0 && submit_sent && !logged -> life[d] = RUNNING }
#endif

  :: atomic { IS_OWNER(d) && life[d] == COMMITTED && told == 0 -> TELL(COMMITTED) }
  :: atomic { IS_OWNER(d) && life[d] == ABORTED && told == 0 -> TELL(ABORTED) }
  :: atomic { /* a verb for a transaction that is not known here: epoch-closed */
       tx_epoch && life[d] == 0 && MAY_PRESUME(d) && told == 0 -> TELL(ABORTED)
     }
  :: atomic { /* forgotten when nobody can be in doubt, and the client has heard it */
       IS_OWNER(d) && life[d] == COMMITTED && told == COMMITTED && MAY_FORGET(0) && MAY_FORGET(1) && STORE_ACCEPTS(d) ->
         logged = false;
         life[d] = 0
     }
  od
}

/* Phase two of branch i by daemon d, unasked or as the answer to a participant in doubt. */
proctype Ender(byte d; byte i) {
end:
  do
  :: atomic {
       IS_OWNER(d) && life[d] == COMMITTED && !says_read_only[i] && !commit_sent[i] -> commit_sent[i] = true
     }
  :: atomic { IS_OWNER(d) && life[d] == ABORTED && !rollback_sent[i] -> rollback_sent[i] = true }
  :: atomic {
       row[i] == HELD && tx_epoch && life[d] == 0 && MAY_PRESUME(d) && !rollback_sent[i] -> rollback_sent[i] = true
     }
#ifdef MUTANT_NOT_FOUND_IS_ABORT
  :: atomic { row[i] == HELD && tx_epoch && life[d] == 0 && !rollback_sent[i] -> rollback_sent[i] = true }
#endif
  od
}

proctype Client() {
  begin_sent = true;
  if
  :: tx_epoch > 0
  :: goto gone /* dies, or hears nothing */
  fi;
  prepare_sent[0] = true;
  prepare_sent[1] = true;
  if
  :: VOTED(0) && VOTED(1) -> submit_sent = true
  :: goto gone
  fi;
gone:
  client_ended = true
}

proctype Participant(byte i) {
end:
  do
  :: atomic {
       prepare_sent[i] && ARRIVES(!says_no[i] && (row[i] == TOMBSTONE || !VOTED(i))) ->
         if
         :: row[i] == ABSENT && !read_only[i] -> says_no[i] = true /* for good: every copy of this request hears the same */
         :: row[i] == ABSENT && !says_no[i] -> read_only[i] = true; says_read_only[i] = true /* holds nothing */
         :: row[i] != ABSENT || !says_no[i] && !read_only[i] ->
              barrier_prepare(row[i], work, answer);
            assert(answer != SAY_CONFLICT);
            if
            :: answer == SAY_DONE -> says_yes[i] = true
            :: else -> says_no[i] = true
            fi
         fi
     }
  :: atomic {
       commit_sent[i] && ARRIVES(!commit_says_done[i]) ->
         assert(!read_only[i] && told != ABORTED);
         assert(row[1 - i] != TOMBSTONE && (row[1 - i] != ABSENT || read_only[1 - i]));
         barrier_commit(row[i], work, answer);
         assert(answer == SAY_DONE);
         commit_says_done[i] = true
     }
  :: atomic {
       rollback_sent[i] && ARRIVES(!rollback_says_done[i]) ->
         assert(told != COMMITTED && row[1 - i] != DONE);
         barrier_rollback(row[i], work, answer);
         assert(answer == SAY_DONE);
#ifdef MUTANT_NO_TOMBSTONE
         row[i] = (work == MARK -> ABSENT : row[i]);
#endif
         rollback_says_done[i] = true
     }
  od
}

/* At the end nobody is in doubt. A state in which nothing can happen any more and this one still waits is an error. */
proctype Watch() {
  client_ended;
  row[0] != HELD && row[1] != HELD;
  assert(!GOAL)
}

init {
  atomic {
    run Daemon(0);
    run Daemon(1);
    run Ender(0, 0);
    run Ender(0, 1);
    run Ender(1, 0);
    run Ender(1, 1);
    run Client();
    run Participant(0);
    run Participant(1);
    run Watch()
  }
}
