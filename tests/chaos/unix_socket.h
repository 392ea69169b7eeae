// Unix sockets, and lines that are spoken over them.

#ifndef HOLDFAST_TESTS_CHAOS_UNIX_SOCKET_H_
#define HOLDFAST_TESTS_CHAOS_UNIX_SOCKET_H_

#include <optional>
#include <string>
#include <utility>

#include "common/file_descriptor.h"

namespace holdfast::chaos {

// Both end the process if that cannot be done.
FileDescriptor ListenOn(const std::string& path);
FileDescriptor ConnectTo(const std::string& path);

// Not valid: nobody listens there.
FileDescriptor TryConnectTo(const std::string& path);

// One end of a connection. One thread uses it; any may shut it down.
class LineSocket {
 public:
  explicit LineSocket(FileDescriptor socket) : socket_(std::move(socket)) {}

  // Without its line feed. Absent: the other side has closed, or Shutdown was called.
  std::optional<std::string> ReadLine();

  // False: the other side has closed.
  bool WriteLine(const std::string& line);

  void Shutdown();

 private:
  const FileDescriptor socket_;
  std::string unread_;  // What has come behind the last line that was read.
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_UNIX_SOCKET_H_
