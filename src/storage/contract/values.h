#pragma once

#include "storage/contract/fixture.h"

namespace settle::contract {

TEST_P(StoreContract, LastWriterOfAValueWinsAndEmptyRemoves) {
  EXPECT_EQ(*store().get_value("topics", "orders"), std::nullopt);
  ASSERT_TRUE(store().put_value("topics", "orders", "one").ok());
  ASSERT_TRUE(store().put_value("topics", "orders", std::string("tw\0o", 4)).ok());
  EXPECT_EQ(*store().get_value("topics", "orders"), std::string("tw\0o", 4));
  ASSERT_TRUE(store().put_value("topics", "orders", "").ok());
  EXPECT_EQ(*store().get_value("topics", "orders"), std::nullopt);
  ASSERT_TRUE(store().put_value("topics", "orders", "").ok());
}

TEST_P(StoreContract, SpacesOfValuesDoNotOverlap) {
  ASSERT_TRUE(store().put_value("a", "bc", "1").ok());
  ASSERT_TRUE(store().put_value("ab", "c", "2").ok());
  ASSERT_TRUE(store().put_value("", "abc", "3").ok());
  ASSERT_TRUE(store().put_value("abc", "", "4").ok());
  EXPECT_EQ(*store().get_value("a", "bc"), "1");
  EXPECT_EQ(*store().get_value("ab", "c"), "2");
  EXPECT_EQ(*store().get_value("", "abc"), "3");
  EXPECT_EQ(*store().get_value("abc", ""), "4");
}

}  // namespace settle::contract
