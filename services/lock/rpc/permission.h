// Whether a caller may do what it asks for, by the rules in force. What is about many keys
// is narrowed to those with which it may. The one place where rules meet commands.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_PERMISSION_H_
#define HOLDFAST_SERVICES_LOCK_RPC_PERMISSION_H_

#include <cstdint>
#include <memory>

#include "grpcpp/support/status.h"
#include "services/common/principal.h"
#include "services/lock/access/access.h"
#include "services/lock/access/rules_in_force.h"
#include "services/lock/engine/command.h"
#include "services/lock/rpc/principals.h"

namespace holdfast {

// Who calls, and what it may do. A plain value.
struct CallerIdentity {
  Principal principal{};
  std::shared_ptr<const Access> access = Access::Unlimited();
  std::uint64_t rules_version = 0;  // RulesInForce::version.
};

// Tells calls who calls. Thread-safe.
class Callers {
 public:
  // Both must outlive it.
  Callers(const Principals& principals, const RulesInForce& rules)
      : principals_(principals), rules_(rules) {}

  // Of a call that has come.
  CallerIdentity Of(const grpc::ServerContextBase& context) const;

  // Whether the caller may still do what it might when `caller` was made, or last asked
  // about here. Of long streams, before something is done for them.
  bool IsCurrent(CallerIdentity& caller) const;

 private:
  const Principals& principals_;
  const RulesInForce& rules_;
};

// Each prepares the command, which names the caller then where the engine wants to know.
// Not OK: PERMISSION_DENIED, or UNAUTHENTICATED if the caller is nobody who is known.
grpc::Status Permit(const CallerIdentity& caller, AcquireCommand& command);
grpc::Status Permit(const CallerIdentity& caller, RenewCommand& command);
grpc::Status Permit(const CallerIdentity& caller, GetCommand& command);
grpc::Status Permit(const CallerIdentity& caller, ListCommand& command);
grpc::Status Permit(const CallerIdentity& caller, WatchCommand& command);
grpc::Status Permit(const CallerIdentity& caller, ForceReleaseCommand& command);
grpc::Status Permit(const CallerIdentity& caller, ReleaseByTagCommand& command);
grpc::Status Permit(const CallerIdentity& caller, AttachCommand& command);
grpc::Status Permit(const CallerIdentity& caller, AttachPageCommand& command);

// Who knows a lease_id may let go of it. The leases of a session are renewed together, and
// only those come into it that its client may acquire.
inline grpc::Status Permit(const CallerIdentity& /*caller*/, ReleaseCommand& /*command*/) {
  return grpc::Status::OK;
}
inline grpc::Status Permit(const CallerIdentity& /*caller*/, DetachCommand& /*command*/) {
  return grpc::Status::OK;
}
inline grpc::Status Permit(const CallerIdentity& /*caller*/, RenewAllCommand& /*command*/) {
  return grpc::Status::OK;
}

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_PERMISSION_H_
