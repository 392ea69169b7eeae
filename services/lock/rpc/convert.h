// Requests into the engine's commands, and its answers into messages. Nothing is
// checked here: validate.h has seen the request before.
//
// Requests are taken as rvalues, because their strings move into the command.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_CONVERT_H_
#define HOLDFAST_SERVICES_LOCK_RPC_CONVERT_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "grpcpp/support/status.h"
#include "holdfast/v1/admin_service.pb.h"
#include "holdfast/v1/lock_service.pb.h"
#include "holdfast/v1/session.pb.h"
#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/outcome.h"

namespace holdfast {

// The command of each unary method. `received`: when the call came. An Acquire
// without a timeout tries once.
AcquireCommand ToCommand(v1::AcquireRequest&& request, Instant received);
ReleaseCommand ToCommand(v1::ReleaseRequest&& request, Instant received);
RenewCommand ToCommand(v1::RenewRequest&& request, Instant received);
GetCommand ToCommand(v1::GetRequest&& request, Instant received);
ListCommand ToCommand(v1::ListRequest&& request, Instant received);

ForceReleaseCommand ToCommand(v1::ForceReleaseRequest&& request, Instant received);
ReleaseByTagCommand ToCommand(v1::ReleaseByTagRequest&& request, Instant received);

WatchCommand ToCommand(v1::WatchRequest&& request);

// A Wait without a timeout waits for as long as the call is open.
AcquireCommand ToWaitCommand(v1::AcquireRequest&& request, Instant received);

// Of a session. `local`: see AttachCommand.
AttachCommand ToCommand(v1::Operation::Attach&& attach, bool local);
AttachPageCommand ToPageCommand(v1::Operation::Attach&& attach);
AcquireCommand ToCommand(v1::Operation::AcquireOperation&& acquire, Instant received);
RenewAllCommand ToCommand(v1::Operation::RenewAll&& renew_all, Instant received);
DetachCommand ToCommand(v1::Operation::Detach&& detach, Instant received);

// The answers are rvalues for the same reason.
v1::AcquireResponse ToResponse(Granted&& granted);
v1::RenewResponse ToResponse(Renewed&& renewed);
v1::GetResponse ToResponse(Shown&& shown);

// `filter_fingerprint`: that of the request's filter, for the page token.
v1::ListResponse ToResponse(Listed&& listed, std::uint64_t filter_fingerprint);

v1::ForceReleaseResponse ToResponse(Forced&& forced);
v1::ReleaseByTagResponse ToResponse(ForcedPage&& page, std::uint64_t filter_fingerprint);
v1::WatchResponse ToResponse(const LeaseEvent& event);

v1::WaitEvent ToEvent(Queued&& queued);
v1::WaitEvent ToEvent(Granted&& granted);

// Sets what has happened to an operation of a session, or to a lease of it, but for the
// operation's id. `key`: that of the operation.
void SetEvent(Outcome&& outcome, std::string_view key, v1::Event& event);
void SetFailed(const grpc::Status& status, v1::Event& event);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_CONVERT_H_
