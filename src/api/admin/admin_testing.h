#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "api/admin/admin.h"
#include "api/http/face_testing.h"

namespace settle::api {

class FakeAdminPorts final : public AdminPorts {
 public:
  void collect(std::function<void(const MetricsSnapshot&)> then) override { asked.push_back(std::move(then)); }
  bool set_paused(audit::Record&& record, bool paused, std::function<void(const PauseResult&)> then) override {
    if (audit_full) return false;
    records.push_back(record);
    pausings.emplace_back(record.destination, paused);
    then(pause_result);
    return true;
  }
  NodesSnapshot nodes() override { return there; }
  void collect_destinations(std::function<void(DestinationsSnapshot&&)> then) override {
    asked_destinations.push_back(std::move(then));
    if (!workers_hang) destinations_collected();
  }
  void destinations_collected() {
    for (auto& then : std::exchange(asked_destinations, {})) then(DestinationsSnapshot(destinations));
  }
  void after(Duration pause, std::function<void()> then) override { timers.emplace_back(pause, std::move(then)); }
  bool audit(audit::Record&& record, std::function<void(const Result<std::uint64_t>&)> then) override {
    if (audit_full) return false;
    audits.emplace_back(std::move(record), std::move(then));
    if (!audit_hangs) audited();
    return true;
  }
  bool read_audit(std::uint64_t from, std::size_t limit,
                  std::function<void(const Result<std::string>&)> then) override {
    if (audit_full) return false;
    if (audit_broken) {
      then(Error{ErrorCode::kCorrupt, "no chain any more"});
    } else {
      then("lines " + std::to_string(from) + " " + std::to_string(limit) + "\n");
    }
    return true;
  }

  /// The audit says how it went, to everybody who waits for it.
  void audited() {
    for (auto& [record, then] : std::exchange(audits, {})) {
      records.push_back(record);
      if (audit_broken) {
        then(Error{ErrorCode::kUnavailable, "the disk of the audit is full"});
      } else {
        then(std::uint64_t{records.size()});
      }
    }
  }
  void collected() {
    for (auto& then : std::exchange(asked, {})) then(snapshot);
  }
  void time_is_up() {
    for (auto& [pause, then] : std::exchange(timers, {})) then();
  }

  MetricsSnapshot snapshot;
  std::vector<std::function<void(const MetricsSnapshot&)>> asked;
  std::vector<std::pair<Duration, std::function<void()>>> timers;
  std::vector<std::pair<audit::Record, std::function<void(const Result<std::uint64_t>&)>>> audits;
  std::vector<audit::Record> records;
  NodesSnapshot there;
  PauseResult pause_result;
  DestinationsSnapshot destinations;
  std::vector<std::pair<std::string, bool>> pausings;
  std::vector<std::function<void(DestinationsSnapshot&&)>> asked_destinations;
  bool workers_hang = false;
  bool audit_full = false, audit_broken = false, audit_hangs = false;
};

class AdminTest : public testing::Test {
 protected:
  std::uint32_t ask(std::string_view method, std::string_view target, std::string_view body = {}) {
    const ParsedRequest request(method, target, body, headers_);
    face_.on_request(request, net::ResponseSlot{1, 1, ++asked_});
    return asked_;
  }
  /// "status body" of the only answer to that request.
  std::string answer_to(std::uint32_t number) {
    std::string out;
    for (const Answered& answer : answers_) {
      if (answer.slot.sequence == number) out += std::to_string(answer.status) + " " + answer.body;
    }
    return out;
  }

  FakePorts ports_;
  FakeAdminPorts admin_;
  ShelfStore store_;
  std::vector<Answered> answers_;
  std::uint32_t asked_ = 0;
  std::string headers_;
  AdminFace face_{
      ports_, admin_,
      [this](net::ResponseSlot slot, int status, std::string_view type, std::string_view body, std::string_view extra) {
        answers_.push_back({slot, status, std::string(type), std::string(body), std::string(extra)});
      }};
};

}  // namespace settle::api
