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

// Thread-compatible. Closes the socket at the end of its life, and removes its file if it
// has made it.
class ListeningSocket {
 public:
  // UNAVAILABLE, naming the address and why: it cannot be listened on.
  static absl::StatusOr<std::unique_ptr<ListeningSocket>> Open(const ListenAddress& address);

  // Takes over a socket that listens already. Its file, and who may connect, are the affair
  // of whoever has made it.
  //
  // UNAVAILABLE: it does not listen, or is neither a Unix nor a TCP socket.
  static absl::StatusOr<std::unique_ptr<ListeningSocket>> Adopt(FileDescriptor fd);

  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  // Does not block: accept(2) fails with EAGAIN if nobody is there.
  int fd() const { return fd_.get(); }

  // With the port that was chosen, where it was 0.
  const std::string& address() const { return address_; }

  bool is_unix() const { return is_unix_; }

  // ListenAddress::principal.
  const std::string& principal() const { return principal_; }
  void set_principal(const std::string& principal) { principal_ = principal; }

 private:
  ListeningSocket() = default;

  absl::Status OpenTcp(const ListenAddress& address);
  absl::Status OpenUnix(const ListenAddress& address);

  FileDescriptor fd_;
  std::string address_;
  bool is_unix_ = false;
  std::string unix_path_;  // Of the file that is ours. Empty: there is none.
  std::string principal_;
  // Which file is ours: somebody may have put another one in its place.
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_LISTENING_SOCKET_H_
