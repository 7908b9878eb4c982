#include "bank.h"

#include <thread>
#include <utility>

#include "account.h"

namespace settle::example {
namespace {

using barrier::Made;
using barrier::Work;

constexpr std::chrono::seconds kLockPatience{2};
/// Longer than any transaction of this example lives.
constexpr std::chrono::hours kHorizon{24 * 7};

ClientOptions client_options(const std::vector<std::string>& addresses) {
  ClientOptions options;
  options.addresses = addresses;
  return options;
}

}  // namespace

Bank::Bank(BankOptions options) : options_(std::move(options)), coordinator_(client_options(options_.coordinators)) {}

Result<void> Bank::start() {
  Result<Database> database = Database::open(options_.database_path, kLockPatience);
  if (!database) return database.error();
  if (Result<void> made = barrier::install(database->handle(), kHorizon); !made) return made;
  for (const char* schema : {kAccountSchema, kFaultSchema}) {
    if (Result<void> made = database->run(schema); !made) return made;
  }
  const Result<int> opened = database->execute("INSERT OR IGNORE INTO accounts (name, balance) VALUES (?, ?)",
                                               {std::string_view(options_.account), options_.coins});
  if (!opened) return opened.error();
  database_ = std::make_unique<Database>(std::move(*database));

  const std::string own = "http://127.0.0.1:" + std::to_string(options_.port) + "/account";
  const auto on_account = [this](const BranchCall& call) { return account(call); };
  ParticipantRouter router;
  router.on_try("/try", coordinator_, own, own, on_account)
      .on("/account", on_account)
      .on("/limit", [this](const BranchCall& call) { return limit(call); })
      .on("/voucher", [this](const BranchCall& call) { return voucher(call); });
  ParticipantServerOptions options;
  options.port = options_.port;
  Result<ParticipantServer> server = ParticipantServer::start(std::move(router), options);
  if (!server) return server.error();
  server_.emplace(std::move(*server));
  return {};
}

BranchAnswer Bank::account(const BranchCall& call) {
  Result<BankFault> now = fault();
  if (now && *now == BankFault::kStallTry && call.op == "try") stall();
  if (!now) return BranchAnswer::unknown(now.error().message);
  if (*now == BankFault::kClosed) return BranchAnswer::unknown("the counter is closed");

  const std::lock_guard hold(lock_);
  return through_barrier(database_->handle(), call, [&](Work work) {
    if (work == Work::kUndo && *now == BankFault::kStuckUndo) return Made::failed("the ledger is locked for the audit");
    return change_account(*database_, call, work);
  });
}

/// Looks and changes nothing, so it needs neither a barrier nor a second phase, and says so.
BranchAnswer Bank::limit(const BranchCall& call) const {
  if (call.op != "prepare") return BranchAnswer::done();
  const Result<Movement> movement = parse_movement(call.body);
  if (!movement) return BranchAnswer::refused(movement.error().message);
  if (-movement->amount > options_.limit) {
    return BranchAnswer::refused("the limit is " + std::to_string(options_.limit) + " coins a payment");
  }
  return BranchAnswer::read_only();
}

BranchAnswer Bank::voucher(const BranchCall& call) {
  const std::lock_guard hold(lock_);
  return through_barrier(database_->handle(), call, [&](Work) {
    const Result<int> kept = database_->execute("INSERT INTO vouchers (gid, account) VALUES (?, ?)",
                                                {std::string_view(call.gid), std::string_view(options_.account)});
    return kept ? Made::done(R"("a voucher")") : Made::failed(kept.error().message);
  });
}

Result<BankFault> Bank::fault() {
  const std::lock_guard hold(lock_);
  return read_fault(*database_);
}

void Bank::stall() {
  const auto count = [this](std::int64_t by) {
    const std::lock_guard hold(lock_);
    (void)count_stalled(*database_, by);
  };
  count(1);
  for (Result<BankFault> now = fault(); now && *now == BankFault::kStallTry; now = fault()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  count(-1);
}

}  // namespace settle::example
