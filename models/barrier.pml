/* Printed from src/protocol/barrier.h: SETTLE_REWRITE=1 models_barrier_test rewrites it.
   barrier_OP(row, work, answer): what OP does where it meets `row`; changes all three. */

#define ABSENT 0
#define DONE 1
#define TOMBSTONE 2
#define LOCKED 3
#define HELD 4
#define BEGUN 5
#define FULFILLING 6
#define UNDOING 7

#define NOTHING 0
#define APPLY 1
#define UNDO 2
#define MARK 3
#define FULFIL 4
#define FIND 5

#define SAY_DONE 0
#define SAY_REFUSED 1
#define SAY_RUNNING 2
#define SAY_COMMITTED 3
#define SAY_ABORTED 4
#define SAY_CONFLICT 5

inline barrier_action(row, work, answer) {
  if
  :: row == ABSENT -> work = APPLY; answer = SAY_DONE; row = DONE
  :: row == DONE -> work = NOTHING; answer = SAY_DONE; row = DONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_REFUSED; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = NOTHING; answer = SAY_CONFLICT; row = HELD
  :: row == BEGUN -> work = FIND; answer = SAY_DONE; row = DONE
  :: row == FULFILLING -> work = NOTHING; answer = SAY_CONFLICT; row = FULFILLING
  :: row == UNDOING -> work = NOTHING; answer = SAY_REFUSED; row = UNDOING
  fi
}

inline barrier_compensate(row, work, answer) {
  if
  :: row == ABSENT -> work = MARK; answer = SAY_DONE; row = TOMBSTONE
  :: row == DONE -> work = UNDO; answer = SAY_DONE; row = TOMBSTONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_DONE; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = NOTHING; answer = SAY_CONFLICT; row = HELD
  :: row == BEGUN -> work = UNDO; answer = SAY_DONE; row = TOMBSTONE
  :: row == FULFILLING -> work = NOTHING; answer = SAY_CONFLICT; row = FULFILLING
  :: row == UNDOING -> work = FIND; answer = SAY_DONE; row = TOMBSTONE
  fi
}

inline barrier_deliver(row, work, answer) {
  if
  :: row == ABSENT -> work = APPLY; answer = SAY_DONE; row = DONE
  :: row == DONE -> work = NOTHING; answer = SAY_DONE; row = DONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_REFUSED; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = NOTHING; answer = SAY_CONFLICT; row = HELD
  :: row == BEGUN -> work = FIND; answer = SAY_DONE; row = DONE
  :: row == FULFILLING -> work = NOTHING; answer = SAY_CONFLICT; row = FULFILLING
  :: row == UNDOING -> work = NOTHING; answer = SAY_REFUSED; row = UNDOING
  fi
}

inline barrier_local(row, work, answer) {
  if
  :: row == ABSENT -> work = APPLY; answer = SAY_DONE; row = DONE
  :: row == DONE -> work = NOTHING; answer = SAY_DONE; row = DONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_REFUSED; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = NOTHING; answer = SAY_CONFLICT; row = HELD
  :: row == BEGUN -> work = NOTHING; answer = SAY_CONFLICT; row = BEGUN
  :: row == FULFILLING -> work = NOTHING; answer = SAY_CONFLICT; row = FULFILLING
  :: row == UNDOING -> work = NOTHING; answer = SAY_CONFLICT; row = UNDOING
  fi
}

inline barrier_check(row, work, answer) {
  if
  :: row == ABSENT -> work = MARK; answer = SAY_ABORTED; row = TOMBSTONE
  :: row == DONE -> work = NOTHING; answer = SAY_COMMITTED; row = DONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_ABORTED; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = NOTHING; answer = SAY_CONFLICT; row = HELD
  :: row == BEGUN -> work = NOTHING; answer = SAY_CONFLICT; row = BEGUN
  :: row == FULFILLING -> work = NOTHING; answer = SAY_CONFLICT; row = FULFILLING
  :: row == UNDOING -> work = NOTHING; answer = SAY_CONFLICT; row = UNDOING
  fi
}

inline barrier_try(row, work, answer) {
  if
  :: row == ABSENT -> work = APPLY; answer = SAY_DONE; row = HELD
  :: row == DONE -> work = NOTHING; answer = SAY_DONE; row = DONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_REFUSED; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = NOTHING; answer = SAY_DONE; row = HELD
  :: row == BEGUN -> work = FIND; answer = SAY_DONE; row = HELD
  :: row == FULFILLING -> work = NOTHING; answer = SAY_DONE; row = FULFILLING
  :: row == UNDOING -> work = NOTHING; answer = SAY_REFUSED; row = UNDOING
  fi
}

inline barrier_confirm(row, work, answer) {
  if
  :: row == ABSENT -> work = NOTHING; answer = SAY_CONFLICT; row = ABSENT
  :: row == DONE -> work = NOTHING; answer = SAY_DONE; row = DONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_CONFLICT; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = FULFIL; answer = SAY_DONE; row = DONE
  :: row == BEGUN -> work = NOTHING; answer = SAY_CONFLICT; row = BEGUN
  :: row == FULFILLING -> work = FIND; answer = SAY_DONE; row = DONE
  :: row == UNDOING -> work = NOTHING; answer = SAY_CONFLICT; row = UNDOING
  fi
}

inline barrier_cancel(row, work, answer) {
  if
  :: row == ABSENT -> work = MARK; answer = SAY_DONE; row = TOMBSTONE
  :: row == DONE -> work = NOTHING; answer = SAY_CONFLICT; row = DONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_DONE; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = UNDO; answer = SAY_DONE; row = TOMBSTONE
  :: row == BEGUN -> work = UNDO; answer = SAY_DONE; row = TOMBSTONE
  :: row == FULFILLING -> work = NOTHING; answer = SAY_CONFLICT; row = FULFILLING
  :: row == UNDOING -> work = FIND; answer = SAY_DONE; row = TOMBSTONE
  fi
}

inline barrier_prepare(row, work, answer) {
  if
  :: row == ABSENT -> work = APPLY; answer = SAY_DONE; row = HELD
  :: row == DONE -> work = NOTHING; answer = SAY_DONE; row = DONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_REFUSED; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = NOTHING; answer = SAY_DONE; row = HELD
  :: row == BEGUN -> work = FIND; answer = SAY_DONE; row = HELD
  :: row == FULFILLING -> work = NOTHING; answer = SAY_DONE; row = FULFILLING
  :: row == UNDOING -> work = NOTHING; answer = SAY_REFUSED; row = UNDOING
  fi
}

inline barrier_commit(row, work, answer) {
  if
  :: row == ABSENT -> work = NOTHING; answer = SAY_CONFLICT; row = ABSENT
  :: row == DONE -> work = NOTHING; answer = SAY_DONE; row = DONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_CONFLICT; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = FULFIL; answer = SAY_DONE; row = DONE
  :: row == BEGUN -> work = NOTHING; answer = SAY_CONFLICT; row = BEGUN
  :: row == FULFILLING -> work = FIND; answer = SAY_DONE; row = DONE
  :: row == UNDOING -> work = NOTHING; answer = SAY_CONFLICT; row = UNDOING
  fi
}

inline barrier_rollback(row, work, answer) {
  if
  :: row == ABSENT -> work = MARK; answer = SAY_DONE; row = TOMBSTONE
  :: row == DONE -> work = NOTHING; answer = SAY_CONFLICT; row = DONE
  :: row == TOMBSTONE -> work = NOTHING; answer = SAY_DONE; row = TOMBSTONE
  :: row == LOCKED -> work = NOTHING; answer = SAY_RUNNING; row = LOCKED
  :: row == HELD -> work = UNDO; answer = SAY_DONE; row = TOMBSTONE
  :: row == BEGUN -> work = UNDO; answer = SAY_DONE; row = TOMBSTONE
  :: row == FULFILLING -> work = NOTHING; answer = SAY_CONFLICT; row = FULFILLING
  :: row == UNDOING -> work = FIND; answer = SAY_DONE; row = TOMBSTONE
  fi
}
