#include "audit/chain.h"

#include <gtest/gtest.h>

#include "digest/sha256.h"

namespace settle::audit {
namespace {

Record record(const std::string& reason) {
  Record out;
  out.at = instant_of(1'767'323'045'000'000);
  out.node = "n1";
  out.who = "ada";
  out.verb = "resolve";
  out.gid = "order-1";
  out.branch = "stock";
  out.as = "done";
  out.reason = reason;
  return out;
}

std::string chain_of(int records) {
  Place place;
  std::string text;
  for (int i = 1; i <= records; ++i) text += next_line(place, record("reason " + std::to_string(i)));
  return text;
}

TEST(AuditChain, ALineIsAHashOverTheHashBeforeAndItsText) {
  Place place;
  const std::string first = next_line(place, record("a \"b\"\n"));
  const std::string json =
      R"({"sequence":1,"at":"2026-01-02T03:04:05.000000Z","node":"n1","who":"ada","verb":"resolve","gid":"order-1",)"
      R"("branch":"stock","as":"done","reason":"a \"b\"\n"})";
  EXPECT_EQ(json_of(first), json);
  EXPECT_EQ(first.substr(0, 64), digest::sha256_hex({std::string(64, '0') + json}));
  EXPECT_EQ(first.back(), '\n');
  const std::string second = next_line(place, record("c"));
  EXPECT_EQ(second.substr(0, 64), digest::sha256_hex({first.substr(0, 64), json_of(second)}));
  EXPECT_EQ(place.records, 2U);
  EXPECT_EQ(place.head, second.substr(0, 64));
}

TEST(AuditChain, ASoundChainFitsInPiecesOfAnySize) {
  const std::string text = chain_of(5);
  for (std::size_t size = 1; size <= text.size(); size += 7) {
    Verifier verifier;
    for (std::size_t at = 0; at < text.size(); at += size) {
      ASSERT_TRUE(verifier.feed(std::string_view(text).substr(at, size)));
    }
    EXPECT_EQ(verifier.place().records, 5U);
    EXPECT_EQ(verifier.sound_bytes(), text.size());
    EXPECT_EQ(verifier.torn_bytes(), 0U);
  }
}

// Every byte of the chain, changed in one bit: somebody notices, at the record that was changed or at the next one.
TEST(AuditChain, FAIL_N18_NoByteCanBeChanged) {
  const std::string text = chain_of(4);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string other = text;
    other[at] = static_cast<char>(other[at] ^ 1);
    Verifier verifier;
    const bool fits = verifier.feed(other) && verifier.torn_bytes() == 0;
    EXPECT_FALSE(fits) << at;
  }
}

TEST(AuditChain, FAIL_N18_NoRecordCanBeTakenAwayAddedOrMoved) {
  const std::string text = chain_of(4);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at) + 1;
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  const auto problem_of = [](const std::vector<std::string>& changed) {
    Verifier verifier;
    for (const std::string& line : changed) (void)verifier.feed(line);
    return verifier.problem() ? verifier.problem()->message.substr(0, 8) : std::string();
  };
  EXPECT_EQ(problem_of(lines), "");
  EXPECT_EQ(problem_of({lines[0], lines[2], lines[3]}), "record 2");
  EXPECT_EQ(problem_of({lines[1], lines[2], lines[3]}), "record 1");
  EXPECT_EQ(problem_of({lines[0], lines[2], lines[1], lines[3]}), "record 2");
  EXPECT_EQ(problem_of({lines[0], lines[1], lines[1], lines[2]}), "record 3");
  EXPECT_EQ(problem_of({lines[0], "\n", lines[1]}), "record 2");
}

// A chain that was cut and gone on with elsewhere has every hash right; the number alone shows a record of another
// chain.
TEST(AuditChain, ANumberThatDoesNotFollowIsNoticed) {
  const std::string json = R"({"sequence":3,"verb":"stop"})";
  Place place;
  const Result<void> taken = take_line(place, digest::sha256_hex({kBeginning, json}) + " " + json);
  ASSERT_FALSE(taken.ok());
  EXPECT_NE(taken.error().message.find("another number"), std::string::npos) << taken.error().message;
}

TEST(AuditChain, ACutOffEndShowsOnlyAgainstAHeadThatIsKnownFromElsewhere) {
  const std::string text = chain_of(3);
  const std::string head = text.substr(text.rfind('\n', text.size() - 2) + 1, 64);
  Verifier whole;
  whole.look_for(head);
  EXPECT_TRUE(whole.feed(text));
  EXPECT_TRUE(whole.has_found());
  Verifier cut;
  cut.look_for(head);
  EXPECT_TRUE(cut.feed(text.substr(0, text.rfind('\n', text.size() - 2) + 1)));
  EXPECT_FALSE(cut.has_found());
}

TEST(AuditChain, ATornEndIsNoRecordAndNoMisfit) {
  const std::string text = chain_of(2);
  const std::size_t second = text.find('\n') + 1;
  for (std::size_t size = second + 1; size < text.size(); ++size) {
    Verifier verifier;
    EXPECT_TRUE(verifier.feed(text.substr(0, size)));
    EXPECT_EQ(verifier.place().records, 1U);
    EXPECT_EQ(verifier.sound_bytes(), second);
    EXPECT_EQ(verifier.torn_bytes(), size - second);
  }
}

TEST(AuditChain, ALineWithoutEndIsNotCollectedForEver) {
  Verifier verifier;
  EXPECT_FALSE(verifier.feed(std::string(kLineBytesMax + 1, 'x')));
}

}  // namespace
}  // namespace settle::audit
