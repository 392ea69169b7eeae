#include "clients/cpp/transport/convert.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "clients/cpp/core/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace holdfast::core {
namespace {

// Of the reasons that are ours.
constexpr std::string_view kErrorDomain = "holdfast";

}  // namespace

google::protobuf::Duration ToProto(Duration span) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span);
  google::protobuf::Duration proto;
  proto.set_seconds(seconds.count());
  proto.set_nanos(static_cast<std::int32_t>((span - seconds).count()));
  return proto;
}

Duration FromProto(const google::protobuf::Duration& span) {
  // A Duration of ours ends at 292 years. A server that is out of order may send nanos
  // of up to three seconds.
  constexpr std::int64_t kMaxSeconds = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 3;
  if (span.seconds() >= kMaxSeconds) return Duration::max();
  if (span.seconds() <= -kMaxSeconds) return Duration::min();
  return std::chrono::seconds(span.seconds()) + std::chrono::nanoseconds(span.nanos());
}

v1::AcquireRequest ToProto(const WaitRequest& request) {
  v1::AcquireRequest proto;
  proto.set_key(request.key);
  proto.set_lease_id(request.lease_id);
  if (request.expire.has_value()) *proto.mutable_expire() = ToProto(*request.expire);
  proto.mutable_tags()->Add(request.tags.begin(), request.tags.end());
  proto.set_owner(request.owner);
  proto.set_bound(request.bound);
  if (request.max_hold.has_value()) *proto.mutable_max_hold() = ToProto(*request.max_hold);
  if (request.timeout.has_value()) *proto.mutable_timeout() = ToProto(*request.timeout);
  return proto;
}

Grant GrantFrom(const v1::Lease& lease) {
  Grant grant;
  grant.fencing_token = lease.fencing_token();
  if (lease.has_remaining()) grant.remaining = FromProto(lease.remaining());
  grant.elapsed = FromProto(lease.elapsed());
  return grant;
}

QueueInfo QueueInfoFrom(const v1::WaitEvent::Queued& queued) {
  QueueInfo info;
  info.position = queued.position();
  info.queue_sequence = queued.queue_sequence();
  for (const v1::Holder& holder : queued.holders()) info.holders.push_back(HolderFrom(holder));
  return info;
}

LockInfo LockInfoFrom(const v1::Lock& lock) {
  LockInfo info;
  info.key = lock.key();
  for (const v1::Holder& holder : lock.holders()) info.holders.push_back(HolderFrom(holder));
  info.queue_length = lock.queue_length();
  return info;
}

HolderInfo HolderFrom(const v1::Holder& holder) {
  HolderInfo info;
  info.owner = holder.owner();
  info.fencing_token = holder.fencing_token();
  for (const std::string& tag : holder.tags()) info.tags.Insert(tag);
  if (holder.has_expire()) info.expire = FromProto(holder.expire());
  if (holder.has_remaining()) info.remaining = FromProto(holder.remaining());
  info.held_for = FromProto(holder.held_for());
  return info;
}

v1::Filter ToProto(const LockFilter& filter) {
  v1::Filter proto;
  proto.set_key_prefix(filter.key_prefix);
  proto.mutable_tags()->Add(filter.tags.begin(), filter.tags.end());
  return proto;
}

LockPage LockPageFrom(const v1::ListResponse& response) {
  LockPage page{.locks = {}, .next_page_token = response.next_page_token()};
  for (const v1::Lock& lock : response.locks()) page.locks.push_back(LockInfoFrom(lock));
  return page;
}

LockTransport::ReleaseByTagPage PageFrom(const v1::ReleaseByTagResponse& response) {
  LockTransport::ReleaseByTagPage page;
  page.next_page_token = response.next_page_token();
  page.released.max_fencing_token = response.max_fencing_token();
  for (const v1::Lock& lock : response.locks()) page.released.locks.push_back(LockInfoFrom(lock));
  return page;
}

std::vector<LockEvent> EventsFrom(const v1::WatchResponse& response) {
  std::vector<LockEvent> events;
  for (const v1::LeaseEvent& proto : response.events()) {
    LockEvent& event = events.emplace_back();
    if (v1::LeaseEvent::Kind_IsValid(proto.kind())) {
      event.kind = static_cast<LockEvent::Kind>(proto.kind());
    }
    event.sequence = proto.sequence();
    event.key = proto.key();
    for (const std::string& tag : proto.tags()) event.tags.Insert(tag);
    event.owner = proto.owner();
    event.fencing_token = proto.fencing_token();
    if (proto.has_expire()) event.expire = FromProto(proto.expire());
    google::protobuf::Duration since_epoch;
    since_epoch.set_seconds(proto.time().seconds());
    since_epoch.set_nanos(proto.time().nanos());
    event.time = std::chrono::system_clock::time_point(FromProto(since_epoch));
  }
  return events;
}

absl::Status StatusFrom(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  // gRPC and abseil count their codes alike.
  absl::Status converted(static_cast<absl::StatusCode>(status.error_code()),
                         status.error_message());
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return converted;
  for (const auto& detail : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    if (detail.UnpackTo(&info) && info.domain() == kErrorDomain) {
      SetReason(converted, info.reason(), {info.metadata().begin(), info.metadata().end()});
    } else if (detail.UnpackTo(&retry)) {
      SetRetryDelay(converted, FromProto(retry.retry_delay()));
    }
  }
  return converted;
}

}  // namespace holdfast::core
