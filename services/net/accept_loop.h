// Accepts connections, on one thread for all sockets.
//
// gRPC has a listener of its own, but the first time that the process is out of
// file descriptors it goes deaf for good. This one waits for a moment and tries
// again. It also leaves the last descriptors to the rest of the process: the
// database must be able to open a file however many clients there are.

#ifndef HOLDFAST_SERVICES_NET_ACCEPT_LOOP_H_
#define HOLDFAST_SERVICES_NET_ACCEPT_LOOP_H_

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file_descriptor.h"
#include "services/common/clock.h"
#include "services/net/listening_socket.h"

namespace holdfast {

// Thread-compatible. Ends its thread and closes its sockets at the end of its
// life.
class AcceptLoop {
 public:
  // Called on the loop's thread with each connection, which does not block.
  using Handler = std::function<void(const ListeningSocket& socket, FileDescriptor connection)>;

  struct Options {
    std::vector<std::unique_ptr<ListeningSocket>> sockets;

    // Connections that would get this descriptor or a higher one are closed at
    // once: as the lowest free number is always taken, that many are in use.
    int first_reserved_fd = 0;

    Handler handler;

    // Called on the loop's thread when there were new connections, and a few times a second
    // while it returns true. May be empty.
    std::function<bool()> look{};
  };

  // `clock` spaces out what is logged. INTERNAL: the system is out of descriptors
  // already.
  static absl::StatusOr<std::unique_ptr<AcceptLoop>> Start(Options options, const Clock& clock);

  ~AcceptLoop();
  AcceptLoop(const AcceptLoop&) = delete;
  AcceptLoop& operator=(const AcceptLoop&) = delete;

 private:
  AcceptLoop(Options options, const Clock& clock, FileDescriptor stop);

  void Run();
  // False: trying again at once would fail again.
  bool AcceptSome(const ListeningSocket& socket);
  void LogFull();

  // Constant after construction.
  const Options options_;
  const Clock& clock_;
  const FileDescriptor stop_;  // An eventfd: readable when it is time to end.

  // The thread's own.
  bool to_look_ = false;
  std::optional<Instant> logged_full_;  // When it was last said.

  std::thread thread_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_ACCEPT_LOOP_H_
