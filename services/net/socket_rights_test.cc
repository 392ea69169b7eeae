// Who can connect to a Unix socket.

#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/net/listening_socket.h"
#include "services/net/testing/scratch_folder.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

constexpr uid_t kNobody = 65'534;
constexpr gid_t kMembers = 54'321;  // A group that nobody is in by chance.
constexpr gid_t kOthers = 54'322;

using Opened = absl::StatusOr<std::unique_ptr<ListeningSocket>>;

bool Connects(const ListenAddress& address) {
  const FileDescriptor client(socket(AF_UNIX, SOCK_STREAM, 0));
  return connect(client.get(), reinterpret_cast<const sockaddr*>(&address.socket_address),
                 address.length) == 0;
}

// Runs `body` in a process of its own as nobody, in this group alone.
pid_t StartAsNobody(gid_t group, const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child != 0) return child;
  const bool changed = setgroups(0, nullptr) == 0 && setresgid(group, group, group) == 0 &&
                       setresuid(kNobody, kNobody, kNobody) == 0;
  _exit(changed && body() ? 0 : 1);
}

bool Succeeds(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class SocketRightsTest : public testing::Test {
 protected:
  // Others can reach the file: what keeps them out is its own mode.
  void SetUp() override { ASSERT_EQ(chmod((folder_ / ".").c_str(), 0755), 0); }
  void TearDown() override { umask(old_umask_); }

  Opened Open(const std::string& options) {
    address_ = *ParseListenAddress("unix:" + path_ + options);
    return ListeningSocket::Open(address_);
  }

  struct stat File() {
    struct stat file {};
    EXPECT_EQ(lstat(path_.c_str(), &file), 0);
    return file;
  }

  bool ConnectsAsNobody(gid_t group) {
    return Succeeds(StartAsNobody(group, [&] { return Connects(address_); }));
  }

  const ScratchFolder folder_;
  const std::string path_ = folder_ / "h.sock";
  const mode_t old_umask_ = umask(0);
  ListenAddress address_;
};

TEST_F(SocketRightsTest, TheModeIsThatOfTheOptionWhateverTheUmask) {
  for (const mode_t mask : {0u, 022u, 077u, 0777u}) {
    umask(mask);
    EXPECT_TRUE(Open("").ok());
    const Opened plain = Open("");
    ASSERT_TRUE(plain.ok()) << plain.status();
    EXPECT_EQ(File().st_mode & ALLPERMS, 0600u) << mask;
    ASSERT_EQ(unlink(path_.c_str()), 0);
    const Opened open = Open(",mode=0666");
    ASSERT_TRUE(open.ok()) << open.status();
    EXPECT_EQ(File().st_mode & ALLPERMS, 0666u) << mask;
    ASSERT_EQ(unlink(path_.c_str()), 0);
  }
}

TEST_F(SocketRightsTest, AnUnknownGroupIsNamedAndNothingIsLeftBehind) {
  const Opened opened = Open(",group=no-such-group");
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("no group \"no-such-group\""));
  EXPECT_FALSE(Open(",group=4294967295").ok()) << "which would mean: leave it as it is";
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

// What follows needs the rights to give the file away and to become somebody else.
class SocketRightsAsRootTest : public SocketRightsTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    SocketRightsTest::SetUp();
  }
};

TEST_F(SocketRightsAsRootTest, MembersOfTheGroupGetInAndOthersDoNot) {
  const Opened opened = Open(",group=" + std::to_string(kMembers));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(File().st_gid, kMembers);
  EXPECT_EQ(File().st_mode & ALLPERMS, 0660u);
  EXPECT_TRUE(ConnectsAsNobody(kMembers));
  EXPECT_FALSE(ConnectsAsNobody(kOthers));
}

TEST_F(SocketRightsAsRootTest, AGroupHasAName) {
  const Opened opened = Open(",mode=0660,group=daemon");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(File().st_gid, getgrnam("daemon")->gr_gid);
}

TEST_F(SocketRightsAsRootTest, WhoMayNotGiveItToTheGroupIsToldSoAndLeavesNothingBehind) {
  ASSERT_EQ(chmod((folder_ / ".").c_str(), 0777), 0);
  EXPECT_TRUE(Succeeds(StartAsNobody(kOthers, [&] {
    const Opened opened = Open(",group=" + std::to_string(kMembers));
    return opened.status().message() == "cannot listen on unix:" + path_ +
                                            ": cannot give it to the group " +
                                            std::to_string(kMembers) + ": Operation not permitted";
  })));
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

TEST_F(SocketRightsAsRootTest, ByDefaultOthersDoNotGetIn) {
  ASSERT_TRUE(Open(",mode=0666").ok());
  const Opened opened = Open("");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE(ConnectsAsNobody(getegid()));
}

TEST_F(SocketRightsAsRootTest, AModeForAllLetsAllIn) {
  const Opened opened = Open(",mode=0666");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(ConnectsAsNobody(kOthers));
}

// Members of the server's own group would get in between the two, if the socket listened
// before it has been given to the other group. One tries all the time while sockets come
// and go.
TEST_F(SocketRightsAsRootTest, ThereIsNoMomentInWhichOthersGetIn) {
  constexpr int kSockets = 500;
  ASSERT_TRUE(Open("").ok());
  const pid_t intruder = StartAsNobody(getegid(), [&] {
    while (access((folder_ / "end").c_str(), F_OK) != 0) {
      if (Connects(address_)) return false;
    }
    return true;
  });
  for (int i = 0; i < kSockets; ++i) {
    EXPECT_TRUE(Open(",group=" + std::to_string(kMembers)).ok());
  }
  ASSERT_EQ(mkdir((folder_ / "end").c_str(), 0755), 0);
  EXPECT_TRUE(Succeeds(intruder));
}

}  // namespace
}  // namespace holdfast
