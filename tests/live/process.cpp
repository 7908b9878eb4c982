#include "live/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

namespace settle::live {
namespace {

// Debian 12's <sys/pidfd.h> cannot be linked from C++.
int pidfd_of(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

Process::Process(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    // Only what is safe in the child of a program with threads.
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    (void)::dup2(output, STDOUT_FILENO);
    (void)::dup2(output, STDERR_FILENO);
    (void)::execv(words[0], words.data());
    ::_exit(127);
  }
  ::close(output);
  handle_ = pid_ > 0 ? pidfd_of(pid_) : -1;
  if (handle_ < 0) {
    std::cerr << "cannot start " << command[0] << "\n";
    std::abort();
  }
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), handle_(std::exchange(other.handle_, -1)), exit_(other.exit_) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    kill();
    if (handle_ >= 0) ::close(handle_);
    pid_ = std::exchange(other.pid_, -1);
    handle_ = std::exchange(other.handle_, -1);
    exit_ = other.exit_;
  }
  return *this;
}

Process::~Process() {
  kill();
  if (handle_ >= 0) ::close(handle_);
}

bool Process::running() { return started() && !wait(milliseconds{0}); }

void Process::send(int signal) const {
  if (started() && !exit_) (void)::syscall(SYS_pidfd_send_signal, handle_, signal, nullptr, 0);
}

std::optional<Exit> Process::wait(milliseconds bound) {
  if (!started() || exit_) return exit_;
  pollfd ended{handle_, POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(bound.count())) <= 0) return std::nullopt;
  int status = 0;
  (void)::waitpid(pid_, &status, 0);
  exit_ = WIFSIGNALED(status) ? Exit{0, WTERMSIG(status)} : Exit{WEXITSTATUS(status), 0};
  return exit_;
}

void Process::kill() {
  if (!started() || exit_) return;
  send(SIGKILL);
  (void)wait(milliseconds{-1});
}

}  // namespace settle::live
