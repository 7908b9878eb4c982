#include "servers/private_server.h"

#include <poll.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace settle::servers {
namespace {

using live::kPatience;
using live::milliseconds;

constexpr std::size_t kLogShown = 3000;

/// Handles of the processes that `pid` has started: unlike pids they cannot come to mean somebody else.
class Children {
 public:
  explicit Children(pid_t pid) {
    const std::string id = std::to_string(pid);
    std::istringstream list(live::read_file("/proc/" + id + "/task/" + id + "/children"));
    for (pid_t child = 0; list >> child;) {
      const int handle = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
      if (handle >= 0) handles_.push_back(handle);
    }
  }
  ~Children() {
    for (const int handle : handles_) ::close(handle);
  }
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  void kill() const {
    for (const int handle : handles_) (void)::syscall(SYS_pidfd_send_signal, handle, SIGKILL, nullptr, 0);
    for (const int handle : handles_) {
      pollfd ended{handle, POLLIN, 0};
      (void)::poll(&ended, 1, static_cast<int>(milliseconds{kPatience}.count()));
    }
  }

 private:
  std::vector<int> handles_;
};

}  // namespace

PrivateServer::PrivateServer(std::string_view name, std::string user)
    : place_(name), user_(::geteuid() == 0 ? std::move(user) : std::string()), port_(live::free_port()) {
  if (user_.empty()) return;
  const passwd* const entry = ::getpwnam(user_.c_str());
  if (entry == nullptr) {
    throw std::runtime_error("there is no user '" + user_ + "': the package of the server makes it; is it installed?");
  }
  if (::chown(place_.path().c_str(), entry->pw_uid, entry->pw_gid) != 0) fail("cannot give the folder to " + user_);
}

// Only when a constructor above us threw: the process can still be running, and nobody knows how to ask it to go.
PrivateServer::~PrivateServer() { kill(); }

std::string PrivateServer::find(const Program& program) {
  if (program.path.front() == '/') {
    if (::access(program.path.c_str(), X_OK) == 0) return program.path;
  } else {
    // Debian keeps servers in sbin, which is not in everybody's PATH.
    const char* const path = std::getenv("PATH");
    std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/usr/bin:/sbin:/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
      const std::string candidate = folder + "/" + program.path;
      if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
  }
  throw std::runtime_error("this test needs " + program.path + ", which is not installed: apt-get install " +
                           program.package);
}

std::vector<std::string> PrivateServer::as_user(const std::vector<std::string>& command) const {
  if (user_.empty()) return command;
  // The change of user takes the wish to die with the parent away, so setpriv is told to set it again.
  std::vector<std::string> words{find({"setpriv", "util-linux"}),
                                 "--reuid=" + user_,
                                 "--regid=" + user_,
                                 "--init-groups",
                                 "--pdeathsig=KILL",
                                 "--"};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

bool PrivateServer::run(const std::vector<std::string>& command) const {
  live::Process process(as_user(command), log());
  return process.wait(milliseconds{kPatience}) == live::Exit{};
}

void PrivateServer::write(std::string_view below, std::string_view content) const {
  std::ofstream(folder(below), std::ios::app) << content;
}

void PrivateServer::fail(std::string_view what) const {
  std::string said = live::read_file(log());
  if (said.size() > kLogShown) said.erase(0, said.size() - kLogShown);
  throw std::runtime_error(std::string(what) + "\n" + said);
}

bool PrivateServer::launch() {
  process_ = live::Process(as_user(command()), log());
  const bool decided = live::eventually(kPatience, [this] { return !process_.running() || answers(); });
  if (!decided) fail("the server does not answer");
  return process_.running();
}

void PrivateServer::start() {
  if (running()) return;
  // It may end by itself: somebody took the port in the meantime, or what was killed has not quite gone.
  const live::Clock::time_point end = live::Clock::now() + kPatience;
  while (!launch()) {
    if (live::Clock::now() >= end) fail("the server does not start");
    if (!answered_) port_ = live::free_port();
  }
  answered_ = true;
}

void PrivateServer::kill() {
  if (!running()) return;
  // Stopped first, so that it makes no more children while they are counted.
  process_.send(SIGSTOP);
  const Children children(process_.pid());
  process_.kill();
  children.kill();
}

void PrivateServer::stop() {
  if (!running()) return;
  process_.send(orderly_signal());
  if (!process_.wait(milliseconds{kPatience})) kill();
}

}  // namespace settle::servers
