// A server that has run out of file descriptors serves those who are connected,
// and new ones again as soon as there are some.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

constexpr unsigned kMaxOpenFiles = 64;

// Connections that say nothing and read nothing. Thread-compatible.
class Crowd {
 public:
  // REQUIRES: `address` begins with unix:
  Crowd(const std::string& address, int size) {
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string path = address.substr(std::string("unix:").size());
    std::copy(path.begin(), path.end(), name.sun_path);
    for (int i = 0; i < size; ++i) {
      sockets_.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      connected_ +=
          connect(sockets_.back(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0;
    }
  }
  ~Crowd() {
    for (const int fd : sockets_) close(fd);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  int connected() const { return connected_; }

 private:
  std::vector<int> sockets_;
  int connected_ = 0;
};

TEST(DescriptorsTest, AcceptsAgainOnceSomeAreFree) {
  ServerProcess server({.max_open_files = kMaxOpenFiles});
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  ASSERT_TRUE(client.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  const int files_before = OpenFiles(server.pid());
  {
    const Crowd crowd(server.address(), 2 * kMaxOpenFiles);
    ASSERT_GT(crowd.connected(), int{kMaxOpenFiles});
    ASSERT_TRUE(Eventually(
        [&] { return server.Log().find("refusing new connections") != std::string::npos; }));
    EXPECT_GT(OpenFiles(server.pid()), files_before);
    // Those who are connected are served, and there is room for what the database
    // needs.
    const auto renewed = client.Renew("k", Id("holder"), std::chrono::minutes(1));
    EXPECT_TRUE(renewed.ok()) << renewed.status;
  }
  StubClient newcomer(server.address());
  const auto lock = newcomer.Get("k");
  EXPECT_EQ(lock.response.holders_size(), 1) << lock.status;
  EXPECT_TRUE(client.Release("k", Id("holder")).ok());
  // One more than before: the newcomer.
  EXPECT_TRUE(Eventually([&] { return OpenFiles(server.pid()) <= files_before + 1; }))
      << OpenFiles(server.pid()) << " files are open, before: " << files_before;
}

}  // namespace
}  // namespace holdfast
