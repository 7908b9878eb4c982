#include "settle/tcc_scope.h"

#include <utility>

#include "client/scope_headers.h"

namespace settle {
namespace client {

Result<HeaderList> try_headers(std::string_view gid, std::string_view tid, std::string_view branch,
                               std::string_view trace_parent) {
  if (!is_branch_id(branch) || branch == "00") {
    return Error{ErrorCode::kInvalid, "\"" + std::string(branch) +
                                          "\" is no branch id: 1 to 64 characters of A-Z a-z 0-9 . _ - are, not 00"};
  }
  HeaderList out{{"settle-gid", std::string(gid)},
                 {"settle-tid", std::string(tid)},
                 {"settle-branch", std::string(branch)},
                 {"settle-op", "try"},
                 {"settle-pattern", "tcc"},
                 {"settle-attempt", "1"},
                 {std::string(kEnlistHeader), std::string(kEnlistSelf)}};
  if (!trace_parent.empty()) out.emplace_back("traceparent", trace_parent);
  return out;
}

}  // namespace client

TccScope::TccScope(Client& client, const Transaction& begun, std::string trace_parent)
    : client_(&client), gid_(begun.gid), tid_(begun.tid), trace_parent_(std::move(trace_parent)) {}

TccScope::TccScope(TccScope&& other) noexcept
    : client_(other.client_),
      gid_(std::move(other.gid_)),
      tid_(std::move(other.tid_)),
      trace_parent_(std::move(other.trace_parent_)),
      over_(std::exchange(other.over_, true)) {}

TccScope& TccScope::operator=(TccScope&& other) noexcept {
  if (this == &other) return *this;
  leave();
  client_ = other.client_;
  gid_ = std::move(other.gid_);
  tid_ = std::move(other.tid_);
  trace_parent_ = std::move(other.trace_parent_);
  over_ = std::exchange(other.over_, true);
  return *this;
}

TccScope::~TccScope() { leave(); }

void TccScope::leave() {
  if (over_) return;
  constexpr std::string_view kWhy = "the scope was left";
  const Result<Transaction> told = cancel(kWhy);
  // On the client's own thread nobody can wait.
  if (!told && told.error().code == ErrorCode::kInvalid) client_->abort(gid_, kWhy, {}, [](const auto&) {});
}

Result<TccScope> TccScope::open(Client& client, const Tcc& plan) {
  const Result<Transaction> begun = client.begin(plan);
  if (!begun) return begun.error();
  if (begun->decision != Transaction::Decision::kNone) {
    return Error{ErrorCode::kConflict, begun->gid + " is decided already"};
  }
  return TccScope(client, *begun, plan.trace_parent());
}

Result<HeaderList> TccScope::headers(std::string_view name) const {
  return client::try_headers(gid_, tid_, name, trace_parent_);
}

Result<Transaction> TccScope::complete(Wait wait) {
  over_ = true;
  return client_->submit(gid_, wait);
}

void TccScope::complete(Wait wait, Client::Then then) {
  over_ = true;
  client_->submit(gid_, wait, std::move(then));
}

Result<Transaction> TccScope::cancel(std::string_view reason, Wait wait) {
  over_ = true;
  return client_->abort(gid_, reason, wait);
}

}  // namespace settle
