#pragma once

#include "base/assert.h"

namespace settle {

/// Ties an item into one IntrusiveList; the item has one for each list that it can be in.
template <typename T>
struct ListHook {
  T* before = nullptr;
  T* after = nullptr;
  bool is_in = false;
};

/// A list whose links are in its items: putting one in and taking it out from the middle costs no memory. The list owns
/// nothing; an item leaves it before it is destroyed. Not thread-safe.
template <typename T, ListHook<T> T::* kHook>
class IntrusiveList {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] T* first() const { return first_; }  ///< null: empty
  [[nodiscard]] T* last() const { return last_; }
  [[nodiscard]] static T* after(const T& item) { return (item.*kHook).after; }
  [[nodiscard]] static T* before(const T& item) { return (item.*kHook).before; }
  [[nodiscard]] static bool is_in(const T& item) { return (item.*kHook).is_in; }

  void push_back(T& item) { insert_after(last_, item); }

  /// Behind `place`; null: as the first.
  void insert_after(T* place, T& item) {
    ListHook<T>& hook = item.*kHook;
    SETTLE_ASSERT(!hook.is_in);
    hook = {place, place == nullptr ? first_ : (place->*kHook).after, true};
    (hook.before == nullptr ? first_ : (hook.before->*kHook).after) = &item;
    (hook.after == nullptr ? last_ : (hook.after->*kHook).before) = &item;
  }

  void erase(T& item) {
    ListHook<T>& hook = item.*kHook;
    SETTLE_ASSERT(hook.is_in);
    (hook.before == nullptr ? first_ : (hook.before->*kHook).after) = hook.after;
    (hook.after == nullptr ? last_ : (hook.after->*kHook).before) = hook.before;
    hook = {};
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
};

}  // namespace settle
