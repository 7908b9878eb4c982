#include "live/settled.h"

#include <csignal>

namespace settle::live {

Settled::Settled(const std::string& folder, std::vector<std::string> flags)
    : folder_(folder), flags_(std::move(flags)), api_(free_port()), admin_(free_port()) {}

void Settled::launch(const std::vector<std::string>& more) {
  std::vector<std::string> command{binary("settled"), "--api.http=127.0.0.1:" + std::to_string(api_),
                                   "--admin.http=127.0.0.1:" + std::to_string(admin_), "--store=embedded:" + data()};
  command.insert(command.end(), flags_.begin(), flags_.end());
  command.insert(command.end(), more.begin(), more.end());
  process_ = Process(command, folder_ + "/settled.log");
}

bool Settled::await_ready() {
  bool is_ready = false;
  (void)eventually(kPatience, [&] {
    is_ready = exchange(admin_, "GET", "/readyz", {}, seconds{2}).answer.status == 200;
    return is_ready || !process_.running();
  });
  return is_ready;
}

bool Settled::start(const std::vector<std::string>& more) {
  launch(more);
  return await_ready();
}

Exit Settled::terminate() {
  process_.send(SIGTERM);
  if (const std::optional<Exit> exit = process_.wait(kPatience)) return *exit;
  process_.kill();
  return {0, SIGKILL};
}

}  // namespace settle::live
