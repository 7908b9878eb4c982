#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "bare_http.h"
#include "data_directory.h"
#include "figures.h"
#include "histogram.h"
#include "load.h"
#include "options.h"
#include "participant.h"
#include "settled.h"

namespace settle::bench {
namespace {

TEST(Histogram, QuantilesAreWithinASixtyFourth) {
  auto histogram = std::make_unique<Histogram>();
  for (std::uint64_t ns = 1; ns <= 1'000'000; ++ns) histogram->add(ns);
  for (const double share : {0.001, 0.01, 0.5, 0.99, 0.999, 1.0}) {
    EXPECT_GE(histogram->quantile_ms(share), share * 0.999);
    EXPECT_LE(histogram->quantile_ms(share), share * (1 + 1.0 / 64) + 1e-6);
  }
  EXPECT_NEAR(histogram->mean_ms(), 0.5, 0.001);
}

TEST(Histogram, HoldsEveryValue) {
  auto histogram = std::make_unique<Histogram>();
  EXPECT_EQ(histogram->quantile_ms(0.5), 0);
  for (const std::uint64_t ns : {std::uint64_t{0}, std::uint64_t{63}, std::uint64_t{64}, ~std::uint64_t{0}})
    histogram->add(ns);
  EXPECT_EQ(histogram->quantile_ms(0.25), 0);
  EXPECT_EQ(histogram->quantile_ms(0.5), 63e-6);
  EXPECT_EQ(histogram->quantile_ms(0.75), 64e-6);
  EXPECT_GT(histogram->quantile_ms(1), 1.8e13);
}

TEST(ReadMessage, NeedsAllOfIt) {
  const std::string text =
      "POST /a HTTP/1.1\r\nsettle-gid: g1\r\nContent-Length:   3\r\nsettle-branch: b\r\nsettle-op: action\r\n\r\nabc";
  Message message;
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(read_message(std::string_view(text).substr(0, size), message)) << size;
  const std::string with_next = text + "POST";
  ASSERT_TRUE(read_message(with_next, message));
  EXPECT_EQ(message.bytes, text.size());
  EXPECT_EQ(message.body(text), "abc");
  EXPECT_EQ(message.gid, "g1");
  EXPECT_EQ(message.branch, "b");
  EXPECT_EQ(message.op, "action");
}

TEST(DataDirectory, RefusesMemory) {
  EXPECT_TRUE(is_memory_file_system(0x01021994));  // tmpfs
  EXPECT_TRUE(is_memory_file_system(0x858458f6));  // ramfs
  EXPECT_FALSE(is_memory_file_system(0xEF53));     // ext4
  const auto shm = DataDirectory::make("/dev/shm");
  ASSERT_FALSE(shm);
  EXPECT_EQ(shm.error().code, ErrorCode::kInvalid);
}

// Sends one call per entry, in a row over one connection, and waits for the answers.
void call(const Participant& participant, const std::vector<std::array<std::string, 3>>& calls) {
  const net::Fd fd = connect_to_loopback(participant.port());
  ASSERT_TRUE(fd.open());
  auto inbox = std::make_unique<Inbox>();
  Poll poll;
  poll.add(fd, 0);
  for (const auto& [gid, branch, op] : calls) {
    ASSERT_TRUE(send_all(fd, "POST / HTTP/1.1\r\nsettle-gid: " + gid + "\r\nsettle-branch: " + branch +
                                 "\r\nsettle-op: " + op + "\r\ncontent-length: 0\r\n\r\n"));
    Message answer;
    while (!read_message(inbox->data(), answer)) {
      poll.wait(-1, [&](std::uint64_t) { ASSERT_EQ(inbox->receive(fd), Inbox::Got::kBytes); });
    }
    inbox->drop(answer.bytes);
  }
}

TEST(Participant, CountsExactlyTwoEffects) {
  Participant participant({.run = "run-", .branches = 2, .ops = {"action"}});
  call(participant, {{"run-0000000000", "a", "action"},
                     {"run-0000000000", "b", "action"},
                     {"run-0000000002", "a", "action"},
                     {"run-0000000002", "b", "action"}});
  participant.stop();
  const Verdict verdict = participant.judge({true, false, true});
  EXPECT_EQ(verdict.effects, 4U);
  EXPECT_EQ(verdict.wrong(), 0U);
}

TEST(Participant, SeesWhatIsMissingDoubledAndStrange) {
  Participant participant({.run = "run-", .branches = 2, .ops = {"action"}});
  call(participant, {{"run-0000000000", "a", "action"},
                     {"run-0000000000", "a", "action"},
                     {"run-0000000001", "a", "compensate"},
                     {"run-0000000001", "c", "action"},
                     {"other-00000000", "a", "action"},
                     {"run-000000000x", "a", "action"}});
  participant.stop();
  const Verdict verdict = participant.judge({true, true});
  EXPECT_EQ(verdict.effects, 2U);
  EXPECT_EQ(verdict.doubled, 1U);
  EXPECT_EQ(verdict.missing, 3U);
  EXPECT_EQ(verdict.strange, 4U);
}

TEST(Participant, SeesADoubledEffectOfATransactionThatNobodyWasToldOf) {
  Participant participant({.run = "run-", .branches = 1, .ops = {"action"}});
  call(participant, {{"run-0000000007", "a", "action"}, {"run-0000000007", "a", "action"}});
  participant.stop();
  EXPECT_EQ(participant.judge({}).doubled, 1U);
}

// Waits for the next request of a client that has connected.
void await_request(const net::Fd& connection) {
  const auto inbox = std::make_unique<Inbox>();
  Poll poll;
  poll.add(connection, 0);
  for (Message request; !read_message(inbox->data(), request);) {
    poll.wait(-1, [&](std::uint64_t) { ASSERT_EQ(inbox->receive(connection), Inbox::Got::kBytes); });
  }
}

TEST(Load, CountsAnAnswerThatIsNotCommitted) {
  std::uint16_t port = 0;
  net::Fd listener = listen_on_loopback(port);
  Load load({.port = port, .connections = 1}, make_job("/", "GID", "run-", R"("outcome":"committed")"));
  load.begin_measuring();
  net::Fd peer = accept_from(listener);
  const std::string running = "HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{\"outcome\":\"running\"}";
  await_request(peer);
  ASSERT_TRUE(send_all(peer, running));
  await_request(peer);
  listener.reset();  // or a new connection would be made, and wait for an answer
  peer.reset();
  load.finish();
  EXPECT_GE(load.errors(), 2U);  // this one, and the connection that was closed
  EXPECT_EQ(load.completed(), 0U);
  EXPECT_EQ(load.first_error(), running);
}

TEST(Load, NumbersItsTransactions) {
  const Job job = make_job("/v1", R"({"gid":"GID"})", "run-", {});
  EXPECT_EQ(job.request.substr(job.number_at, 10), "0000000000");
  EXPECT_TRUE(job.request.ends_with("content-length: 24\r\n\r\n{\"gid\":\"run-0000000000\"}"));
}

TEST(Load, OpenLoopCountsFromTheMomentThatWasDue) {
  // Nobody answers: everything that was due waits, and must be seen in the latencies although it was never sent.
  std::uint16_t port = 0;
  net::Fd listener = listen_on_loopback(port);
  auto load = std::make_unique<Load>(LoadOptions{.port = port, .connections = 1, .rate = 1000},
                                     make_job("/", "GID", "run-", {}));
  load->begin_measuring();
  net::Fd silent = accept_from(listener);
  ASSERT_TRUE(silent.open());
  await_request(silent);
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(200)) std::this_thread::yield();
  load->end_measuring();
  listener.reset();
  silent.reset();
  load->finish();
  EXPECT_GE(load->behind(), 198U);
  EXPECT_GE(load->latencies().quantile_ms(1), 198);
  EXPECT_EQ(load->completed(), 0U);
}

TEST(Load, OpenLoopSeesAPauseInEverythingThatWasDueInIt) {
  std::uint16_t port = 0;
  net::Fd listener = listen_on_loopback(port);
  auto load = std::make_unique<Load>(LoadOptions{.port = port, .connections = 1, .rate = 1000},
                                     make_job("/", "GID", "run-", {}));
  load->begin_measuring();
  net::Fd peer = accept_from(listener);
  const auto answer = [&] {
    await_request(peer);
    ASSERT_TRUE(send_all(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
  };
  answer();
  await_request(peer);  // so it has seen by now that it measures
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(200)) std::this_thread::yield();
  ASSERT_TRUE(send_all(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
  // From now on every answer comes at once, yet those that were due in the first half of the pause are 100 ms late.
  for (int i = 0; i < 150; ++i) answer();
  await_request(peer);
  load->end_measuring();
  listener.reset();
  peer.reset();
  load->finish();
  const auto count = static_cast<double>(load->latencies().count());
  EXPECT_GE(load->latencies().quantile_ms(1 - 90 / count), 100);
}

TEST(Options, BothForms) {
  const std::array<std::string_view, 5> typed{"p1", "--clients=8", "--seconds", "0.5", "--json"};
  const auto options = parse_options(typed);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->clients, 8U);
  EXPECT_EQ(options->seconds, 0.5);
  EXPECT_TRUE(options->json);
}

TEST(Options, WhatCannotBe) {
  using Words = std::vector<std::string_view>;
  for (const Words& typed : {Words{}, Words{"p1", "--clients=0"}, Words{"p1", "--clients"}, Words{"p1", "--clients=x"},
                             Words{"p1", "--clients=-1"}, Words{"p1", "--seconds=nan"}, Words{"p1", "--what"},
                             Words{"p1", "--seconds=0"}, Words{"p5", "--targets=27"}}) {
    EXPECT_FALSE(parse_options(typed)) << (typed.empty() ? "" : typed.back());
  }
}

TEST(Figures, Median) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

TEST(Settled, ReadsItsPorts) {
  const std::string line = "listening api=127.0.0.1:1234 admin=127.0.0.1:65535";
  EXPECT_EQ(port_in(line, "api="), 1234);
  EXPECT_EQ(port_in(line, "admin="), 65535);
  EXPECT_EQ(port_in(line, "grpc="), 0);
}

}  // namespace
}  // namespace settle::bench
