// gRPC and fork().
//
// gRPC has threads of its own, which are not there in a forked child, and does not notice:
// it would hang, or end the process. But once nothing uses gRPC any more it is as if it had
// never been used, and a child that is forked then may use it, as may the parent.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_FORK_GUARD_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_FORK_GUARD_H_

#include "absl/status/status.h"

namespace holdfast::core {

// FAILED_PRECONDITION if this process, or one that it descends from without an exec, was
// forked while gRPC was in use: by this library, or by anybody else after this function
// was called for the first time. Thread-safe.
absl::Status CheckMayUseGrpc();

// While there is one, gRPC is in use. When the last is gone, gRPC may still be at it for a
// moment, trying to connect, say: a fork waits for that, but not for longer than two seconds,
// and not at all if the program used gRPC in other ways before the first of them.
class GrpcUse {
 public:
  GrpcUse();
  ~GrpcUse();
  GrpcUse(const GrpcUse&) = delete;
  GrpcUse& operator=(const GrpcUse&) = delete;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_FORK_GUARD_H_
