#include "process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "net/socket.h"

namespace settle::example {
namespace {

/// Whoever dies is noticed at once; this is for whoever hangs. On a busy machine opening a store alone can take 10 s.
constexpr std::chrono::seconds kPatience{60};

[[noreturn]] void become(const std::vector<char*>& arguments, int output, pid_t parent) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before that was in force
  (void)::setpgid(0, 0);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing >= 0) (void)::dup2(nothing, STDIN_FILENO);
  (void)::dup2(output, STDOUT_FILENO);
  (void)::dup2(output, STDERR_FILENO);
  ::execv(arguments[0], arguments.data());
  constexpr std::string_view kMissing = "cannot start the program\n";
  (void)!::write(STDERR_FILENO, kMissing.data(), kMissing.size());
  ::_exit(127);
}

Result<pid_t> spawn(const std::vector<std::string>& arguments, int output) {
  if (::access(arguments[0].c_str(), X_OK) != 0) {
    return Error{ErrorCode::kUnavailable, arguments[0] + ": " + std::strerror(errno)};
  }
  std::vector<char*> raw;
  for (const std::string& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become(raw, output, parent);
  if (child < 0) return Error{ErrorCode::kUnavailable, std::string("fork: ") + std::strerror(errno)};
  return child;
}

}  // namespace

Result<Process> Process::start(const std::vector<std::string>& arguments, const std::string& log) {
  const net::Fd output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!output.open()) return Error{ErrorCode::kUnavailable, log + ": " + std::strerror(errno)};
  const Result<pid_t> child = spawn(arguments, output.get());
  if (!child) return child.error();
  return Process(*child);
}

Result<Process> Process::start_ready(const std::vector<std::string>& arguments, const std::string& log,
                                     const std::function<bool()>& is_ready) {
  Result<Process> process = start(arguments, log);
  if (!process) return process;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!is_ready()) {
    if (!process->is_running()) return Error{ErrorCode::kUnavailable, arguments[0] + " ended at once; see " + log};
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{ErrorCode::kUnavailable, arguments[0] + " does not answer; see " + log};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return process;
}

void Process::send(int signal) const {
  if (pid_ > 0) (void)::kill(pid_, signal);
}

bool Process::is_running() {
  if (pid_ < 0) return false;
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

void Process::kill() {
  if (pid_ < 0) return;
  (void)::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void Process::stop(std::chrono::milliseconds patience) {
  if (!is_running()) return;
  (void)::kill(pid_, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (is_running()) {
    if (std::chrono::steady_clock::now() > deadline) return kill();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Result<std::string> output_of(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error{ErrorCode::kUnavailable, std::strerror(errno)};
  const net::Fd reading(ends[0]);
  net::Fd writing(ends[1]);
  const Result<pid_t> child = spawn(arguments, writing.get());
  if (!child) return child.error();
  writing.reset();
  std::string text;
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t got = ::read(reading.get(), chunk.data(), chunk.size());
    if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) break;
  }
  while (::waitpid(*child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return text;
}

}  // namespace settle::example
