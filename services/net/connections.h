// The connections that have been handed to gRPC, so that those can be cut which it
// cannot end.
//
// gRPC's server waits for each of its calls without limit, and a call waits for what
// is being written. A client that has been stopped takes nothing from its socket, so
// that write never ends. To shut the socket down ends it.
//
// gRPC owns the descriptors and closes them when it likes. The cookie of the socket,
// which the kernel never gives out twice, tells whether a descriptor is still the
// connection that was added. Thread-compatible.

#ifndef HOLDFAST_SERVICES_NET_CONNECTIONS_H_
#define HOLDFAST_SERVICES_NET_CONNECTIONS_H_

#include <cstdint>
#include <map>

namespace holdfast {

class Connections {
 public:
  // REQUIRES: `fd` is a socket. A descriptor that has been closed is forgotten when
  // its number comes again, so this holds no more than ever were open at once.
  void Add(int fd);

  // Shuts down those that are still open. Returns how many they were.
  int Cut() const;

 private:
  std::map<int, std::uint64_t> cookies_;  // By descriptor.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_CONNECTIONS_H_
