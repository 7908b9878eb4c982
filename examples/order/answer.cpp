#include "answer.h"

#include <settle/participant.h>

#include <utility>

namespace settle::example {

Answer answer_of(const barrier::Reply& reply) {
  ParticipantResponse response = BranchAnswer::of(reply).response();
  return {response.status, std::move(response.body)};
}

Answer check_back(Database& database, std::string gid, std::string tid) {
  const barrier::Call call{std::move(gid), kProducerBranch, "check", std::move(tid)};
  return answer_of(barrier::run(database.handle(), call, [](barrier::Work) { return barrier::Made::done(); }));
}

}  // namespace settle::example
