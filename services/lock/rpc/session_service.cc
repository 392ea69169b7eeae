#include "services/lock/rpc/session_service.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "services/lock/rpc/status.h"

namespace holdfast {
namespace {

// The engine counts sessions. A session may have its stream and an older one, which has
// been replaced, and which nobody reads to its end.
std::uint32_t StreamsFor(std::uint32_t sessions) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(
      std::uint64_t{2} * sessions, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

SessionServiceImpl::SessionServiceImpl(LockEngine& engine, const RpcLimits& limits)
    : open_streams_(StreamsFor(limits.max_sessions)),
      shared_(engine, limits.max_message_bytes, limits.max_session_operations) {}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* SessionServiceImpl::Session(
    grpc::CallbackServerContext* context) {
  // As the kernel names the other end of the connection: nothing that a client sends can
  // make one over TCP look like this.
  const bool local = context->peer().starts_with("unix");
  auto* call = new SessionReactor(shared_, local);
  if (OpenStreams::Place place = open_streams_.TryOpen(); place != nullptr) {
    call->Start(std::move(place));
  } else {
    call->Reject(LimitExceeded("max_sessions"));
  }
  return call;
}

}  // namespace holdfast
