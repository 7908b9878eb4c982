/* Saga with backward recovery: coordinator, store, network, and participants behind the barrier.
   The coordinator's rows are those of src/protocol/saga.h, the participants' those of barrier.pml.
   With PIVOT the second step is the saga's pivot and has no compensation (R2). */

#include "barrier.pml"
#include "network.pml"

#define STEPS 2
#define ATTEMPTS 2 /* of each action, over all lives of the coordinator */
#ifndef CRASHES
#define CRASHES 2
#endif

#define ACTING 1
#define COMPENSATING 2
#define COMMITTED 3
#define ABORTED 4

#define OPEN 0
#define IS_DONE 1
#define IS_REFUSED 2

typedef Step { byte forward; bool doubtful; bool undone }
typedef Record { byte phase; bool released; Step step[STEPS] } /* released: the pivot may have been called */

Record life;  /* what the coordinator knows; lost when it crashes */
Record disk;  /* what the store has */
bool unsaved; /* `life` has a change that `disk` has not */
bool waiting; /* the change is forced: nothing leaves before its receipt */

byte attempts[STEPS];
byte in_flight[STEPS]; /* the attempt whose answer the coordinator awaits; 0: none */
bool undo_in_flight[STEPS];

/* The network. */
#define COPIES 6 /* STEPS * (ATTEMPTS + 1); index MAIL(step, attempt) */
#define MAIL(i, a) ((i) * (ATTEMPTS + 1) + (a))
bool sent[COPIES];
bool says_done[COPIES];
bool says_refused[COPIES];
bool undo_sent[STEPS];
bool undo_says_done[STEPS];

/* The participants' databases. */
byte row[STEPS];
byte effects[STEPS];

bool incident; /* the pivot's outcome stays unknown: a person has to look */
byte told; /* what the client heard: COMMITTED, ABORTED, or 0 */
byte crashes = CRASHES;
hidden byte k, work, answer;

#define MAY_HAVE_RUN(i) (life.step[i].forward == IS_DONE || life.step[i].doubtful || in_flight[i])
#define TURNED_BACK(i) (!in_flight[i] && (!MAY_HAVE_RUN(i) || life.step[i].undone))
#ifdef PIVOT
#define IS_PIVOT(i) ((i) == STEPS - 1)
#else
#define IS_PIVOT(i) false
#endif
#ifdef MUTANT_ABORT_AFTER_RELEASE
#define MAY_TURN_BACK true
#else
#define MAY_TURN_BACK (!life.released) /* then only the pivot's own refusal turns back */
#endif
#ifdef MUTANT_REFUSED_PIVOT_ENDS_DOUBT
#define PIVOT_IS_DOUBTFUL(i) false
#else
#define PIVOT_IS_DOUBTFUL(i) (IS_PIVOT(i) && life.step[i].doubtful)
#endif
#define PREDECESSORS_DONE(i) ((i) == 0 || life.step[(i)-1].forward == IS_DONE)
#ifdef MUTANT_ANY_ORDER
#define SUCCESSORS_UNDONE(i) true
#else
#define SUCCESSORS_UNDONE(i) ((i) == STEPS - 1 || TURNED_BACK((i) + 1))
#endif
#ifdef MUTANT_TOLD_BEFORE_DURABLE
#define MAY_TELL true
#else
#define MAY_TELL (!unsaved)
#endif
#define ALL_DONE (life.step[0].forward == IS_DONE && life.step[1].forward == IS_DONE)
#define ALL_UNDONE (TURNED_BACK(0) && TURNED_BACK(1))

/* Progress and decisions go out as one record; an attempt under way is written as a doubt. */
inline save() {
  disk.phase = life.phase;
  disk.released = life.released;
  for (k : 0 .. STEPS - 1) {
    disk.step[k].forward = life.step[k].forward;
#ifdef MUTANT_SAVE_FORGETS_ATTEMPTS
    disk.step[k].doubtful = life.step[k].doubtful;
#else
    disk.step[k].doubtful = life.step[k].doubtful || in_flight[k];
#endif
    disk.step[k].undone = life.step[k].undone
  }
  unsaved = false;
  waiting = false
}

inline recover() {
  life.phase = disk.phase;
  life.released = disk.released;
  for (k : 0 .. STEPS - 1) {
    life.step[k].forward = disk.step[k].forward;
    life.step[k].doubtful = disk.step[k].doubtful;
    life.step[k].undone = disk.step[k].undone;
#ifndef MUTANT_RECOVERY_FORGETS_DOUBT
    if /* progress is lazy: whatever is not recorded as ended may have been called by the life before (R1) */
    :: life.phase == ACTING && life.step[k].forward == OPEN && (!IS_PIVOT(k) || life.released) ->
         life.step[k].doubtful = true
    :: else
    fi;
#endif
    in_flight[k] = 0;
    undo_in_flight[k] = false
  }
  unsaved = false;
  waiting = false
}

inline turn_back() {
  life.phase = COMPENSATING;
  unsaved = true;
#ifndef MUTANT_DECISION_NOT_FORCED
  waiting = true
#endif
}

/* What the coordinator does about step i. */
proctype Driver(byte i) {
end:
  do
  :: atomic { /* call the action */
       life.phase == ACTING && !waiting && PREDECESSORS_DONE(i) && life.step[i].forward == OPEN && !in_flight[i] &&
           attempts[i] < ATTEMPTS && (!IS_PIVOT(i) || life.released) ->
         assert(told == 0);
         attempts[i]++;
         in_flight[i] = attempts[i];
         sent[MAIL(i, attempts[i])] = true
     }
  :: atomic { /* durable before the pivot is called */
       IS_PIVOT(i) && life.phase == ACTING && !waiting && PREDECESSORS_DONE(i) && !life.released ->
         life.released = true;
         unsaved = true;
#ifndef MUTANT_RELEASE_NOT_FORCED
         waiting = true
#endif
     }
  :: atomic {
       in_flight[i] && says_done[MAIL(i, in_flight[i])] ->
         in_flight[i] = 0;
         life.step[i].forward = IS_DONE;
         unsaved = true
     }
  :: atomic {
       in_flight[i] && says_refused[MAIL(i, in_flight[i])] && !PIVOT_IS_DOUBTFUL(i) ->
         in_flight[i] = 0;
         life.step[i].forward = IS_REFUSED;
#ifdef MUTANT_REFUSAL_ENDS_DOUBT
         life.step[i].doubtful = false;
#endif
         unsaved = true;
         if
         :: life.phase == ACTING -> turn_back()
         :: else
         fi
     }
  :: atomic { /* an earlier attempt may still be done, and nothing could undo it: asked on */
       in_flight[i] && says_refused[MAIL(i, in_flight[i])] && PIVOT_IS_DOUBTFUL(i) -> in_flight[i] = 0
     }
  :: atomic {
       IS_PIVOT(i) && life.phase == ACTING && life.released && !waiting && life.step[i].forward == OPEN && !in_flight[i] &&
           attempts[i] == ATTEMPTS && !incident -> incident = true
     }
  :: atomic { /* no answer in time: neither done nor refused */
       in_flight[i] ->
         in_flight[i] = 0;
#ifdef MUTANT_TIMEOUT_IS_REFUSAL
         life.step[i].forward = IS_REFUSED;
#else
         life.step[i].doubtful = true;
#endif
         unsaved = true
     }
  :: atomic { /* call the compensation; a repeat of a lost one is the same message once more */
       life.phase == COMPENSATING && !waiting && !in_flight[i] && MAY_HAVE_RUN(i) && !life.step[i].undone &&
           SUCCESSORS_UNDONE(i) && !undo_in_flight[i] && !IS_PIVOT(i) ->
         assert(told == 0);
         undo_in_flight[i] = true;
         undo_sent[i] = true
     }
  :: atomic {
       undo_in_flight[i] && undo_says_done[i] ->
         undo_in_flight[i] = false;
         life.step[i].undone = true;
         unsaved = true
     }
  od
}

proctype Coordinator() {
end:
  do
  :: atomic { /* the client aborts, the deadline, attempts used up */
       life.phase == ACTING && !waiting && MAY_TURN_BACK -> turn_back()
     }
  :: atomic { life.phase == ACTING && ALL_DONE -> life.phase = COMMITTED; unsaved = true }
  :: atomic { life.phase == COMPENSATING && !waiting && ALL_UNDONE -> life.phase = ABORTED; unsaved = true }
  :: atomic { unsaved -> save() } /* a lazy save leaves some time, a forced one now: the order is all that counts */
  :: atomic { crashes > 0 -> crashes--; recover() }
  od
}

/* Hears the outcome, also again after a crash. */
proctype Client() {
  do
  :: atomic {
       life.phase >= COMMITTED && told != life.phase && MAY_TELL ->
         assert(told == 0);
         told = life.phase;
#ifdef GOAL_COMMITTED
         assert(told != COMMITTED);
#endif
#ifdef GOAL_ABORTED_BY_PIVOT
         assert(told != ABORTED || !undo_says_done[0] || !life.released);
#endif
#ifdef GOAL_ABORTED_AFTER_WORK
         assert(told != ABORTED || !undo_says_done[0] || !undo_says_done[1]);
#endif
         assert(told == COMMITTED || (effects[0] == 0 && effects[1] == 0));
         assert(told == ABORTED || (effects[0] == 1 && effects[1] == 1))
     }
  :: told == disk.phase -> break /* no crash can change it any more */
  :: incident -> break
  od
}

/* One attempt of an action, on its way and at the participant. */
proctype Action(byte i; byte a) {
end:
  do
  :: atomic {
       sent[MAIL(i, a)] &&
           ARRIVES(row[i] == DONE && !says_done[MAIL(i, a)] || row[i] != DONE && !says_refused[MAIL(i, a)]) ->
         if
         :: row[i] == ABSENT -> /* the business says no; every copy of this request hears the same */
              says_refused[MAIL(i, a)] = true
         :: row[i] != ABSENT || !says_refused[MAIL(i, a)] ->
              barrier_action(row[i], work, answer);
            if
            :: work == APPLY ->
                 effects[i]++;
                 assert(effects[i] == 1 && told == 0);
                 assert(i == 0 || effects[0] == 1)
            :: else
            fi;
            assert(answer != SAY_CONFLICT);
#ifdef MUTANT_ACTION_WITHOUT_ROW
            row[i] = (work == APPLY -> ABSENT : row[i]);
#endif
            if
            :: answer == SAY_DONE -> says_done[MAIL(i, a)] = true
            :: else -> says_refused[MAIL(i, a)] = true
            fi
         fi
     }
  od
}

proctype Compensation(byte i) {
end:
  do
  :: atomic {
       undo_sent[i] && ARRIVES(!undo_says_done[i] || row[i] == DONE) ->
         barrier_compensate(row[i], work, answer);
         assert(answer == SAY_DONE && told != COMMITTED);
         if
         :: work == UNDO ->
              effects[i]--;
              assert(i == STEPS - 1 || effects[STEPS - 1] == 0) /* last first */
         :: else
         fi;
#ifdef MUTANT_NO_TOMBSTONE
         if
         :: work == MARK -> row[i] = ABSENT
         :: else
         fi;
#endif
         undo_says_done[i] = true
     }
  od
}

init {
  atomic {
    life.phase = ACTING; /* begin is forced */
    disk.phase = ACTING;
    run Driver(0);
    run Driver(1);
    run Coordinator();
    run Client();
    run Action(0, 1);
    run Action(0, 2);
    run Action(1, 1);
    run Action(1, 2);
    run Compensation(0);
    run Compensation(1)
  }
}
