#include "services/lock/rpc/session_service.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace holdfast {
namespace {

// The engine counts sessions. A session may have its stream and an older one, which has
// been replaced, and which nobody reads to its end.
std::uint32_t StreamsFor(std::uint32_t sessions) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(
      std::uint64_t{2} * sessions, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

SessionServiceImpl::SessionServiceImpl(LockEngine& engine, const Connections& connections,
                                       const Callers& callers, const RpcLimits& limits)
    : open_streams_(StreamsFor(limits.max_sessions)),
      shared_(engine, connections, callers, limits.max_message_bytes,
              limits.max_session_operations) {}

void SessionServiceImpl::ServeOn(CallLoop& loop) {
  loop.Accept(*this, &SessionServiceImpl::RequestSession,
              [this] { return new SessionReactor(shared_, open_streams_); });
}

}  // namespace holdfast
