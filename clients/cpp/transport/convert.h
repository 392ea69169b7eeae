// Between the messages of the API and what the lock logic works with.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_CONVERT_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_CONVERT_H_

#include <grpcpp/support/status.h>

#include <vector>

#include "absl/status/status.h"
#include "clients/cpp/core/lock_transport.h"
#include "google/protobuf/duration.pb.h"
#include "holdfast/lock_info.h"
#include "holdfast/time.h"
#include "holdfast/v1/admin_service.pb.h"
#include "holdfast/v1/lease.pb.h"
#include "holdfast/v1/lease_event.pb.h"
#include "holdfast/v1/lock_service.pb.h"

namespace holdfast::core {

google::protobuf::Duration ToProto(Duration span);
Duration FromProto(const google::protobuf::Duration& span);

v1::AcquireRequest ToProto(const WaitRequest& request);
Grant GrantFrom(const v1::Lease& lease);
QueueInfo QueueInfoFrom(const v1::WaitEvent::Queued& queued);
LockInfo LockInfoFrom(const v1::Lock& lock);

v1::Filter ToProto(const LockFilter& filter);
HolderInfo HolderFrom(const v1::Holder& holder);
LockPage LockPageFrom(const v1::ListResponse& response);
LockTransport::ReleaseByTagPage PageFrom(const v1::ReleaseByTagResponse& response);
std::vector<LockEvent> EventsFrom(const v1::WatchResponse& response);

// With the service's reason and what belongs to it, if there are any (core/errors.h).
absl::Status StatusFrom(const grpc::Status& status);

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_CONVERT_H_
