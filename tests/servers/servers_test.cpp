#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "servers/mariadb.h"
#include "servers/postgres.h"

namespace settle::servers {
namespace {

bool listens(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

template <typename Server>
class TestServers : public ::testing::Test {};
using Both = ::testing::Types<Postgres, MariaDb>;
TYPED_TEST_SUITE(TestServers, Both);

TYPED_TEST(TestServers, AServerListensBelowThePortsOfTheKernelAndComesBackThereAfterAKill) {
  TypeParam server;
  const std::uint16_t port = server.port();
  EXPECT_LT(port, 32'768);
  EXPECT_TRUE(listens(port));
  server.kill();
  EXPECT_FALSE(server.running());
  EXPECT_FALSE(listens(port));
  server.start();
  EXPECT_EQ(server.port(), port);
  EXPECT_TRUE(listens(port));
  server.stop();
  EXPECT_FALSE(listens(port));
}

// What a server that starts finds under such a name in its folder for temporary tables, it removes.
TEST(TestServer, TheTemporaryTablesOfOneMariaDbAreSafeFromAnotherThatStarts) {
  std::string anothers = (std::filesystem::temp_directory_path() / "#sql-temptable-XXXXXX").string();
  const int fd = ::mkstemp(anothers.data());
  ASSERT_GE(fd, 0) << anothers;
  if (::geteuid() == 0) {
    const passwd* owner = ::getpwnam("mysql");  // who runs all servers then
    ASSERT_NE(owner, nullptr);
    ASSERT_EQ(::fchown(fd, owner->pw_uid, owner->pw_gid), 0);
  }
  ::close(fd);
  const std::string table = anothers + ".MAI";
  std::filesystem::rename(anothers, table);
  const MariaDb server;
  EXPECT_TRUE(std::filesystem::remove(table)) << "the server took it for its own";
}

class Nowhere : public PrivateServer {
 public:
  Nowhere() : PrivateServer("nowhere", "postgres") {}
  using PrivateServer::find;
  using PrivateServer::folder;

 private:
  [[nodiscard]] std::vector<std::string> command() const override { return {}; }
  [[nodiscard]] bool answers() const override { return true; }
  [[nodiscard]] int orderly_signal() const override { return 15; }
};

TEST(TestServer, AProgramThatIsNotInstalledIsNamedWithItsPackage) {
  try {
    (void)Nowhere::find({"no-such-database", "no-such-package"});
    FAIL() << "found";
  } catch (const std::exception& thrown) {
    EXPECT_NE(std::string(thrown.what()).find("apt-get install no-such-package"), std::string::npos) << thrown.what();
  }
}

TEST(TestServer, TheFolderGoesWithTheServer) {
  std::string folder;
  {
    const Nowhere server;
    folder = server.folder();
    EXPECT_TRUE(std::filesystem::exists(folder));
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace settle::servers
