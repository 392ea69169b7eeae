// Every error that the service answers with, as a gRPC status: a code, a message
// for people, and a google.rpc.Status with one google.rpc.ErrorInfo for programs
// (protos/holdfast/v1/error_reason.proto). No other file builds one.
//
// A lease_id is a secret and never appears.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_STATUS_H_
#define HOLDFAST_SERVICES_LOCK_RPC_STATUS_H_

#include <string>
#include <string_view>

#include "grpcpp/support/status.h"
#include "holdfast/v1/error_reason.pb.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/rpc/validate.h"

namespace holdfast {

// INVALID_ARGUMENT INVALID_FIELD.
grpc::Status ToStatus(const FieldError& error);

// INVALID_ARGUMENT MALFORMED_REQUEST: `type` is the message that was expected.
grpc::Status MalformedRequest(std::string_view type);

// RESOURCE_EXHAUSTED LIMIT_EXCEEDED: `limit` is the flag's name in snake_case, or that of
// a limit which is fixed.
grpc::Status LimitExceeded(const std::string& limit);

// `key`: the lock that the call was about.
grpc::Status ToStatus(const Refused& refused, std::string_view key);

// Why a lease of a session is not held any more.
v1::ErrorReason ToReason(Refusal refusal);

// PERMISSION_DENIED, or UNAUTHENTICATED if the caller is anonymous: the rules do not let
// `principal` do this with `key`.
grpc::Status NotPermitted(const std::string& principal, std::string_view permission,
                          std::string_view key);

// UNAVAILABLE RULES_CHANGED: the caller of a stream may open it again, and is told then
// what it may do now.
grpc::Status RulesChanged();

// INTERNAL, for what only a mistake in the server brings about.
grpc::Status InternalError(const std::string& what);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_STATUS_H_
