// Answers that no sane server sends, into what the C++ client and the command line
// make of them: leases, places in the queue, locks, and errors with their details.
//
// Whatever a server says, a client does not crash, does not rely on a lease for longer
// than was said, does not wait for longer than a minute, and prints lines of text.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "clients/cli/output/locks.h"
#include "clients/cli/output/span.h"
#include "clients/cpp/core/clock.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lease_times.h"
#include "clients/cpp/transport/convert.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"
#include "holdfast/error.h"
#include "holdfast/v1/lease.pb.h"
#include "holdfast/v1/lease_event.pb.h"
#include "holdfast/v1/lock_service.pb.h"
#include "tests/fuzz/api_limits.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/wire_message.h"

namespace holdfast::fuzz {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

// False: gRPC would not hand such bytes to the client as a message.
template <typename Message>
bool Receive(FuzzInput& input, Message& message) {
  const bool raw = input.Flag();
  return message.ParseFromString(raw ? input.Rest()
                                     : Damaged(input, WireMessage(input, *Message::descriptor())));
}

void Grants(FuzzInput& input) {
  v1::Lease lease;
  if (!Receive(input, lease)) return;
  const core::Grant grant = core::GrantFrom(lease);
  Require(grant.fencing_token == lease.fencing_token(), "a token is taken as it is");
  const MonotonicTime sent{hours(1)};
  const core::LeaseTimes times = core::ComputeLeaseTimes(sent, grant.elapsed, grant.remaining);
  Require(times.lost_at <= times.deadline, "a loss is told before the deadline");
  if (!grant.remaining.has_value()) return;
  const Duration elapsed = std::max(grant.elapsed, Duration::zero());
  const Duration remaining = std::max(*grant.remaining, Duration::zero());
  Require(times.deadline < core::After(core::After(sent, elapsed), remaining),
          "a lease is not relied on for longer than was said");
}

void Places(FuzzInput& input) {
  v1::WaitEvent event;
  if (!Receive(input, event)) return;
  const QueueInfo info = core::QueueInfoFrom(event.queued());
  Require(info.position == event.queued().position() &&
              info.holders.size() == static_cast<std::size_t>(event.queued().holders_size()),
          "a place is taken as it is");
}

void CheckLines(const std::string& text) {
  Require(text.empty() || text.back() == '\n', "lines end with a line feed");
  Require(IsUtf8(text), "what is printed is UTF-8");
}

void Locks(FuzzInput& input) {
  v1::Lock lock;
  if (!Receive(input, lock)) return;
  Require(core::LockInfoFrom(lock).holders.size() == static_cast<std::size_t>(lock.holders_size()),
          "a lock has its holders");
  cli::Table locks = cli::LockTable();
  cli::AddRows(lock, locks);
  CheckLines(locks.Render());
  cli::Table ended = cli::EndedTable();
  cli::AddEnded(lock, ended);
  CheckLines(ended.Render());
  for (const v1::Holder& holder : lock.holders()) cli::FormatMoment(holder.held_since());
  const std::string json = cli::ToJsonLine(lock);
  CheckLines(json);
  Require(json.find('\n') == json.size() - 1, "a lock is one line of JSON");
}

void Events(FuzzInput& input) {
  v1::LeaseEvent event;
  if (!Receive(input, event)) return;
  cli::FormatMoment(event.time());
  const std::string json = cli::ToJsonLine(event);
  CheckLines(json);
  Require(json.find('\n') == json.size() - 1, "an event is one line of JSON");
}

// The details of an error: malformed input, or an error of the service with malformed input in it.
std::string Details(FuzzInput& input) {
  if (input.Flag()) return input.Rest();
  constexpr std::array<std::string_view, 4> kReasons = {"LOCK_HELD", "SERVER_STOPPING",
                                                        "LEASE_EXPIRED", "NEVER_HEARD_OF"};
  std::string info = WireMessage(input, *google::rpc::ErrorInfo::descriptor());
  if (input.Flag()) {
    AppendField(google::rpc::ErrorInfo::kReasonFieldNumber, std::string(input.Pick(kReasons)),
                info);
    AppendField(google::rpc::ErrorInfo::kDomainFieldNumber, "holdfast", info);
  }
  google::rpc::Status details;
  auto* any = details.add_details();
  any->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  any->set_value(Damaged(input, info));
  auto* retry = details.add_details();
  retry->set_type_url("type.googleapis.com/google.rpc.RetryInfo");
  retry->set_value(Damaged(input, WireMessage(input, *google::rpc::RetryInfo::descriptor())));
  return Damaged(input, details.SerializeAsString());
}

void Errors(FuzzInput& input) {
  const int code = input.Byte() % 20;
  const std::string message = input.Text();
  const absl::Status status =
      core::StatusFrom(grpc::Status(static_cast<grpc::StatusCode>(code), message, Details(input)));
  Require(status.ok() == (code == 0), "an error stays an error");
  Require(!status.ToString().empty(), "an error can be shown");
  const ErrorReason reason = ReasonOf(status);
  Require(reason == ErrorReason::kUnspecified || !ErrorReasonName(reason).empty(),
          "a reason has a name");
  ErrorMetadata(status);
  const Duration delay = core::RetryDelayOf(status);
  Require(delay >= Duration::zero() && delay <= minutes(1), "a server can ask for a minute at most",
          std::to_string(delay.count()));
  Require(!core::ShouldRetry(status) || !core::SaysLeaseEnded(status),
          "a lease that has ended is not asked for again");
  if (status.ok()) return;
  const absl::Status gave_up = core::GaveUp("tried", status);
  Require(absl::IsUnavailable(gave_up) && ReasonOf(gave_up) == reason, "the reason is kept");
}

void Run(FuzzInput& input) {
  switch (input.Below(5)) {
    case 0:
      return Grants(input);
    case 1:
      return Places(input);
    case 2:
      return Locks(input);
    case 3:
      return Events(input);
    default:
      return Errors(input);
  }
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::fuzz;
  static const bool kSilent = (SilenceProtobuf(), true);
  FuzzInput input(data, size);
  if (kSilent) Run(input);
  return 0;
}
