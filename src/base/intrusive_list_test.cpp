#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace settle {
namespace {

struct Item {
  int number = 0;
  ListHook<Item> hook;
};
using List = IntrusiveList<Item, &Item::hook>;

std::vector<int> numbers(const List& list) {
  std::vector<int> forward;
  for (const Item* item = list.first(); item != nullptr; item = List::after(*item)) forward.push_back(item->number);
  std::vector<int> backward;
  for (const Item* item = list.last(); item != nullptr; item = List::before(*item)) backward.push_back(item->number);
  EXPECT_EQ(std::vector<int>(backward.rbegin(), backward.rend()), forward);
  return forward;
}

TEST(IntrusiveList, KeepsOrderThroughInsertionsAndRemovals) {
  std::array<Item, 5> items;
  for (int i = 0; i < 5; ++i) items[static_cast<std::size_t>(i)].number = i;
  List list;
  EXPECT_TRUE(list.empty());
  list.push_back(items[1]);
  list.push_back(items[3]);
  list.insert_after(nullptr, items[0]);
  list.insert_after(&items[1], items[2]);
  list.insert_after(&items[3], items[4]);
  EXPECT_EQ(numbers(list), (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(List::is_in(items[2]));
  list.erase(items[2]);
  EXPECT_FALSE(List::is_in(items[2]));
  list.erase(items[0]);
  list.erase(items[4]);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3}));
  list.push_back(items[0]);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3, 0}));
  for (const std::size_t i : {0U, 1U, 3U}) list.erase(items[i]);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.last(), nullptr);
}

}  // namespace
}  // namespace settle
