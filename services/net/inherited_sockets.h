// Sockets that listen already when this process starts, because whoever starts it holds
// them: systemd's socket activation (sd_listen_fds(3)). Clients that connect while no
// server runs wait, and are not turned away.
//
// They are descriptors from 3 on, $LISTEN_FDS of them, if $LISTEN_PID is this process.

#ifndef HOLDFAST_SERVICES_NET_INHERITED_SOCKETS_H_
#define HOLDFAST_SERVICES_NET_INHERITED_SOCKETS_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file_descriptor.h"
#include "services/net/listen_address.h"
#include "services/net/listening_socket.h"

namespace holdfast {

// Empty: there are none. Removes the variables, so that a second call finds nothing. To be
// called before the first thread starts.
//
// INVALID_ARGUMENT: they are meant for this process, and LISTEN_FDS is no number, or one of
// the descriptors is not open.
absl::StatusOr<std::vector<FileDescriptor>> TakeInheritedSockets();

// The inherited sockets, and new ones for those of the addresses that none of them is bound
// to. An inherited one whose address is among them has the principal of that. UNAVAILABLE: as of
// ListeningSocket.
absl::StatusOr<std::vector<std::unique_ptr<ListeningSocket>>> OpenSockets(
    const std::vector<ListenAddress>& addresses, std::vector<FileDescriptor> inherited);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_INHERITED_SOCKETS_H_
