#include "services/lock/rpc/convert.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/lock/rpc/field_limits.h"
#include "services/lock/rpc/page_token.h"
#include "services/lock/rpc/proto_time.h"

namespace holdfast {
namespace {

using Tags = google::protobuf::RepeatedPtrField<std::string>;

std::vector<std::string> TakeSorted(Tags& tags) {
  std::vector<std::string> taken;
  taken.reserve(static_cast<std::size_t>(tags.size()));
  for (std::string& tag : tags) taken.push_back(std::move(tag));
  std::sort(taken.begin(), taken.end());
  return taken;
}

LeaseFilter TakeFilter(v1::Filter& filter) {
  return {.key_prefix = std::move(*filter.mutable_key_prefix()),
          .tags = TakeSorted(*filter.mutable_tags())};
}

void MoveInto(std::vector<std::string>&& tags, Tags& out) {
  out.Reserve(static_cast<int>(tags.size()));
  for (std::string& tag : tags) *out.Add() = std::move(tag);
}

AcquireCommand ToAcquireCommand(v1::AcquireRequest&& request, Instant received,
                                Duration default_timeout) {
  AcquireCommand command{.spec = {.key = std::move(*request.mutable_key()),
                                  .lease_id = std::move(*request.mutable_lease_id()),
                                  .owner = std::move(*request.mutable_owner()),
                                  .tags = TakeSorted(*request.mutable_tags())},
                         .timeout = default_timeout,
                         .received = received};
  if (request.has_expire()) command.spec.expire = FromDurationProto(request.expire());
  if (request.has_timeout()) command.timeout = *FromDurationProto(request.timeout());
  return command;
}

void MoveInto(LeaseView&& view, v1::Lease& proto) {
  LeaseSpec& spec = view.lease.spec;
  proto.set_key(std::move(spec.key));
  proto.set_lease_id(std::move(spec.lease_id));
  proto.set_fencing_token(view.lease.fencing_token);
  if (spec.expire.has_value()) *proto.mutable_expire() = ToDurationProto(*spec.expire);
  MoveInto(std::move(spec.tags), *proto.mutable_tags());
  proto.set_owner(std::move(spec.owner));
  *proto.mutable_granted_at() = ToTimestampProto(view.lease.granted_at);
  if (view.remaining.has_value()) *proto.mutable_remaining() = ToDurationProto(*view.remaining);
  *proto.mutable_elapsed() = ToDurationProto(view.elapsed);
}

void MoveInto(HolderView&& view, v1::Holder& proto) {
  proto.set_owner(std::move(view.owner));
  proto.set_fencing_token(view.fencing_token);
  MoveInto(std::move(view.tags), *proto.mutable_tags());
  if (view.expire.has_value()) *proto.mutable_expire() = ToDurationProto(*view.expire);
  if (view.remaining.has_value()) *proto.mutable_remaining() = ToDurationProto(*view.remaining);
  *proto.mutable_held_since() = ToTimestampProto(view.held_since);
  *proto.mutable_held_for() = ToDurationProto(view.held_for);
}

void MoveInto(WaiterView&& view, v1::Waiter& proto) {
  proto.set_owner(std::move(view.owner));
  MoveInto(std::move(view.tags), *proto.mutable_tags());
  proto.set_position(view.position);
  *proto.mutable_waiting_for() = ToDurationProto(view.waiting_for);
  proto.set_parked(view.parked);
}

void MoveInto(LockView&& view, v1::Lock& proto) {
  proto.set_key(std::move(view.key));
  for (HolderView& holder : view.holders) MoveInto(std::move(holder), *proto.add_holders());
  proto.set_queue_length(view.queue_length);
  for (WaiterView& waiter : view.waiters) MoveInto(std::move(waiter), *proto.add_waiters());
}

// What List and ReleaseByTag have in common.
template <typename Page, typename Response>
void MovePageInto(Page&& page, std::uint64_t filter_fingerprint, Response& response) {
  response.mutable_locks()->Reserve(static_cast<int>(page.locks.size()));
  for (LockView& lock : page.locks) MoveInto(std::move(lock), *response.add_locks());
  if (page.next_after_key.has_value()) {
    response.set_next_page_token(EncodePageToken(*page.next_after_key, filter_fingerprint));
  }
}

v1::LeaseEvent::Kind KindOf(LeaseEventKind kind) {
  switch (kind) {
    case LeaseEventKind::kHeld:
      return v1::LeaseEvent::HELD;
    case LeaseEventKind::kSnapshotEnd:
      return v1::LeaseEvent::SNAPSHOT_END;
    case LeaseEventKind::kGranted:
      return v1::LeaseEvent::GRANTED;
    case LeaseEventKind::kReleased:
      return v1::LeaseEvent::RELEASED;
    case LeaseEventKind::kExpired:
      return v1::LeaseEvent::EXPIRED;
    case LeaseEventKind::kForced:
      return v1::LeaseEvent::FORCED;
  }
  return v1::LeaseEvent::KIND_UNSPECIFIED;
}

void CopyInto(const LeaseEvent& event, v1::LeaseEvent& proto) {
  proto.set_kind(KindOf(event.kind));
  proto.set_sequence(event.sequence);
  if (event.kind == LeaseEventKind::kSnapshotEnd) return;
  proto.set_key(event.key);
  proto.mutable_tags()->Assign(event.tags.begin(), event.tags.end());
  proto.set_owner(event.owner);
  proto.set_fencing_token(event.fencing_token);
  if (event.expire.has_value()) *proto.mutable_expire() = ToDurationProto(*event.expire);
  *proto.mutable_time() = ToTimestampProto(event.time);
}

}  // namespace

AcquireCommand ToCommand(v1::AcquireRequest&& request, Instant received) {
  return ToAcquireCommand(std::move(request), received, Duration::zero());
}

AcquireCommand ToWaitCommand(v1::AcquireRequest&& request, Instant received) {
  AcquireCommand command = ToAcquireCommand(std::move(request), received, kNoTimeout);
  command.report_queue = true;
  return command;
}

ReleaseCommand ToCommand(v1::ReleaseRequest&& request, Instant /*received*/) {
  return {.key = std::move(*request.mutable_key()),
          .lease_id = std::move(*request.mutable_lease_id())};
}

RenewCommand ToCommand(v1::RenewRequest&& request, Instant received) {
  RenewCommand command{.key = std::move(*request.mutable_key()),
                       .lease_id = std::move(*request.mutable_lease_id()),
                       .received = received};
  if (request.has_expire()) command.expire = FromDurationProto(request.expire());
  return command;
}

GetCommand ToCommand(v1::GetRequest&& request, Instant /*received*/) {
  return {.key = std::move(*request.mutable_key())};
}

ListCommand ToCommand(v1::ListRequest&& request, Instant /*received*/) {
  ListCommand command{.page_size =
                          request.page_size() == 0 ? kDefaultPageSize : request.page_size()};
  // Before the filter's strings move away.
  if (!request.page_token().empty()) {
    command.after_key =
        DecodePageToken(request.page_token(), Fingerprint(request.filter())).value_or("");
  }
  command.filter = TakeFilter(*request.mutable_filter());
  return command;
}

ForceReleaseCommand ToCommand(v1::ForceReleaseRequest&& request, Instant /*received*/) {
  ForceReleaseCommand command{.key = std::move(*request.mutable_key())};
  if (request.fencing_token() != 0) command.fencing_token = request.fencing_token();
  return command;
}

ReleaseByTagCommand ToCommand(v1::ReleaseByTagRequest&& request, Instant /*received*/) {
  ReleaseByTagCommand command{.dry_run = request.dry_run()};
  // Before the tags move away.
  if (!request.page_token().empty()) {
    command.after_key = DecodePageToken(request.page_token(), Fingerprint(request)).value_or("");
  }
  if (request.max_fencing_token() != 0) command.max_fencing_token = request.max_fencing_token();
  command.tags = TakeSorted(*request.mutable_tags());
  return command;
}

WatchCommand ToCommand(v1::WatchRequest&& request) {
  return {.filter = TakeFilter(*request.mutable_filter())};
}

v1::AcquireResponse ToResponse(Granted&& granted) {
  v1::AcquireResponse response;
  MoveInto(std::move(granted.lease), *response.mutable_lease());
  return response;
}

v1::RenewResponse ToResponse(Renewed&& renewed) {
  v1::RenewResponse response;
  MoveInto(std::move(renewed.lease), *response.mutable_lease());
  return response;
}

v1::GetResponse ToResponse(Shown&& shown) {
  v1::GetResponse response;
  MoveInto(std::move(shown.lock), *response.mutable_lock());
  return response;
}

v1::ListResponse ToResponse(Listed&& listed, std::uint64_t filter_fingerprint) {
  v1::ListResponse response;
  MovePageInto(std::move(listed), filter_fingerprint, response);
  return response;
}

v1::ForceReleaseResponse ToResponse(Forced&& forced) {
  v1::ForceReleaseResponse response;
  MoveInto(std::move(forced.former_holder), *response.mutable_former_holder());
  return response;
}

v1::ReleaseByTagResponse ToResponse(ForcedPage&& page, std::uint64_t filter_fingerprint) {
  v1::ReleaseByTagResponse response;
  response.set_max_fencing_token(page.max_fencing_token);
  MovePageInto(std::move(page), filter_fingerprint, response);
  return response;
}

v1::WatchResponse ToResponse(const LeaseEvent& event) {
  v1::WatchResponse response;
  CopyInto(event, *response.add_events());
  return response;
}

v1::WaitEvent ToEvent(Queued&& queued) {
  v1::WaitEvent event;
  v1::WaitEvent::Queued& proto = *event.mutable_queued();
  proto.set_position(queued.position);
  proto.set_queue_sequence(queued.queue_sequence);
  for (HolderView& holder : queued.holders) MoveInto(std::move(holder), *proto.add_holders());
  return event;
}

v1::WaitEvent ToEvent(Granted&& granted) {
  v1::WaitEvent event;
  MoveInto(std::move(granted.lease), *event.mutable_granted()->mutable_lease());
  return event;
}

}  // namespace holdfast
