#include "services/lock/rpc/convert.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "services/lock/rpc/field_limits.h"
#include "services/lock/rpc/page_token.h"
#include "services/lock/rpc/proto_time.h"
#include "services/lock/rpc/status.h"

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
  command.spec.bound = request.bound();
  if (request.has_max_hold()) command.spec.max_hold = FromDurationProto(request.max_hold());
  return command;
}

std::vector<ListedLease> TakeListed(v1::Operation::Attach& attach) {
  std::vector<ListedLease> leases;
  leases.reserve(static_cast<std::size_t>(attach.leases_size()));
  for (v1::Operation::HeldLease& lease : *attach.mutable_leases()) {
    leases.push_back(
        {.key = std::move(*lease.mutable_key()), .lease_id = std::move(*lease.mutable_lease_id())});
  }
  return leases;
}

// All but what the holder has chosen itself.
void SetGrant(const LeaseView& view, v1::Lease& proto) {
  const LeaseSpec& spec = view.lease.spec;
  proto.set_fencing_token(view.lease.fencing_token);
  if (spec.expire.has_value()) *proto.mutable_expire() = ToDurationProto(*spec.expire);
  *proto.mutable_granted_at() = ToTimestampProto(view.lease.granted_at);
  if (view.remaining.has_value()) *proto.mutable_remaining() = ToDurationProto(*view.remaining);
  *proto.mutable_elapsed() = ToDurationProto(view.elapsed);
}

void MoveInto(LeaseView&& view, v1::Lease& proto) {
  SetGrant(view, proto);
  LeaseSpec& spec = view.lease.spec;
  proto.set_key(std::move(spec.key));
  proto.set_lease_id(std::move(spec.lease_id));
  MoveInto(std::move(spec.tags), *proto.mutable_tags());
  proto.set_owner(std::move(spec.owner));
}

void MoveInto(HolderView&& view, v1::Holder& proto) {
  proto.set_owner(std::move(view.owner));
  proto.set_fencing_token(view.fencing_token);
  MoveInto(std::move(view.tags), *proto.mutable_tags());
  if (view.expire.has_value()) *proto.mutable_expire() = ToDurationProto(*view.expire);
  if (view.remaining.has_value()) *proto.mutable_remaining() = ToDurationProto(*view.remaining);
  *proto.mutable_held_since() = ToTimestampProto(view.held_since);
  *proto.mutable_held_for() = ToDurationProto(view.held_for);
  proto.set_principal(view.principal.name());
}

void MoveInto(WaiterView&& view, v1::Waiter& proto) {
  proto.set_owner(std::move(view.owner));
  MoveInto(std::move(view.tags), *proto.mutable_tags());
  proto.set_position(view.position);
  *proto.mutable_waiting_for() = ToDurationProto(view.waiting_for);
  proto.set_parked(view.parked);
  proto.set_principal(view.principal.name());
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
  proto.set_principal(event.principal.name());
}

void MoveInto(Queued&& queued, v1::WaitEvent::Queued& proto) {
  proto.set_position(queued.position);
  proto.set_queue_sequence(queued.queue_sequence);
  for (HolderView& holder : queued.holders) MoveInto(std::move(holder), *proto.add_holders());
}

// One overload for each alternative of Outcome, so that a new one does not compile before
// a session can tell it.
class EventSetter {
 public:
  EventSetter(std::string_view key, v1::Event& event) : key_(key), event_(event) {}

  void operator()(Granted&& granted) const { SetGrant(granted.lease, *event_.mutable_granted()); }
  void operator()(Queued&& queued) const { MoveInto(std::move(queued), *event_.mutable_queued()); }
  void operator()(Released&&) const { event_.mutable_released(); }
  void operator()(Renewed&& renewed) const { SetGrant(renewed.lease, *event_.mutable_renewed()); }
  void operator()(Refused&& refused) const { SetFailed(ToStatus(refused, key_), event_); }
  void operator()(Attached&& attached) const {
    event_.mutable_attached()->set_resumed(attached.resumed);
  }
  void operator()(RenewedAll&& renewed) const {
    event_.mutable_renewed_all()->set_leases(renewed.leases);
  }
  void operator()(Detached&&) const { event_.mutable_detached(); }
  void operator()(LeaseGone&& gone) const {
    v1::Event::LeaseEnded& ended = *event_.mutable_lease_ended();
    ended.set_key(std::move(gone.key));
    ended.set_lease_id(std::move(gone.lease_id));
    ended.set_reason(ToReason(gone.reason));
  }
  void operator()(Shown&&) const { Unexpected(); }
  void operator()(Listed&&) const { Unexpected(); }
  void operator()(Forced&&) const { Unexpected(); }
  void operator()(ForcedPage&&) const { Unexpected(); }
  void operator()(Watched&&) const { Unexpected(); }
  void operator()(Drained&&) const { Unexpected(); }

 private:
  void Unexpected() const { SetFailed(InternalError("no outcome of a session"), event_); }

  const std::string_view key_;
  v1::Event& event_;
};

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

AttachCommand ToCommand(v1::Operation::Attach&& attach, bool local) {
  return {.session_id = std::move(*attach.mutable_session_id()),
          .stream_number = attach.stream_number(),
          .local = local,
          .leases = TakeListed(attach),
          .more = attach.more()};
}

AttachPageCommand ToPageCommand(v1::Operation::Attach&& attach) {
  return {.leases = TakeListed(attach), .more = attach.more()};
}

AcquireCommand ToCommand(v1::Operation::AcquireOperation&& acquire, Instant received) {
  AcquireCommand command =
      ToAcquireCommand(std::move(*acquire.mutable_request()), received, kNoTimeout);
  command.report_queue = acquire.report_queue();
  return command;
}

RenewAllCommand ToCommand(v1::Operation::RenewAll&& /*renew_all*/, Instant /*received*/) {
  return {};
}

DetachCommand ToCommand(v1::Operation::Detach&& detach, Instant /*received*/) {
  return {.key = std::move(*detach.mutable_key()),
          .lease_id = std::move(*detach.mutable_lease_id())};
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
  MoveInto(std::move(queued), *event.mutable_queued());
  return event;
}

v1::WaitEvent ToEvent(Granted&& granted) {
  v1::WaitEvent event;
  MoveInto(std::move(granted.lease), *event.mutable_granted()->mutable_lease());
  return event;
}

void SetEvent(Outcome&& outcome, std::string_view key, v1::Event& event) {
  std::visit(EventSetter(key, event), std::move(outcome));
}

void SetFailed(const grpc::Status& status, v1::Event& event) {
  google::rpc::Status& failed = *event.mutable_failed();
  if (failed.ParseFromString(status.error_details()) && failed.code() != 0) return;
  // It has no details.
  failed.Clear();
  failed.set_code(status.error_code());
  failed.set_message(status.error_message());
}

}  // namespace holdfast
