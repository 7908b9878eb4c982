#include "postgres.h"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace settle::example {
namespace {

constexpr const char* kUser = "postgres";

std::string program(const char* name) { return std::string("/usr/lib/postgresql/15/bin/") + name; }

Error cannot(const std::string& what) { return {ErrorCode::kUnavailable, what}; }

}  // namespace

Result<void> PrivatePostgres::make_folder() {
  std::error_code error;
  std::string name = (std::filesystem::temp_directory_path(error) / "settle-demo-pg-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return cannot(name + ": " + std::strerror(errno));
  folder_ = name;
  is_root_ = ::geteuid() == 0;
  if (!is_root_) return {};
  // PostgreSQL refuses to be run by root.
  const passwd* const user = ::getpwnam(kUser);
  if (user == nullptr) return cannot("there is no user postgres; the package postgresql-15 makes it");
  if (::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0) return cannot(folder_ + ": " + std::strerror(errno));
  return {};
}

std::vector<std::string> PrivatePostgres::as_user(std::vector<std::string> words) const {
  if (!is_root_) return words;
  // The change of user takes the wish to die with the parent away, so setpriv is told to set it again.
  std::vector<std::string> all{"/usr/bin/setpriv",
                               std::string("--reuid=") + kUser,
                               std::string("--regid=") + kUser,
                               "--init-groups",
                               "--pdeathsig=KILL",
                               "--"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

Result<void> PrivatePostgres::start(std::uint16_t port, const std::string& log) {
  port_ = port;
  if (::access(program("initdb").c_str(), X_OK) != 0) {
    return cannot(program("initdb") + " is missing: apt-get install postgresql-15");
  }
  if (Result<void> made = make_folder(); !made) return made;
  const std::string data = folder_ + "/data";
  // -N: what is not yet ours need not be synced.
  const Result<std::string> said = output_of(
      as_user({program("initdb"), "-N", "-D", data, "-U", kUser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"}));
  if (!said) return said.error();
  if (std::error_code error; !std::filesystem::exists(data + "/postgresql.conf", error)) {
    return cannot("initdb failed: " + *said);
  }
  const std::vector<std::string> server{program("postgres"),
                                        "-D",
                                        data,
                                        "-p",
                                        std::to_string(port),
                                        "-c",
                                        "listen_addresses=127.0.0.1",
                                        "-c",
                                        "unix_socket_directories=",
                                        "-c",
                                        "shared_buffers=32MB",
                                        "-c",
                                        "dynamic_shared_memory_type=mmap"};  // a kill leaves nothing elsewhere
  Result<Process> process = Process::start_ready(as_user(server), log, [this] {
    const Result<std::string> answer = ask("SELECT 'here'");
    return answer && *answer == "here\n";
  });
  if (!process) return process.error();
  process_ = std::move(*process);
  return {};
}

PrivatePostgres::~PrivatePostgres() {
  process_.send(SIGINT);  // its "fast": clients are cut off
  process_.stop(std::chrono::seconds(20));
  std::error_code error;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, error);
}

std::string PrivatePostgres::url() const {
  return std::string("postgres://") + kUser + "@127.0.0.1:" + std::to_string(port_) + "/postgres";
}

Result<std::string> PrivatePostgres::ask(const std::string& statement) const {
  Result<std::string> said = output_of({"/usr/bin/psql", "-h", "127.0.0.1", "-p", std::to_string(port_), "-U", kUser,
                                        "-d", "postgres", "-X", "-A", "-t", "-q", "-c", statement});
  if (said && (said->starts_with("psql:") || said->starts_with("ERROR:"))) return cannot(*said);
  return said;
}

}  // namespace settle::example
