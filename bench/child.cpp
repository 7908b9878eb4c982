#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/assert.h"

namespace settle::bench {
namespace {

constexpr std::size_t kSaidMax = std::size_t{64} * 1024;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    SETTLE_ASSERT(pipe2(ends.data(), O_CLOEXEC) == 0);
    out.reset(ends[0]);
    in.reset(ends[1]);
  }
  net::Fd out;
  net::Fd in;
};

// Between fork and exec: system calls only.
[[noreturn]] void become(char* const* arguments, int errors, int go) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char start = 0;
  if (read(go, &start, 1) != 1) _exit(126);
  dup2(errors, STDERR_FILENO);
  execv(arguments[0], arguments);
  constexpr std::string_view kFailed = " cannot be started\n";
  (void)!write(STDERR_FILENO, arguments[0], strlen(arguments[0]));
  (void)!write(STDERR_FILENO, kFailed.data(), kFailed.size());
  _exit(127);
}

}  // namespace

Result<std::unique_ptr<Child>> Child::start(std::vector<std::string> arguments,
                                            const std::function<void(pid_t)>& before) {
  std::vector<char*> raw;
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  Pipe errors;
  Pipe go;
  const pid_t pid = fork();
  if (pid < 0) return Error{ErrorCode::kUnavailable, std::string("fork: ") + std::strerror(errno)};
  if (pid == 0) become(raw.data(), errors.in.get(), go.out.get());
  before(pid);
  SETTLE_ASSERT(write(go.in.get(), "g", 1) == 1);
  return std::unique_ptr<Child>(new Child(pid, std::move(errors.out)));
}

Child::Child(pid_t pid, net::Fd errors) : pid_(pid), errors_(std::move(errors)) {
  reader_ = std::thread([this] { read_errors(); });
}

Child::~Child() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  reader_.join();
}

void Child::read_errors() {
  std::array<char, 4096> bytes;
  for (;;) {
    const ssize_t got = read(errors_.get(), bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    const std::lock_guard hold(lock_);
    if (got <= 0) ended_ = true;
    if (got > 0 && said_.size() < kSaidMax) said_.append(bytes.data(), static_cast<std::size_t>(got));
    more_.notify_all();
    if (ended_) return;
  }
}

Result<std::string> Child::line_with(std::string_view word) {
  std::string line;
  const auto look = [&] {
    const std::size_t found = said_.find(word);
    const std::size_t end = found == std::string::npos ? found : said_.find('\n', found);
    if (end == std::string::npos) return ended_;
    const std::size_t before = said_.rfind('\n', found);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    line = said_.substr(begin, end - begin);
    return true;
  };
  std::unique_lock hold(lock_);
  if (!more_.wait_for(hold, std::chrono::seconds(10), look) || line.empty())
    return Error{ErrorCode::kUnavailable, "no line with '" + std::string(word) + "'; what was said: " + said_};
  return line;
}

Result<void> Child::stop() {
  kill(pid_, SIGTERM);
  {
    // Its stderr ends with it.
    std::unique_lock hold(lock_);
    if (!more_.wait_for(hold, std::chrono::seconds(20), [this] { return ended_; })) kill(pid_, SIGKILL);
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  const std::lock_guard hold(lock_);
  return Error{ErrorCode::kUnavailable, "the process ended badly; what it said: " + said_};
}

}  // namespace settle::bench
