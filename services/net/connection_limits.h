// How much of the server its clients' connections may take. Each of these is a flag of
// holdfastd with the same name in kebab-case.

#ifndef HOLDFAST_SERVICES_NET_CONNECTION_LIMITS_H_
#define HOLDFAST_SERVICES_NET_CONNECTION_LIMITS_H_

#include <cstdint>

namespace holdfast {

struct ConnectionLimits {
  // Open at the same time. Fewer if there are not so many file descriptors.
  std::uint32_t max_connections = 10'000;

  // Of one user on Unix sockets, or of one address. A quarter of the connections is left to
  // others in any case.
  std::uint32_t max_connections_per_peer = 7'500;

  // Calls that have begun and have no answer yet, whether their requests have come or not.
  // Each costs some 20 KB, so this is about 400 MB. Whoever waits more than that uses
  // sessions, where a wait is no call.
  std::uint32_t max_calls = 20'000;
  std::uint32_t max_calls_per_peer = 15'000;
  std::uint32_t max_calls_per_connection = 12'000;

  // Calls that one connection may take back within a second of their beginning, a second.
  // As many as in two seconds may come at once: each may cost its 20 KB until gRPC has
  // cleared it away.
  std::uint32_t max_resets_per_second = 100;

  // Bytes of requests that have not come in full, of all connections together.
  std::uint32_t max_memory_for_requests = 64 * 1024 * 1024;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_CONNECTION_LIMITS_H_
