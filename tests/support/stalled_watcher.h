// A client that opens a Watch stream and then takes nothing from its socket any more,
// as one that has been stopped. (gRPC's own client would not do: it reads ahead
// whenever any call of its process waits.)

#ifndef HOLDFAST_TESTS_SUPPORT_STALLED_WATCHER_H_
#define HOLDFAST_TESTS_SUPPORT_STALLED_WATCHER_H_

#include <cstddef>
#include <string>

#include "common/file_descriptor.h"

namespace holdfast {

// Thread-compatible.
class StalledWatcher {
 public:
  // Watches everything. `socket_path`: of the server's Unix socket. Ends the process
  // if it cannot connect.
  explicit StalledWatcher(const std::string& socket_path);

  // How many bytes lie unread in the socket.
  std::size_t unread() const;

 private:
  FileDescriptor socket_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_STALLED_WATCHER_H_
