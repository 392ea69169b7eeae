// Whom each call comes from.
//
// gRPC 1.51 does not tell a call which connection it came on. But connections are handed to it
// through acceptors, an acceptor has credentials of its own, and those may have a processor,
// which is called for each call and may write into what all calls of a connection share. So an
// acceptor stands for one principal, and each connection is handed to the acceptor of
// whoever is at its other end.
//
// The processor costs every call of such a connection about a tenth of a pair of calls. Two kinds
// of connections go without it, because their calls can be told without: those of the user
// whom the server itself runs as, on a Unix socket, and those over TCP.
//
// Acceptors must exist before the server starts. So there are kUsers of them for the other
// users, given away as users come; when there are none left, the rest is anonymous.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_PRINCIPALS_H_
#define HOLDFAST_SERVICES_LOCK_RPC_PRINCIPALS_H_

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/file_descriptor.h"
#include "services/common/principal.h"
#include "services/net/listening_socket.h"
#include "services/net/peer.h"

namespace grpc {
class ServerBuilder;
class ServerContextBase;
namespace experimental {
class ExternalConnectionAcceptor;
}  // namespace experimental
}  // namespace grpc

namespace holdfast {

// Whoever is not known by anything else: over TCP, or one user too many.
inline constexpr char kAnonymous[] = "anonymous";

// AddTo is called before anything else. Then HandOver belongs to the thread that accepts
// connections, and Of is thread-safe.
class Principals {
 public:
  // Beside the one whom the server runs as.
  static constexpr std::size_t kUsers = 64;

  Principals();
  ~Principals();
  Principals(const Principals&) = delete;
  Principals& operator=(const Principals&) = delete;

  // Makes the acceptors of a server that is to listen on these sockets.
  void AddTo(grpc::ServerBuilder& builder,
             const std::vector<std::unique_ptr<ListeningSocket>>& sockets);

  // Gives gRPC a connection that came on a socket, one of AddTo's.
  void HandOver(const ListeningSocket& socket, FileDescriptor connection);

  // The principal of a call that has come. It is the same for all calls of a connection.
  Principal Of(const grpc::ServerContextBase& context) const;

 private:
  using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

  // An acceptor that stands for a principal.
  struct Marked {
    std::unique_ptr<Acceptor> acceptor;
    Principal principal;  // Set before the first connection is handed to it.
  };

  Marked& AddMarked(grpc::ServerBuilder& builder);
  // Null: that of the server's own user.
  Marked* MarkedFor(const ListeningSocket& socket, const Peer& peer);

  // Constant after AddTo.
  const Principal own_user_;
  const Principal anonymous_{kAnonymous};
  bool unix_ = false;  // There are such sockets.
  bool tcp_ = false;
  std::unique_ptr<Acceptor> plain_;
  std::vector<std::unique_ptr<Marked>> marked_;  // All that there are, by their mark.
  std::map<std::string, Marked*> of_listeners_;  // By the principal.
  Marked* of_others_ = nullptr;                  // Of users for whom there is none left.

  // Whether a call may have a mark. Set before the first connection that gives it one.
  std::atomic<bool> marks_{false};

  // The accepting thread's.
  std::vector<Marked*> free_;
  std::map<uid_t, Marked*> of_users_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_PRINCIPALS_H_
