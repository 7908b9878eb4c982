#include "engine/save_queue.h"

#include <utility>

#include "base/assert.h"

namespace settle::engine {

void SaveQueue::push(Save& save) {
  if (places_.insert({save.tid, waiting_.size()})) {
    waiting_.add(save);
    return;
  }
  Save& older = waiting_.all()[places_.find(save.tid)->at];
  // A save of an earlier ownership just goes: the store would refuse it, and nobody waits for its receipt any more.
  if (older.epoch == save.epoch) {
    SETTLE_ASSERT(older.version < save.version);
    save.expected = older.expected;
    save.forced = save.forced || older.forced;  // somebody waits for the older change, which this one carries along
  }
  std::swap(older, save);
  save.plan.reset();
}

void SaveQueue::take(SaveBatch& group, std::size_t most) {
  SETTLE_ASSERT(group.empty());
  places_.clear();
  group.swap(waiting_);
  if (group.size() <= most) return;
  for (Save& save : group.all().subspan(most)) waiting_.add(save);
  group.shorten(most);
  index_all();
}

void SaveQueue::index_all() {
  for (std::size_t i = 0; i < waiting_.size(); ++i) (void)places_.insert({waiting_.all()[i].tid, i});
}

}  // namespace settle::engine
