#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace settle::daemon {

/// Who hears of ownership. Called on the keeper's thread, during Keeper::start() on its caller's.
class Ownership {
 public:
  Ownership() = default;
  Ownership(const Ownership&) = delete;
  Ownership& operator=(const Ownership&) = delete;

  /// `lease_end` is on this process's own clock, counted from before the request was sent. The open records of these
  /// shards are to be loaded now.
  virtual void acquired(const std::vector<Lease>& leases, Instant lease_end) = 0;
  virtual void renewed(const std::vector<Lease>& leases, Instant lease_end) = 0;
  /// `then` is to be called once, on any thread, when nobody acts for these shards any more. It may stay uncalled only
  /// if all threads that act have ended before Keeper::stop().
  virtual void lost(const std::vector<Lease>& leases, std::function<void()> then) = 0;
  /// Who shares the store now, this daemon included. Not for an exclusive store.
  virtual void attended(const std::vector<Node>& /*there*/) {}

 protected:
  ~Ownership() = default;
};

struct KeeperOptions {
  std::string node;     ///< our name in the store
  std::string address;  ///< where the other daemons reach us
  std::uint16_t shards = 256;
  Duration lease{};
  /// The store can have one owner only, who holds it with a lock: leases are taken once and do not end, so a slow disk
  /// cannot cost the ownership. False for stores that several daemons share: renewal at a third of the lease, and each
  /// daemon has its part of the shards (balance.h).
  bool exclusive = true;
  Duration retry = std::chrono::seconds{1};  ///< pause between two looks at who is there and what is free
};

/// The thread that takes the shards of a store and keeps them.
class Keeper {
 public:
  Keeper(Store& store, KeeperOptions options, Ownership& ownership);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Before start().
  void set_address(std::string address) { options_.address = std::move(address); }

  /// Asks for its shards once, on the caller's thread, and goes on asking and renewing on its own.
  void start();

  /// The worker has dropped this shard; it is acquired anew. Any thread.
  void dropped(Lease lease);

  /// Ends the thread and releases what is held; nobody acts for the shards any more. A shared store's other daemons
  /// need not wait for the lease then.
  void stop();

 private:
  void run();
  void look_around();
  void acquire(const std::vector<ShardNo>& shards);
  void give_up(const std::vector<Lease>& leases);
  void release(const std::vector<Lease>& leases);
  /// False: the store could not be asked.
  bool renew_held();

  Store& store_;
  KeeperOptions options_;
  Ownership& ownership_;
  // The keeper's thread only; after stop(): its caller's.
  std::map<ShardNo, Epoch> held_;
  std::vector<Lease> leaving_;  ///< given up, but a worker may still act for them

  std::mutex lock_;
  std::condition_variable wake_;
  std::vector<Lease> dropped_;  // guarded by lock_
  std::vector<Lease> left_;     // guarded by lock_: nobody acts for these any more
  bool stopped_ = false;        // guarded by lock_
  std::thread thread_;
};

}  // namespace settle::daemon
