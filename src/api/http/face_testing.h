#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/http/ports.h"
#include "base/assert.h"
#include "net/http_parser.h"
#include "net/http_server.h"

namespace settle::api {

/// A request as the server would hand it over: parsed from its bytes.
class ParsedRequest {
 public:
  ParsedRequest(std::string_view method, std::string_view target, std::string_view body = {},
                std::string_view headers = {})
      : parser_(net::HttpParser::Kind::kRequest, {.body_bytes = 4 * 1024 * 1024}) {
    bytes_.append(method).append(" ").append(target).append(" HTTP/1.1\r\nhost: h\r\n").append(headers);
    bytes_.append("content-length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    SETTLE_ASSERT(parser_.advance(bytes_.data(), bytes_.size()) == net::HttpParser::Progress::kDone);
    request_.method = parser_.method();
    request_.target = parser_.target();
    const std::size_t mark = request_.target.find('?');
    request_.path = request_.target.substr(0, mark);
    if (mark != std::string_view::npos) request_.query = request_.target.substr(mark + 1);
    request_.body = parser_.body();
    request_.head = &parser_;
  }
  ParsedRequest(const ParsedRequest&) = delete;
  ParsedRequest& operator=(const ParsedRequest&) = delete;

  operator const net::HttpRequest&() const { return request_; }  // NOLINT: conversion is the point

 private:
  std::string bytes_;
  net::HttpParser parser_;
  net::HttpRequest request_;
};

struct Answered {
  net::ResponseSlot slot;
  int status = 0;
  std::string content_type;
  std::string body;
  std::string extra_headers;
};

/// Ports with memory: keeps what was sent, runs reads when told to.
class FakePorts final : public Ports {
 public:
  void send(engine::Input&& input) override { sent.push_back(std::move(input)); }
  bool read_store(std::function<void(Store&)> read, std::function<void()> then) override {
    if (reads_full) return false;
    reads.emplace_back(std::move(read), std::move(then));
    return true;
  }
  std::string fresh_gid() override { return "fresh-" + std::to_string(++fresh); }
  [[nodiscard]] std::uint8_t thread_index() const override { return 3; }
  [[nodiscard]] Instant now() const override { return time; }

  void run_reads(Store& store) {
    for (auto& [read, then] : std::exchange(reads, {})) {
      read(store);
      then();
    }
  }
  template <typename Input>
  Input take() {
    SETTLE_ASSERT(!sent.empty() && std::holds_alternative<Input>(sent.front()));
    Input input = std::move(std::get<Input>(sent.front()));
    sent.erase(sent.begin());
    return input;
  }

  std::vector<engine::Input> sent;
  std::vector<std::pair<std::function<void(Store&)>, std::function<void()>>> reads;
  bool reads_full = false;
  int fresh = 0;
  Instant time = instant_of(1'767'323'045'000'000);
};

/// A store for reading only: records by hand.
class ShelfStore final : public Store {
 public:
  Result<std::vector<Receipt>> commit(std::span<const Save>) override { return no(); }
  Result<void> load_open(std::span<const ShardNo>, const std::function<void(StoredRecord&&)>&,
                         const std::function<void(const Tid&, const Error&)>&) override {
    return no();
  }
  Result<StoredRecord> get(std::string_view gid) override {
    for (const auto& [tid, record] : records) {
      if (record.gid == gid) return record;
    }
    return Error{ErrorCode::kNotFound, "no such record"};
  }
  Result<StoredRecord> get(const Tid& tid) override {
    const auto at = records.find(tid);
    if (at == records.end()) return Error{ErrorCode::kNotFound, "no such record"};
    return at->second;
  }
  Result<std::vector<StoredRecord>> list(const ListFilter& filter) override {
    ++lists;
    last = filter;
    if (broken) return Error{ErrorCode::kUnavailable, "the disk is gone"};
    std::vector<StoredRecord> out;
    for (auto at = records.rbegin(); at != records.rend() && out.size() < filter.limit; ++at) {
      const StoredRecord& record = at->second;
      if (filter.before && !(record.tid < *filter.before)) continue;
      if (filter.pattern && record.summary.pattern != *filter.pattern) continue;
      out.push_back(record);
      if (without_plans) out.back().plan.clear();
    }
    return out;
  }
  Result<std::vector<Lease>> acquire(std::span<const ShardNo>, std::string_view, Duration) override { return no(); }
  Result<std::vector<Lease>> renew(std::span<const Lease>, std::string_view, Duration) override { return no(); }
  Result<void> release(std::span<const Lease>, std::string_view) override { return no(); }
  Result<void> put_value(std::string_view, std::string_view, std::string_view) override { return no(); }
  Result<std::optional<std::string>> get_value(std::string_view, std::string_view) override { return no(); }
  Result<std::uint64_t> prune(Instant) override { return no(); }
  Result<void> probe() override {
    ++probes;
    if (broken) return Error{ErrorCode::kUnavailable, "the disk is gone"};
    return {};
  }
  [[nodiscard]] StorePromise promise() const override { return StorePromise::kNothing; }
  [[nodiscard]] std::string description() const override { return "shelf"; }
  [[nodiscard]] std::uint64_t syncs() const override { return 0; }

  std::map<Tid, StoredRecord> records;
  bool broken = false;
  bool without_plans = true;
  int lists = 0;
  int probes = 0;
  ListFilter last;

 private:
  static Error no() { return Error{ErrorCode::kUnavailable, "a shelf is only read"}; }
};

}  // namespace settle::api
