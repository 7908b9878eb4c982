/* TCC: coordinator, store, network, and participants behind the barrier; the branches are tried by the coordinator or by
   the client, who enlists each one first and submits when all tries were done.
     trying    --submit, all tried-->           confirming (forced) --all confirmed--> committed
     trying    --refused, abort, deadline-->    cancelling (forced) --all cancelled--> aborted */

#include "barrier.pml"
#include "network.pml"

#define BRANCHES 2
#define ATTEMPTS 2 /* of each try */
#ifndef CRASHES
#define CRASHES 2
#endif

#define TRYING 1
#define CONFIRMING 2
#define CANCELLING 3
#define COMMITTED 4
#define ABORTED 5

#define OPEN 0
#define IS_DONE 1
#define IS_REFUSED 2

typedef Branch { bool enlisted; byte forward; bool doubtful; bool ended }
typedef Record { byte phase; Branch branch[BRANCHES] }

Record life;  /* what the coordinator knows; lost when it crashes */
Record disk;  /* what the store has */
bool unsaved; /* `life` has a change that `disk` has not */
bool waiting; /* the change is forced: nothing leaves before its receipt */
bool by_client;

byte attempts[BRANCHES];
byte in_flight[BRANCHES]; /* the try whose answer is awaited, by whoever drives; 0: none */
bool tried[BRANCHES];     /* the client heard `done` */
bool end_in_flight[BRANCHES];

/* The network. */
#define COPIES 6 /* BRANCHES * (ATTEMPTS + 1); index MAIL(branch, attempt) */
#define MAIL(i, a) ((i) * (ATTEMPTS + 1) + (a))
bool sent[COPIES];
bool says_done[COPIES];
bool says_refused[COPIES];
bool submit_sent;
bool confirm_sent[BRANCHES];
bool confirm_says_done[BRANCHES];
bool cancel_sent[BRANCHES];
bool cancel_says_done[BRANCHES];

/* The participants' databases. */
byte row[BRANCHES];
byte frozen[BRANCHES];
byte taken[BRANCHES];

byte told; /* what the client heard: COMMITTED, ABORTED, or 0 */
byte crashes = CRASHES;
hidden byte k, work, answer;

#define MAY_HAVE_RUN(i) \
  (by_client && life.branch[i].enlisted || \
   !by_client && (life.branch[i].forward == IS_DONE || life.branch[i].doubtful || in_flight[i]))
#define CANCELLED(i) (!(in_flight[i] && !by_client) && (!MAY_HAVE_RUN(i) || life.branch[i].ended))
#define ALL_TRIED (life.branch[0].forward == IS_DONE && life.branch[1].forward == IS_DONE)
#ifdef MUTANT_TOLD_BEFORE_DURABLE
#define MAY_TELL true
#else
#define MAY_TELL (!unsaved)
#endif
#ifdef MUTANT_ENLIST_NOT_FORCED
#define IS_ENLISTED(i) (life.branch[i].enlisted)
#else
#define IS_ENLISTED(i) (life.branch[i].enlisted && !unsaved)
#endif

inline save() {
  disk.phase = life.phase;
  for (k : 0 .. BRANCHES - 1) {
    disk.branch[k].enlisted = life.branch[k].enlisted;
    disk.branch[k].forward = life.branch[k].forward;
    disk.branch[k].doubtful = life.branch[k].doubtful || (in_flight[k] && !by_client);
    disk.branch[k].ended = life.branch[k].ended
  }
  unsaved = false;
  waiting = false
}

inline recover() {
  life.phase = disk.phase;
  for (k : 0 .. BRANCHES - 1) {
    life.branch[k].enlisted = disk.branch[k].enlisted;
    life.branch[k].forward = disk.branch[k].forward;
    life.branch[k].doubtful = disk.branch[k].doubtful;
    life.branch[k].ended = disk.branch[k].ended;
#ifndef MUTANT_RECOVERY_FORGETS_DOUBT
    if /* R1: whatever is not recorded as ended may have been called by the life before */
    :: !by_client && life.phase == TRYING && life.branch[k].forward == OPEN -> life.branch[k].doubtful = true
    :: else
    fi;
#endif
    if
    :: !by_client -> in_flight[k] = 0
    :: else
    fi;
    end_in_flight[k] = false
  }
  unsaved = false;
  waiting = false
}

inline decide(next) {
  life.phase = next;
  unsaved = true;
#ifndef MUTANT_DECISION_NOT_FORCED
  waiting = true
#endif
}

/* Tries branch i: the coordinator, or the client, who knows nothing of the decision until it hears of it. */
proctype Trier(byte i) {
end:
  do
  :: atomic {
       by_client && !life.branch[i].enlisted && life.phase == TRYING && !waiting ->
         life.branch[i].enlisted = true;
         unsaved = true
     }
  :: atomic {
       attempts[i] < ATTEMPTS && !in_flight[i] && told == 0 &&
           (by_client && (attempts[i] > 0 || IS_ENLISTED(i)) && !tried[i] && !submit_sent ||
            !by_client && life.phase == TRYING && !waiting && life.branch[i].forward == OPEN) ->
         attempts[i]++;
         in_flight[i] = attempts[i];
         sent[MAIL(i, attempts[i])] = true
     }
  :: atomic {
       in_flight[i] && says_done[MAIL(i, in_flight[i])] ->
         in_flight[i] = 0;
         if
         :: by_client -> tried[i] = true
         :: else -> life.branch[i].forward = IS_DONE; unsaved = true
         fi
     }
  :: atomic {
       in_flight[i] && says_refused[MAIL(i, in_flight[i])] ->
         in_flight[i] = 0;
         if
         :: by_client -> attempts[i] = ATTEMPTS /* asks no more; it aborts, or the deadline does */
         :: else ->
              life.branch[i].forward = IS_REFUSED;
#ifdef MUTANT_REFUSAL_ENDS_DOUBT
              life.branch[i].doubtful = false;
#endif
              unsaved = true;
              if
              :: life.phase == TRYING -> decide(CANCELLING)
              :: else
              fi
         fi
     }
  :: atomic { /* no answer in time: neither done nor refused */
       in_flight[i] ->
         in_flight[i] = 0;
         if
         :: by_client
         :: else -> life.branch[i].doubtful = true; unsaved = true
         fi
     }
  od
}

/* Phase two of branch i. */
proctype Ender(byte i) {
end:
  do
  :: atomic {
       life.phase == CONFIRMING && !waiting && !life.branch[i].ended && !end_in_flight[i] ->
         assert(told == 0);
         end_in_flight[i] = true;
         confirm_sent[i] = true
     }
  :: atomic {
       life.phase == CANCELLING && !waiting && !(in_flight[i] && !by_client) && MAY_HAVE_RUN(i) &&
           !life.branch[i].ended && !end_in_flight[i] ->
         assert(told == 0);
         end_in_flight[i] = true;
         cancel_sent[i] = true
     }
  :: atomic {
       end_in_flight[i] &&
           (life.phase == CONFIRMING && confirm_says_done[i] || life.phase == CANCELLING && cancel_says_done[i]) ->
         end_in_flight[i] = false;
         life.branch[i].ended = true;
         unsaved = true
     }
  od
}

proctype Coordinator() {
end:
  do
  :: atomic { !by_client && life.phase == TRYING && !waiting && ALL_TRIED -> decide(CONFIRMING) }
  :: atomic { submit_sent && life.phase == TRYING && !waiting -> decide(CONFIRMING) }
#ifdef MUTANT_REPEATED_SUBMIT_ENDS
  :: atomic { submit_sent && life.phase == CONFIRMING && !waiting -> life.phase = COMMITTED; unsaved = true }
#endif
  :: atomic { life.phase == TRYING && !waiting -> decide(CANCELLING) } /* abort, deadline, attempts used up */
  :: atomic {
       life.phase == CONFIRMING && life.branch[0].ended && life.branch[1].ended -> life.phase = COMMITTED; unsaved = true
     }
  :: atomic { life.phase == CANCELLING && !waiting && CANCELLED(0) && CANCELLED(1) -> life.phase = ABORTED; unsaved = true }
  :: atomic { unsaved -> save() }
  :: atomic { crashes > 0 -> crashes--; recover() }
  od
}

proctype Client() {
  do
  :: atomic { by_client && tried[0] && tried[1] && !submit_sent -> submit_sent = true }
  :: atomic {
       life.phase >= COMMITTED && told != life.phase && MAY_TELL ->
         assert(told == 0);
         told = life.phase;
#ifdef GOAL_COMMITTED
         assert(told != COMMITTED || by_client);
#endif
#ifdef GOAL_COMMITTED_BY_CLIENT
         assert(told != COMMITTED || !by_client);
#endif
#ifdef GOAL_ABORTED_AFTER_WORK
         assert(told != ABORTED || !cancel_says_done[0] || !cancel_says_done[1]);
#endif
         assert(frozen[0] == 0 && frozen[1] == 0);
         assert(taken[0] == (told == COMMITTED) && taken[1] == (told == COMMITTED))
     }
  :: told == disk.phase -> break /* no crash can change it any more */
  od
}

/* One attempt of a try, on its way and at the participant. */
proctype Try(byte i; byte a) {
end:
  do
  :: atomic {
       sent[MAIL(i, a)] &&
           ARRIVES((row[i] == DONE || row[i] == HELD) && !says_done[MAIL(i, a)] ||
                   (row[i] == ABSENT || row[i] == TOMBSTONE) && !says_refused[MAIL(i, a)]) ->
         if
         :: row[i] == ABSENT -> says_refused[MAIL(i, a)] = true /* by the business, every copy alike */
         :: row[i] != ABSENT || !says_refused[MAIL(i, a)] ->
              barrier_try(row[i], work, answer);
            if
            :: work == APPLY -> frozen[i]++; assert(frozen[i] == 1 && taken[i] == 0 && told == 0)
            :: else
            fi;
            assert(answer != SAY_CONFLICT);
            if
            :: answer == SAY_DONE -> says_done[MAIL(i, a)] = true
            :: else -> says_refused[MAIL(i, a)] = true
            fi
         fi
     }
  od
}

proctype Confirm(byte i) {
end:
  do
  :: atomic {
       confirm_sent[i] && ARRIVES(!confirm_says_done[i]) ->
         assert(row[0] != TOMBSTONE && row[1] != TOMBSTONE);
         assert(row[0] != ABSENT && row[1] != ABSENT);
         barrier_confirm(row[i], work, answer);
#ifdef MUTANT_CONFIRM_TWICE
         work = FULFIL;
#endif
         assert(answer == SAY_DONE);
         if
         :: work == FULFIL -> frozen[i]--; taken[i]++; assert(taken[i] == 1)
         :: else
         fi;
         confirm_says_done[i] = true
     }
  od
}

proctype Cancel(byte i) {
end:
  do
  :: atomic {
       cancel_sent[i] && ARRIVES(!cancel_says_done[i] || row[i] == HELD) ->
         assert(row[0] != DONE && row[1] != DONE);
         barrier_cancel(row[i], work, answer);
         assert(answer == SAY_DONE);
         if
         :: work == UNDO -> frozen[i]--
         :: else
         fi;
#ifdef MUTANT_NO_TOMBSTONE
         if
         :: work == MARK -> row[i] = ABSENT
         :: else
         fi;
#endif
         cancel_says_done[i] = true
     }
  od
}

init {
  atomic {
    if
    :: by_client = true
    :: by_client = false
    fi;
    life.phase = TRYING; /* begin is forced */
    disk.phase = TRYING;
    run Trier(0);
    run Trier(1);
    run Ender(0);
    run Ender(1);
    run Coordinator();
    run Client();
    run Try(0, 1);
    run Try(0, 2);
    run Try(1, 1);
    run Try(1, 2);
    run Confirm(0);
    run Confirm(1);
    run Cancel(0);
    run Cancel(1)
  }
}
