#include "testing/life.h"

#include <sys/random.h>

#include <utility>

#include "api/http/problem.h"
#include "api/http/render.h"
#include "base/assert.h"

namespace settle::testing {
namespace {

constexpr std::uint16_t kShards = 16;
constexpr std::string_view kOwner = "test";
constexpr Duration kLease = std::chrono::hours{24 * 365 * 50};  // whatever the clock is moved by

std::uint64_t fresh_seed() {
  std::uint64_t seed = 0;
  SETTLE_ASSERT(::getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed));
  return seed;
}

engine::WorkerOptions worker_options() {
  engine::WorkerOptions options;
  options.shards = kShards;
  options.seed = fresh_seed();
  return options;
}

participant::HttpParticipantOptions participant_options() {
  participant::HttpParticipantOptions options;
  options.seed = fresh_seed();
  return options;
}

net::HttpServerOptions server_options() {
  net::HttpServerOptions options;
  options.problem = [](int status, std::string_view detail) {
    api::Rendered rendered = api::render_transport_problem(status, detail);
    return net::HttpProblem{std::string(rendered.content_type), std::move(rendered.body)};
  };
  return options;
}

Result<StoredRecord> find_record(Store& store, const std::string& gid) {
  if (const auto tid = Tid::parse(gid)) {
    auto record = store.get(*tid);
    if (record || record.error().code != ErrorCode::kNotFound) return record;
  }
  return store.get(gid);
}

}  // namespace

Life::Life(net::Loop& loop, MemoryStore& store, const Duration& skew)
    : loop_(loop),
      store_(store),
      skew_(skew),
      participant_(loop, participant_options(), [this](CallEnded&& ended) { worker_.on(std::move(ended), now()); }),
      worker_(worker_options(), *this),
      face_(*this, [this](net::ResponseSlot slot, int status, std::string_view type, std::string_view body,
                          std::string_view headers) { server_.respond(slot, status, type, body, headers); }),
      server_(
          loop,
          [this] {
            net::HttpServerOptions options = server_options();
            options.gone = [this](net::ResponseSlot slot) { post([this, slot] { face_.on_gone(slot); }); };
            return options;
          }(),
          [this](const net::HttpRequest& request, net::ResponseSlot slot) { face_.on_request(request, slot); }),
      random_(fresh_seed()) {}

void Life::begin() {
  std::vector<ShardNo> shards;
  for (ShardNo shard = 0; shard < kShards; ++shard) shards.push_back(shard);
  const auto leases = store_.acquire(shards, kOwner, kLease);
  SETTLE_ASSERT(leases && leases->size() == kShards);
  std::vector<Epoch> epochs(kShards);
  for (const Lease& lease : *leases) {
    epochs[lease.shard] = lease.epoch;
    worker_.on(engine::Acquired{lease.shard, lease.epoch, kNever}, now());
  }
  const auto visit = [&](StoredRecord&& record) {
    worker_.on(engine::Loaded{record.shard, epochs[record.shard], std::move(record)}, now());
  };
  const auto damaged = [](const Tid&, const Error&) { SETTLE_ASSERT(false); };  // memory does not rot
  SETTLE_ASSERT(store_.load_open(shards, visit, damaged).ok());
  for (const Lease& lease : *leases) worker_.on(engine::LoadEnded{lease.shard, lease.epoch}, now());
}

void Life::end_turn() {
  while (!saves_.empty() || !answers_.empty()) {
    commit();
    deliver();
  }
  arm_timer();
}

void Life::commit() {
  while (!saves_.empty()) {
    saves_.take(group_);
    auto receipts = store_.commit(group_.all());
    SETTLE_ASSERT(receipts.ok());
    group_.clear();
    worker_.on(engine::Receipts{std::move(*receipts)}, now());
  }
}

void Life::deliver() {
  for (Answer& answer : std::exchange(answers_, {})) face_.on_reply(answer.token, std::move(answer.rendered));
}

void Life::arm_timer() {
  const Instant due = worker_.next_due();
  if (due >= armed_) return;
  loop_.cancel(timer_);
  armed_ = due;
  timer_ = loop_.at(saturating_add(due, -skew_), [this, alive = weak_from_this()] {
    if (alive.expired()) return;
    armed_ = kNever;
    tick();
  });
}

void Life::post(std::function<void()> task) {
  loop_.post([alive = weak_from_this(), task = std::move(task)] {
    if (const auto life = alive.lock()) task();
  });
}

// The participant's client lives on real time.
void Life::call(const Call& call) {
  Call real = call;
  real.sent_at = saturating_add(call.sent_at, -skew_);
  participant_.call(real);
}

void Life::reply(engine::Token token, engine::AnswerKind kind, const engine::View* view) {
  answers_.push_back({token, api::render(token, kind, view)});
}

void Life::look_up(ShardNo shard, std::uint64_t lookup, std::string_view gid) {
  auto found = std::make_shared<engine::Found>();
  found->shard = shard;
  found->lookup = lookup;
  if (auto record = find_record(store_, std::string(gid))) found->record = std::move(*record);
  post([this, found] { worker_.on(std::move(*found), now()); });
}

// Nobody else can have taken it, and leases do not end.
void Life::dropped(ShardNo, Epoch) { SETTLE_ASSERT(false); }

// A test's own output stays readable; the document tells all of it.
void Life::event(engine::EventLevel, std::string_view, std::string_view, std::string_view, Op) {}

bool Life::read_store(std::function<void(Store&)> read, std::function<void()> then) {
  read(store_);
  post(std::move(then));
  return true;
}

std::string Life::fresh_gid() {
  last_fresh_ = std::max(last_fresh_ + 1, static_cast<std::uint64_t>(micros(now())));
  Tid tid;
  tid.sequence = last_fresh_;
  tid.cluster = 1;
  tid.shard = static_cast<ShardNo>(last_fresh_ % kShards);
  tid.epoch = engine::kEpochsOfFreshGids | static_cast<std::uint32_t>(random_.next());
  return tid.text();
}

}  // namespace settle::testing
