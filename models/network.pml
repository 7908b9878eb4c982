/* The network: what was ever sent may arrive at any time, any number of times, in any order, or never.
   A duplicate that changes nothing leads nowhere new. With DUPLICATES such arrivals are steps all the same (safety); without
   them a state in which nothing can happen any more is an end, and must be a good one (termination). */

#ifdef DUPLICATES
#define ARRIVES(changes) true
#else
#define ARRIVES(changes) (changes)
#endif
