// A socket that listens, and for a Unix socket its file.
//
// The file of a server that has crashed is still there when the next one starts.
// It is replaced, but only after trying that nobody answers on it; anything else
// that has the name is left alone. The file has its group and its mode before the
// socket listens, so there is no moment in which others can connect. A TCP port is never shared
// with another server, because clients would reach the one or the other at random.

#ifndef HOLDFAST_SERVICES_NET_LISTENING_SOCKET_H_
#define HOLDFAST_SERVICES_NET_LISTENING_SOCKET_H_

#include <sys/stat.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/file_descriptor.h"
#include "services/net/listen_address.h"

namespace holdfast {

// Thread-compatible. Closes the socket and removes its file at the end of its
// life.
class ListeningSocket {
 public:
  // UNAVAILABLE, naming the address and why: it cannot be listened on.
  static absl::StatusOr<std::unique_ptr<ListeningSocket>> Open(const ListenAddress& address);

  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  // Does not block: accept(2) fails with EAGAIN if nobody is there.
  int fd() const { return fd_.get(); }

  // With the port that was chosen, where it was 0.
  const std::string& address() const { return address_; }

  bool is_unix() const { return !unix_path_.empty(); }

 private:
  ListeningSocket() = default;

  absl::Status OpenTcp(const ListenAddress& address);
  absl::Status OpenUnix(const ListenAddress& address);

  FileDescriptor fd_;
  std::string address_;
  std::string unix_path_;
  // Which file is ours: somebody may have put another one in its place.
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_LISTENING_SOCKET_H_
