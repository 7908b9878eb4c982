#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace settle {

/// The program beside this one, running with these arguments; what it prints comes through a pipe. For tests.
class Child {
 public:
  explicit Child(const std::vector<std::string>& arguments) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    (void)::posix_spawn_file_actions_init(&actions);
    (void)::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    const std::string program = beside("embedded_victim_testing");
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const int failed = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv.data(), environ);
    (void)::posix_spawn_file_actions_destroy(&actions);
    (void)::close(ends[1]);
    output_ = ends[0];
    if (failed != 0) throw std::runtime_error("cannot start " + program);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      kill();
      (void)wait();
    }
    (void)::close(output_);
  }

  void kill() { (void)::kill(pid_, SIGKILL); }

  /// Up to `bytes` of its output; empty at the end.
  std::string read(std::size_t bytes) {
    std::string out(bytes, '\0');
    ssize_t got = 0;
    do {
      got = ::read(output_, out.data(), bytes);
    } while (got < 0 && errno == EINTR);
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return out;
  }

  std::string read_all() {
    std::string out;
    for (std::string some = read(65536); !some.empty(); some = read(65536)) out += some;
    return out;
  }

  /// Its exit status, or minus the number of the signal that ended it.
  int wait() {
    int status = 0;
    (void)::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  static std::string beside(const std::string& name) {
    std::array<char, 4096> self{};
    const ssize_t length = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
    const std::string path(self.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    return path.substr(0, path.find_last_of('/') + 1) + name;
  }

  pid_t pid_ = -1;
  int output_ = -1;
};

/// Runs it to the end.
inline std::pair<int, std::string> run_child(const std::vector<std::string>& arguments) {
  Child child(arguments);
  std::string output = child.read_all();
  return {child.wait(), std::move(output)};
}

}  // namespace settle
