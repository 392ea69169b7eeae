#include "services/net/connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "common/file_descriptor.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using Pair = std::pair<FileDescriptor, FileDescriptor>;

Pair MakePair() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  return {FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

// Whether the other end of `fd` has been shut down.
bool IsCut(const FileDescriptor& fd) {
  char byte = 0;
  return read(fd.get(), &byte, 1) == 0;
}

TEST(ConnectionsTest, CutsThoseThatAreOpen) {
  const Pair a = MakePair();
  const Pair b = MakePair();
  const Pair not_added = MakePair();
  Connections connections;
  connections.Add(a.first.get());
  connections.Add(b.first.get());
  EXPECT_EQ(connections.Cut(), 2);
  EXPECT_TRUE(IsCut(a.second));
  EXPECT_TRUE(IsCut(b.second));
  EXPECT_FALSE(IsCut(not_added.second));
}

TEST(ConnectionsTest, LeavesAloneWhatHasTakenTheNumberOfAClosedOne) {
  Pair closed = MakePair();
  const int number = closed.first.get();
  Connections connections;
  connections.Add(number);
  closed.first.Reset();
  Pair other = MakePair();
  // The other connection, under the old number.
  const FileDescriptor reused(dup2(other.first.get(), number));
  ASSERT_EQ(reused.get(), number);
  EXPECT_EQ(connections.Cut(), 0);
  EXPECT_FALSE(IsCut(other.second));
  connections.Add(number);
  EXPECT_EQ(connections.Cut(), 1);
  EXPECT_TRUE(IsCut(other.second));
}

TEST(ConnectionsTest, ANumberThatIsNoSocketAnyMoreIsNoConnection) {
  Pair closed = MakePair();
  Connections connections;
  connections.Add(closed.first.get());
  closed.first.Reset();
  EXPECT_EQ(connections.Cut(), 0);
}

}  // namespace
}  // namespace holdfast
