/* Ownership with fencing: a transaction in three daemons' hands, one after the other, while the ones before may be paused
   and go on later. The store takes a save only under the current epoch and over the version that the saver has read; calls
   leave only while the owner's lease holds on its own clock; a save without an answer is unknown: drop everything, acquire
   again, read (R5, R8). The transaction is a TCC of two branches, tried by whoever owns it. */

#include "barrier.pml"
#include "network.pml"

#define BRANCHES 2
#define DAEMONS 3
#ifndef EPOCHS
#define EPOCHS 3 /* ownerships: the first and two takeovers */
#endif

#define TRYING 1
#define CONFIRMING 2
#define CANCELLING 3
#define COMMITTED 4
#define ABORTED 5

/* The store. The phase is its own version: it never comes back. */
byte disk = TRYING;
byte epoch;
bool lease_over; /* of the current epoch; then others may acquire */

/* The daemons. */
byte mine[DAEMONS]; /* the epoch it believes to own; 0: none */
byte life[DAEMONS]; /* the phase as it read or saved it */
byte want[DAEMONS]; /* the phase it is about to save; any pause may lie before the save */
bool called[DAEMONS * BRANCHES];

/* The network. */
bool try_sent[BRANCHES];
bool try_says_done[BRANCHES];
bool try_says_refused[BRANCHES];
bool confirm_sent[BRANCHES];
bool cancel_sent[BRANCHES];
bool end_says_done[BRANCHES];

/* The participants' databases. */
byte row[BRANCHES];

byte told;     /* the decision as a client heard it: CONFIRMING, CANCELLING, or 0 */
bool told_end; /* a client heard that it has ended: no op may leave any more */
hidden byte work, answer;

/* The owner's clock starts before the store's, so it stops calling no later than others may acquire. */
#ifdef MUTANT_NO_LEASE_CHECK
#define LEASE_HOLDS(d) true
#else
#define LEASE_HOLDS(d) (mine[d] == epoch && !lease_over)
#endif
#ifdef MUTANT_PLAIN_WRITE
#define STORE_ACCEPTS(d) true
#else
#ifdef MUTANT_UNKNOWN_SAVE_IS_FAILURE
#define STORE_ACCEPTS(d) (mine[d] == epoch)
#else
#define STORE_ACCEPTS(d) (mine[d] == epoch && disk == life[d])
#endif
#endif
#ifdef MUTANT_ROLLBACK_BEFORE_SAVED
#define MAY_CANCEL(d) (life[d] == CANCELLING || want[d] == CANCELLING)
#else
#define MAY_CANCEL(d) (life[d] == CANCELLING)
#endif

#define DECISION(phase) ((phase) == CONFIRMING || (phase) == COMMITTED -> CONFIRMING : ((phase) == TRYING -> 0 : CANCELLING))
#define AGREES(phase) (told == 0 || told == DECISION(phase))

/* What must be reachable; each is refuted on purpose. */
#ifdef GOAL_COMMITTED_BY_THE_THIRD
#define GOAL (disk == COMMITTED && told_end && epoch == EPOCHS)
#endif
#ifdef GOAL_ABORTED_BY_ANOTHER
#define GOAL (disk == ABORTED && told_end && epoch > 1)
#endif
#ifdef GOAL_STALE_SAVE_REFUSED
#define GOAL (was_fenced)
#endif
#ifndef GOAL
#define GOAL false
#endif
bool was_fenced;

/* After a crash, or because it cannot know what it owns. */
inline drop(d) {
  mine[d] = 0;
  life[d] = 0;
  want[d] = 0;
  called[d * BRANCHES] = false;
  called[d * BRANCHES + 1] = false
}

proctype Daemon(byte d) {
end:
  do
  :: atomic { /* acquire raises the epoch, and so fences everybody before; then the record is read */
       epoch < EPOCHS && mine[d] == 0 && (epoch == 0 || lease_over) ->
         epoch++;
         lease_over = false;
         mine[d] = epoch
     }
  :: atomic { mine[d] && life[d] == 0 -> life[d] = disk; assert(AGREES(disk)) }
  :: atomic { mine[d] && (epoch < EPOCHS || mine[d] != epoch) -> drop(d) } /* crash, or it notices that the lease is over */

  :: atomic { life[d] == TRYING && !want[d] && try_says_done[0] && try_says_done[1] -> want[d] = CONFIRMING }
  :: atomic { life[d] == TRYING && !want[d] -> want[d] = CANCELLING } /* refused, deadline, abort */
  :: atomic {
       life[d] == CONFIRMING && !want[d] && called[d * BRANCHES] && called[d * BRANCHES + 1] &&
           end_says_done[0] && end_says_done[1] -> want[d] = COMMITTED
     }
  :: atomic {
       life[d] == CANCELLING && !want[d] && called[d * BRANCHES] && called[d * BRANCHES + 1] &&
           end_says_done[0] && end_says_done[1] -> want[d] = ABORTED
     }

  :: atomic {
       want[d] ->
         if
         :: STORE_ACCEPTS(d) -> disk = want[d]; life[d] = want[d]; want[d] = 0; assert(AGREES(disk))
         :: STORE_ACCEPTS(d) && epoch < EPOCHS -> /* written, and the answer is lost */
              disk = want[d];
#ifdef MUTANT_UNKNOWN_SAVE_IS_FAILURE
              want[d] = 0
#else
              drop(d)
#endif
         :: epoch < EPOCHS -> drop(d) /* neither written nor answered */
         :: !STORE_ACCEPTS(d) -> was_fenced = true; drop(d)
         fi
     }

  :: atomic { life[d] >= CONFIRMING && told == 0 -> told = DECISION(life[d]) }
  :: atomic { life[d] >= COMMITTED && !told_end -> told_end = true; told = DECISION(life[d]); assert(!GOAL) }
  od
}

/* The calls of daemon d to branch i. */
proctype Caller(byte d; byte i) {
end:
  do
  :: atomic { life[d] == TRYING && !want[d] && LEASE_HOLDS(d) && !try_sent[i] -> assert(!told_end); try_sent[i] = true }
  :: atomic {
       life[d] == CONFIRMING && LEASE_HOLDS(d) && !called[d * BRANCHES + i] ->
         assert(!told_end);
         called[d * BRANCHES + i] = true;
         confirm_sent[i] = true
     }
  :: atomic {
       MAY_CANCEL(d) && LEASE_HOLDS(d) && !called[d * BRANCHES + i] ->
         assert(!told_end);
         called[d * BRANCHES + i] = true;
         cancel_sent[i] = true
     }
  od
}

/* Leases that nobody renews. The last one holds, so that the work can end. */
proctype Lease() {
end:
  do
  :: epoch > 0 && epoch < EPOCHS && !lease_over -> lease_over = true
  od
}

proctype Participant(byte i) {
end:
  do
  :: atomic {
       try_sent[i] && ARRIVES((row[i] == ABSENT || row[i] == TOMBSTONE) && !try_says_refused[i] ||
                              (row[i] == HELD || row[i] == DONE) && !try_says_done[i]) ->
         if
         :: row[i] == ABSENT -> try_says_refused[i] = true
         :: row[i] != ABSENT || !try_says_refused[i] ->
              barrier_try(row[i], work, answer);
            assert(answer != SAY_CONFLICT && (work != APPLY || !told_end));
            if
            :: answer == SAY_DONE -> try_says_done[i] = true
            :: else -> try_says_refused[i] = true
            fi
         fi
     }
  :: atomic {
       confirm_sent[i] && ARRIVES(!end_says_done[i] || row[i] != DONE) ->
         assert(row[1 - i] != TOMBSTONE && told != CANCELLING);
         barrier_confirm(row[i], work, answer);
         assert(answer == SAY_DONE);
         end_says_done[i] = true
     }
  :: atomic {
       cancel_sent[i] && ARRIVES(!end_says_done[i] || row[i] != TOMBSTONE) ->
         assert(row[1 - i] != DONE && told != CONFIRMING);
         barrier_cancel(row[i], work, answer);
         assert(answer == SAY_DONE);
         end_says_done[i] = true
     }
  od
}

/* It ends, and everybody's truth is the same. A state in which nothing can happen any more and this one waits is an error. */
proctype Watch() {
  told_end;
  assert(disk == COMMITTED && told == CONFIRMING && row[0] == DONE && row[1] == DONE ||
         disk == ABORTED && told == CANCELLING && row[0] != DONE && row[1] != DONE && row[0] != HELD && row[1] != HELD)
}

init {
  atomic {
    run Daemon(0);
    run Daemon(1);
    run Daemon(2);
    run Caller(0, 0);
    run Caller(0, 1);
    run Caller(1, 0);
    run Caller(1, 1);
    run Caller(2, 0);
    run Caller(2, 1);
    run Lease();
    run Participant(0);
    run Participant(1);
    run Watch()
  }
}
