/* Transactional message in two steps: prepare, the producer's own local transaction, submit; a silent producer is asked
   back. The coordinator's rows are those of src/protocol/message.h, those of the producer's and the target's barrier are
   in barrier.pml. */

#include "barrier.pml"
#include "network.pml"

#ifndef CRASHES
#define CRASHES 2
#endif

#define NEW 0
#define PREPARED 1
#define DELIVERING 2
#define COMMITTED 3
#define ABORTED 4

byte life;    /* phase as the coordinator knows it; lost when it crashes */
byte disk;    /* phase as the store has it */
bool waiting; /* the change is forced: nothing leaves before its receipt */
bool check_in_flight;
bool deliver_in_flight;
byte crashes = CRASHES;

/* The network. */
bool prepare_sent;
bool submit_sent;
bool abort_sent;
bool check_sent;
bool says_committed;
bool says_aborted;
bool deliver_sent;
bool deliver_says_done;

/* The producer's database: one row, and perhaps a local transaction that is open and holds it. */
byte row;
bool is_open;
bool is_committed; /* the business change, which stands or falls with the row */
bool producer_ended;

/* The target's database. */
byte target_row;
byte visible;

byte told; /* what a client heard: COMMITTED, ABORTED, or 0 */
hidden byte seen, work, answer;

#ifdef MUTANT_PREPARE_NOT_FORCED
#define PREPARE_IS_ANSWERED (life >= PREPARED)
#else
#define PREPARE_IS_ANSWERED (life >= PREPARED && !waiting)
#endif

/* What must be reachable; each is refuted on purpose. */
#ifdef GOAL_DELIVERED_BY_CHECK
#define GOAL (visible == 1 && says_committed)
#endif
#ifdef GOAL_DELIVERED_BY_SUBMIT
#define GOAL (visible == 1 && !check_sent)
#endif
#ifdef GOAL_ABORTED_BY_CHECK
#define GOAL (disk == ABORTED && says_aborted)
#endif
#ifndef GOAL
#define GOAL false
#endif

inline force(next) {
  life = next;
  waiting = true
}

proctype Coordinator() {
end:
  do
  :: atomic { prepare_sent && life == NEW -> force(PREPARED) }
  :: atomic { life == PREPARED && !waiting && submit_sent -> force(DELIVERING) }
  :: atomic { life == PREPARED && !waiting && abort_sent -> force(ABORTED) }
  :: atomic { life == PREPARED && !waiting && !check_in_flight -> check_in_flight = true; check_sent = true }
  :: atomic { life == PREPARED && !waiting && check_in_flight && says_committed -> force(DELIVERING) }
  :: atomic { life == PREPARED && !waiting && check_in_flight && says_aborted -> force(ABORTED) }
#ifdef MUTANT_ABORTED_BY_TIME
  :: atomic { life == PREPARED && !waiting -> force(ABORTED) }
#endif
  :: atomic { life == DELIVERING && !waiting && !deliver_in_flight -> deliver_in_flight = true; deliver_sent = true }
  :: atomic { life == DELIVERING && deliver_in_flight && deliver_says_done -> life = COMMITTED } /* lazy */
  :: atomic { life != disk -> disk = life; waiting = false }
  :: atomic {
       life >= DELIVERING && !waiting && told == 0 ->
         if
         :: life == ABORTED -> told = ABORTED; assert(!is_committed)
         :: else -> told = COMMITTED; assert(is_committed)
         fi
     }
  :: atomic {
       crashes > 0 ->
         crashes--;
         life = disk;
         waiting = false;
         check_in_flight = false;
         deliver_in_flight = false;
         assert(told == 0 || life == NEW || life == PREPARED || (told == ABORTED) == (life == ABORTED))
     }
  od
}

/* A client's request that is lost is not sent again by itself. */
proctype Loss() {
end:
  do
  :: prepare_sent -> prepare_sent = false
  :: submit_sent -> submit_sent = false
  :: abort_sent -> abort_sent = false
  od
}

/* The barrier row is the first statement of the local transaction. */
proctype Producer() {
  prepare_sent = true;
  if
  :: PREPARE_IS_ANSWERED
  :: goto gone /* no answer, or it dies: its local transaction does not begin */
  fi;
  atomic {
    seen = row;
#ifndef MUTANT_NO_BARRIER_ROW
    barrier_local(seen, work, answer);
#else
    work = APPLY;
#endif
    if
    :: work == APPLY -> is_open = true /* until the commit nobody sees more than the lock */
    :: else -> assert(answer == SAY_REFUSED); goto gone
    fi
  };
  if
  :: atomic { row = DONE; is_open = false; is_committed = true; assert(life != ABORTED) };
     if
     :: goto gone /* dies before it says so */
     :: submit_sent = true
     fi
  :: is_open = false; /* rolls back, and may say so */
     if
     :: goto gone
     :: abort_sent = true
     fi
  :: /* it dies, or the answer to its COMMIT is lost: it neither submits nor aborts, and its database decides */
#ifdef MUTANT_UNKNOWN_COMMIT_ABORTS
     abort_sent = true;
#endif
#ifdef MUTANT_UNKNOWN_COMMIT_SUBMITS
     submit_sent = true;
#endif
     if
     :: atomic { row = DONE; is_open = false; is_committed = true; assert(life != ABORTED) }
     :: is_open = false
     fi
  fi;
gone:
  producer_ended = true
}

/* The check-back, at the producer's service. */
proctype CheckBack() {
end:
  do
  :: atomic {
       check_sent && ARRIVES(row == DONE && !says_committed || row != DONE && !says_aborted) ->
         seen = (is_open -> LOCKED : row);
#ifdef MUTANT_CHECK_IGNORES_LOCK
         seen = (is_open -> TOMBSTONE : seen);
#endif
         barrier_check(seen, work, answer);
#ifdef MUTANT_CHECK_WITHOUT_TOMBSTONE
         seen = (work == MARK -> ABSENT : seen);
#endif
         assert(answer != SAY_CONFLICT);
         if
         :: is_open -> skip /* the row belongs to who holds it */
         :: else -> row = seen
         fi;
         if
         :: answer == SAY_COMMITTED -> says_committed = true
         :: answer == SAY_ABORTED -> says_aborted = true
         :: else -> skip /* running decides nothing */
         fi
     }
  od
}

proctype Target() {
end:
  do
  :: atomic {
       deliver_sent && ARRIVES(!deliver_says_done || target_row == ABSENT) ->
         barrier_deliver(target_row, work, answer);
         assert(answer == SAY_DONE);
         if
         :: work == APPLY -> visible++; assert(visible == 1 && is_committed)
         :: else
         fi;
#ifdef MUTANT_TARGET_WITHOUT_BARRIER
         target_row = ABSENT;
#endif
         deliver_says_done = true
     }
  od
}

/* Everything has come to its end: a committed change has its message, and no message hangs. A state in which nothing can
   happen any more and this one still waits is an error. */
proctype Watch() {
  producer_ended;
  if
  :: disk == COMMITTED -> assert(is_committed && visible == 1)
  :: disk == ABORTED -> assert(!is_committed && visible == 0)
  :: disk == NEW && !is_committed -> skip /* prepare never came through */
  fi;
  assert(!GOAL)
}

init {
  atomic {
    run Coordinator();
    run Loss();
    run Producer();
    run CheckBack();
    run Target();
    run Watch()
  }
}
