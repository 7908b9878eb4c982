#pragma once

// The contract of store.h as tests, run against every store alike: a test program includes this header and names its
// store in INSTANTIATE_TEST_SUITE_P of the suites that apply:
//
//   StoreContract         every store
//   DurableStoreContract  stores that keep what they acknowledged when the process ends
//   SharedStoreContract   stores that several owners share

#include "storage/contract/commit.h"
#include "storage/contract/durable.h"
#include "storage/contract/epochs.h"
#include "storage/contract/fixture.h"
#include "storage/contract/prune.h"
#include "storage/contract/reading.h"
#include "storage/contract/shared.h"
#include "storage/contract/threads.h"
#include "storage/contract/values.h"
