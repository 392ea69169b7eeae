// Bytes into a session: messages that are read one after the other, and answers that are
// written in between, as by an engine that answers what and when it likes.
//
// Whatever the bytes are: an operation that is accepted obeys the limits of the API, is
// the engine's once, and is answered once, by whatever the engine has told; what is
// refused is refused alone, or ends the stream; and an acknowledgement covers only what
// has gone out.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"
#include "holdfast/v1/session.pb.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/session_outbox.h"
#include "services/lock/rpc/session_request.h"
#include "services/lock/rpc/wire.h"
#include "tests/fuzz/api_limits.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/wire_message.h"

namespace holdfast::fuzz {
namespace {

const Instant kNow{std::chrono::hours(1)};

// As the server's default, but small enough to be reached.
constexpr std::size_t kMaxMessageBytes = 4'096;
constexpr std::size_t kMaxOperations = 8;

class Session {
 public:
  explicit Session(FuzzInput& input) : input_(input) {}

  void Run() {
    // Streams that do not begin well are soon over.
    if (input_.Below(8) != 0) Read(GoodAttach());
    while (!input_.empty()) {
      switch (input_.Below(4)) {
        case 0:
          if (!Read(Message())) return;
          break;
        case 1:
          Tell();
          break;
        case 2:
          if (!outbox_.empty()) Write();
          break;
        default:
          Acknowledge(input_.Byte());
      }
    }
    while (!outbox_.empty()) Write();
    for (const auto& [id, told] : accepted_) Require(!told, "what was told is written");
  }

 private:
  static std::string GoodAttach() {
    v1::SessionRequest request;
    v1::Operation& operation = *request.add_operations();
    operation.set_id(1);
    operation.mutable_attach()->set_session_id("session-0123456789");
    operation.mutable_attach()->set_stream_number(1);
    return request.SerializeAsString();
  }

  // As often as not one that a client might send.
  std::string Message() {
    if (input_.Below(8) == 0) {
      return Damaged(input_, WireMessage(input_, *v1::SessionRequest::descriptor()));
    }
    v1::SessionRequest request;
    for (std::size_t count = input_.Below(6); count > 0; --count) AddOperation(request);
    request.set_received(input_.Byte());
    return request.SerializeAsString();
  }

  void AddOperation(v1::SessionRequest& request) {
    v1::Operation& operation = *request.add_operations();
    operation.set_id(1 + input_.Below(64));
    const std::string lease_id = "0123456789abcdef" + std::to_string(input_.Below(3));
    switch (input_.Below(16)) {
      case 0: {
        v1::Operation::Attach& attach = *operation.mutable_attach();
        operation.set_id(1);
        if (input_.Flag()) attach.set_session_id("session-0123456789");
        attach.set_stream_number(input_.Below(2));
        attach.set_more(input_.Flag());
        if (input_.Flag()) attach.add_leases()->set_key("k");
        break;
      }
      case 1:
        operation.mutable_release()->set_key("k");
        operation.mutable_release()->set_lease_id(lease_id);
        break;
      case 2:
        operation.mutable_renew_all();
        break;
      case 3:
        operation.mutable_renew()->set_key("k");
        operation.mutable_renew()->set_lease_id(lease_id);
        break;
      default: {
        v1::AcquireRequest& acquire = *operation.mutable_acquire()->mutable_request();
        acquire.set_key("k");
        acquire.set_lease_id(lease_id);
        acquire.set_bound(input_.Flag());
        if (input_.Flag()) acquire.mutable_expire()->set_seconds(1);
      }
    }
  }

  // False: the stream has ended.
  bool Read(const std::string& wire) {
    const grpc::Slice slice(wire);
    SessionWork work;
    const grpc::Status status = reader_.Read(grpc::ByteBuffer(&slice, 1), kNow, work);
    if (!status.ok()) {
      Require(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ||
                  status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED,
              "a stream ends for what its client has done", status.error_message());
      return false;
    }
    v1::SessionRequest request;
    Require(request.ParseFromString(wire), "what is carried out parses");
    Require(wire.size() <= kMaxMessageBytes, "what is carried out is not too large");
    CheckWork(request, work);
    return true;
  }

  void CheckWork(const v1::SessionRequest& request, const SessionWork& work) {
    const std::size_t attaches = work.attach.has_value() ? 1 : 0;
    Require(attaches + work.operations.size() + work.failed.size() ==
                static_cast<std::size_t>(request.operations_size()),
            "every operation is asked for or fails");
    if (work.attach.has_value()) {
      Require(!attached_, "a stream attaches once");
      Require(work.attach->stream_number > 0 && !work.attach->session_id.empty(),
              "the first page names the session and the stream");
      attached_ = true;
      accepted_.emplace(work.attach_id, false);
    }
    Require(attached_ || request.operations().empty(), "Attach comes first");
    auto next = request.operations().begin();
    std::set<std::uint64_t> failed;
    for (const FailedOperation& operation : work.failed) {
      Require(!operation.status.ok(), "what fails has a status");
      failed.insert(operation.id);
    }
    for (const SessionOperation& operation : work.operations) {
      while (next->id() != operation.id || IsRefused(*next)) ++next;
      CheckOperation(*next, operation);
      ++next;
    }
    Require(accepted_.size() <= kMaxOperations, "so many are without an answer");
  }

  // Whether the operation fails alone for what it is.
  static bool IsRefused(const v1::Operation& operation) {
    switch (operation.operation_case()) {
      case v1::Operation::kAcquire:
        return !ObeysLimitsInSession(operation.acquire().request());
      case v1::Operation::kRelease:
        return !ObeysLimits(operation.release());
      case v1::Operation::kRenew:
        return !ObeysLimits(operation.renew());
      case v1::Operation::OPERATION_NOT_SET:
        return true;
      default:
        return false;
    }
  }

  void CheckOperation(const v1::Operation& asked, const SessionOperation& operation) {
    if (std::holds_alternative<AttachPageCommand>(operation.body)) {
      Require(asked.has_attach(), "a page is a page");
      return;
    }
    Require(accepted_.emplace(operation.id, false).second, "an id is not used twice");
    if (const auto* acquire = std::get_if<AcquireCommand>(&operation.body)) {
      const v1::AcquireRequest& request = asked.acquire().request();
      Require(acquire->spec.key == request.key() && acquire->spec.lease_id == request.lease_id() &&
                  acquire->spec.bound == request.bound(),
              "an acquire keeps its fields");
      Require(acquire->report_queue == asked.acquire().report_queue() && acquire->received == kNow,
              "an acquire keeps what it wants to know");
    }
  }

  // What an engine might say: to an operation that it has not answered, or about a lease.
  void Tell() {
    std::vector<SessionOutcome> outcomes;
    for (std::size_t count = input_.Below(20); count > 0; --count) {
      const std::optional<std::uint64_t> id = AnyUnanswered();
      if (!id.has_value() || input_.Below(4) == 0) {
        ++gone_;
        outcomes.push_back({.number = ++number_,
                            .outcome = LeaseGone{.key = std::string(input_.Byte() * 8, 'k'),
                                                 .lease_id = "i",
                                                 .reason = Refusal::kLeaseForced}});
      } else if (input_.Below(3) == 0) {
        outcomes.push_back({.operation = *id,
                            .number = ++number_,
                            .outcome = Queued{.position = ++positions_[*id]}});
      } else {
        accepted_[*id] = true;
        outcomes.push_back({.operation = *id, .number = ++number_, .outcome = AnyAnswer()});
      }
    }
    outbox_.Add(std::move(outcomes));
  }

  std::optional<std::uint64_t> AnyUnanswered() {
    const std::size_t skip = input_.Below(kMaxOperations);
    std::vector<std::uint64_t> ids;
    for (const auto& [id, told] : accepted_) {
      if (!told) ids.push_back(id);
    }
    if (ids.empty()) return std::nullopt;
    return ids[skip % ids.size()];
  }

  Outcome AnyAnswer() {
    switch (input_.Below(4)) {
      case 0:
        return Granted{.lease = {.lease = {.fencing_token = number_}}};
      case 1:
        return Refused{.reason = Refusal::kLockHeld,
                       .holder = HolderView{.owner = std::string(input_.Byte(), 'o')}};
      case 2:
        return RenewedAll{.leases = 1};
      default:
        return Released{};
    }
  }

  void Write() {
    SessionMessage message = outbox_.Take();
    const std::uint64_t number = message.number;
    for (const SessionEvents& events : message.events) {
      for (const SessionOutcome& outcome : events.outcomes) {
        Require(outcome.number > through_[number - 1], "outcomes go out in their order");
        through_[number] = outcome.number;
      }
    }
    through_[number] = std::max(through_[number], through_[number - 1]);
    v1::SessionResponse response;
    Require(ParseMessage(SerializeMessage(message), response).ok(), "what is written parses");
    Require(response.number() == number && response.events_size() > 0, "messages count");
    for (const v1::Event& event : response.events()) CheckEvent(event);
    outbox_.Written();
  }

  void CheckEvent(const v1::Event& event) {
    if (event.has_lease_ended()) {
      Require(event.id() == 0 && gone_-- > 0, "the end of a lease is told once");
      return;
    }
    const auto found = accepted_.find(event.id());
    Require(found != accepted_.end(), "only what was asked for is answered");
    if (event.has_queued()) {
      Require(event.queued().position() <= positions_[event.id()], "a place is one that was told");
      return;
    }
    Require(found->second, "only what the engine has answered is answered");
    accepted_.erase(found);
    positions_.erase(event.id());
  }

  void Acknowledge(std::uint64_t number) {
    if (number > outbox_.last_number()) return;
    if (const std::optional<std::uint64_t> through = outbox_.Acknowledge(number)) {
      Require(*through <= through_[number], "only what has gone out is acknowledged");
      Require(*through > acknowledged_, "and no less than before");
      acknowledged_ = *through;
    }
  }

  FuzzInput& input_;
  OpenOperations open_{kMaxOperations};
  SessionReader reader_{open_, kMaxMessageBytes, /*local=*/false};
  SessionOutbox outbox_{open_, 65'536};

  bool attached_ = false;
  std::map<std::uint64_t, bool> accepted_;  // Without an answer; whether that has been told.
  std::map<std::uint64_t, std::uint32_t> positions_;
  int gone_ = 0;              // Leases whose end has been told and not been written.
  std::uint64_t number_ = 0;  // Of the outcome that was told last.
  std::map<std::uint64_t, std::uint64_t> through_;  // By the number of the message.
  std::uint64_t acknowledged_ = 0;
};

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::fuzz;
  static const bool kSilent = (SilenceProtobuf(), true);
  FuzzInput input(data, size);
  if (kSilent) Session(input).Run();
  return 0;
}
