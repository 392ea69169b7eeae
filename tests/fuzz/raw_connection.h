// A connection to a server with nothing on top: bytes in, bytes out, and no wait
// without an end.

#ifndef HOLDFAST_TESTS_FUZZ_RAW_CONNECTION_H_
#define HOLDFAST_TESTS_FUZZ_RAW_CONNECTION_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "common/file_descriptor.h"

namespace holdfast::fuzz {

// Thread-compatible.
class RawConnection {
 public:
  // `address`: unix:/path or 127.0.0.1:port. Absent: nobody listens there.
  static std::optional<RawConnection> Open(const std::string& address);

  // False: the other side has closed the connection, or has not read on for `limit`.
  // What comes from it meanwhile is thrown away, so that it can go on.
  bool Send(std::string_view bytes, std::chrono::milliseconds limit);

  // Says that nothing more will come, and reads until the other side closes. False: it
  // has not done so although nothing has come from it for `limit`.
  bool HangUp(std::chrono::milliseconds limit);

 private:
  explicit RawConnection(FileDescriptor socket) : socket_(std::move(socket)) {}

  // Throws away what has come. False: the other side has closed.
  bool Drain();

  FileDescriptor socket_;
};

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_RAW_CONNECTION_H_
