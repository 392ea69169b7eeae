// Lets this process see what goes over the sockets that a library owns.
//
// gRPC takes a connection's descriptor and does not say anything about it any more: not
// which call came on it, nor what its client does to it. But it calls recvmsg, sendmsg,
// getpeername and close as any program does, so these four are defined here, for the
// whole process: they do what the C library's do, and tell the tap of the descriptor, if
// it has one. For all other descriptors they cost one load.
//
// A program that has this linked in need not call anything.

#ifndef HOLDFAST_SERVICES_NET_SOCKET_TAPS_H_
#define HOLDFAST_SERVICES_NET_SOCKET_TAPS_H_

#include <memory>
#include <string>
#include <string_view>

namespace holdfast {

// Of one socket. OnReceived is called by one thread at a time, and so is OnSent; both may
// be called at the same time. No one calls anything during or after OnClosing.
class SocketTap {
 public:
  virtual ~SocketTap() = default;

  // What has been received, before whoever reads sees it. False: he does not, and is told
  // that the connection was reset.
  virtual bool OnReceived(std::string_view bytes) = 0;

  // What the kernel has taken.
  virtual void OnSent(std::string_view bytes) = 0;

  // The descriptor is about to be closed: its number may be another's at once.
  virtual void OnClosing() = 0;

  // What a Unix socket's peer is called; at most 100 bytes. The kernel has no name that
  // would tell one client from the other, or one that the client chose.
  virtual std::string PeerName() const = 0;
};

// From now on `tap` sees what goes over `fd`, until that is closed. False: its number is
// too large. REQUIRES: `fd` is a socket that nobody uses yet.
bool TapSocket(int fd, std::shared_ptr<SocketTap> tap);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_SOCKET_TAPS_H_
