#include "services/lock/rpc/permission.h"

#include <string>

#include "services/lock/rpc/status.h"

namespace holdfast {
namespace {

grpc::Status Check(const CallerIdentity& caller, Permission permission, const std::string& key) {
  if (caller.access->May(permission, key)) return grpc::Status::OK;
  return NotPermitted(caller.principal.name(), NameOf(permission), key);
}

}  // namespace

CallerIdentity Callers::Of(const grpc::ServerContextBase& context) const {
  // The version first: rules that are replaced in between are asked for again.
  CallerIdentity caller{.principal = principals_.Of(context), .rules_version = rules_.version()};
  if (caller.rules_version != 0) caller.access = rules_.For(caller.principal);
  return caller;
}

bool Callers::IsCurrent(CallerIdentity& caller) const {
  const std::uint64_t version = rules_.version();
  if (caller.rules_version == version) return true;
  const std::shared_ptr<const Access> before = caller.access;
  caller.rules_version = version;
  caller.access = rules_.For(caller.principal);
  return *caller.access == *before;
}

grpc::Status Permit(const CallerIdentity& caller, AcquireCommand& command) {
  command.principal = caller.principal;
  command.quota = caller.access->quota();
  return Check(caller, Permission::kAcquire, command.spec.key);
}

grpc::Status Permit(const CallerIdentity& caller, RenewCommand& command) {
  return Check(caller, Permission::kAcquire, command.key);
}

grpc::Status Permit(const CallerIdentity& caller, GetCommand& command) {
  return Check(caller, Permission::kInspect, command.key);
}

grpc::Status Permit(const CallerIdentity& caller, ListCommand& command) {
  command.filter.among = caller.access->Keys(Permission::kInspect);
  return grpc::Status::OK;
}

grpc::Status Permit(const CallerIdentity& caller, WatchCommand& command) {
  command.filter.among = caller.access->Keys(Permission::kWatch);
  return grpc::Status::OK;
}

grpc::Status Permit(const CallerIdentity& caller, ForceReleaseCommand& command) {
  return Check(caller, Permission::kAdmin, command.key);
}

grpc::Status Permit(const CallerIdentity& caller, ReleaseByTagCommand& command) {
  command.among = caller.access->Keys(Permission::kAdmin);
  return grpc::Status::OK;
}

grpc::Status Permit(const CallerIdentity& caller, AttachCommand& command) {
  command.principal = caller.principal;
  command.quota = caller.access->quota();
  command.among = caller.access->Keys(Permission::kAcquire);
  return grpc::Status::OK;
}

grpc::Status Permit(const CallerIdentity& caller, AttachPageCommand& command) {
  command.among = caller.access->Keys(Permission::kAcquire);
  return grpc::Status::OK;
}

}  // namespace holdfast
