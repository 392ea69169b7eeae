// Bytes into requests: parsed, validated and converted, as every call begins.
//
// Whatever the bytes are, the server accepts exactly the requests that obey the
// limits of the API, converts them faithfully, and names a field, or says that it
// cannot parse, when it refuses; and each error fits into a call's trailers.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"
#include "holdfast/v1/admin_service.pb.h"
#include "holdfast/v1/lock_service.pb.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/page_token.h"
#include "services/lock/rpc/status.h"
#include "services/lock/rpc/validate.h"
#include "services/lock/rpc/wire.h"
#include "tests/fuzz/api_limits.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/wire_message.h"

namespace holdfast::fuzz {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Tags = google::protobuf::RepeatedPtrField<std::string>;

const Instant kReceived{std::chrono::hours(1)};

// gRPC closes a connection whose headers are longer than this.
constexpr std::size_t kMaxHeaderBytes = 8 * 1024;

// What a status takes in the trailers: the message percent-encoded, the details in
// base64.
std::size_t HeaderBytes(const grpc::Status& status) {
  std::size_t bytes = (status.error_details().size() + 2) / 3 * 4;
  for (const char c : status.error_message()) bytes += c >= ' ' && c <= '~' && c != '%' ? 1 : 3;
  return bytes;
}

google::rpc::ErrorInfo InfoOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  Require(details.ParseFromString(status.error_details()), "the details of an error parse");
  int infos = 0;
  for (const auto& detail : details.details()) infos += detail.UnpackTo(&info) ? 1 : 0;
  Require(infos == 1 && info.domain() == "holdfast", "an error has one ErrorInfo of ours");
  Require(HeaderBytes(status) < kMaxHeaderBytes, "an error fits into the trailers",
          status.error_message());
  Require(IsUtf8(status.error_message()), "an error's message is UTF-8");
  return info;
}

// `path` as in tags[3] or filter.key_prefix.
bool IsField(std::string_view path, const Descriptor& type) {
  const std::size_t dot = path.find('.');
  std::string_view first = path.substr(0, dot);
  const std::size_t bracket = first.find('[');
  const bool indexed = bracket != std::string_view::npos;
  if (indexed) {
    const std::string_view index = first.substr(bracket + 1);
    if (index.size() < 2 || index.find_first_not_of("0123456789") != index.size() - 1 ||
        index.back() != ']') {
      return false;
    }
    first = first.substr(0, bracket);
  }
  const FieldDescriptor* field = type.FindFieldByName(std::string(first));
  if (field == nullptr || (indexed && !field->is_repeated())) return false;
  if (dot == std::string_view::npos) return true;
  return field->message_type() != nullptr && IsField(path.substr(dot + 1), *field->message_type());
}

void CheckRefusal(const grpc::Status& status, const Descriptor& type) {
  const google::rpc::ErrorInfo info = InfoOf(status);
  Require(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT,
          "what is refused is an INVALID_ARGUMENT");
  if (info.reason() == "MALFORMED_REQUEST") return;
  Require(info.reason() == "INVALID_FIELD", "the reason is known", info.reason());
  const std::string& field = info.metadata().at("field");
  Require(IsField(field, type), "a refusal names a field of the request", field);
  Require(status.error_message().starts_with(field + " "), "the message begins with the field");
}

std::vector<std::string> Sorted(const Tags& tags) {
  std::vector<std::string> sorted(tags.begin(), tags.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// REQUIRES: `span` is valid and shorter than 292 years.
Duration Exactly(const google::protobuf::Duration& span) {
  return std::chrono::seconds(span.seconds()) + std::chrono::nanoseconds(span.nanos());
}

template <typename Request>
std::optional<Duration> ExpireOf(const Request& request) {
  if (!request.has_expire()) return std::nullopt;
  return Exactly(request.expire());
}

// What became of the holder's words in an answer that tells others of it.
void CheckAnswers(const AcquireCommand& command) {
  const LeaseSpec& spec = command.spec;
  const LeaseView lease{.lease = {.spec = spec, .fencing_token = UINT64_MAX},
                        .remaining = spec.expire};
  const v1::AcquireResponse granted = ToResponse(Granted{lease});
  Require(granted.lease().key() == spec.key && granted.lease().lease_id() == spec.lease_id &&
              granted.lease().owner() == spec.owner &&
              Sorted(granted.lease().tags()) == spec.tags &&
              ExpireOf(granted.lease()) == spec.expire,
          "a grant says what was asked for");
  const HolderView holder{.owner = spec.owner,
                          .fencing_token = UINT64_MAX,
                          .tags = spec.tags,
                          .expire = spec.expire,
                          .remaining = spec.expire};
  for (const Refusal reason :
       {Refusal::kLockHeld, Refusal::kWaitTimeout, Refusal::kLeaseExpired, Refusal::kLeaseForced,
        Refusal::kLeaseEnded, Refusal::kLeaseNotFound, Refusal::kLeaseWaiting,
        Refusal::kLockNotHeld, Refusal::kLeaseMismatch, Refusal::kStarting, Refusal::kStopping}) {
    const Refused refused{.reason = reason, .name = "owner", .holder = holder};
    const grpc::Status status = ToStatus(refused, spec.key);
    InfoOf(status);
    Require(status.error_message().find(spec.lease_id) == std::string::npos ||
                spec.key.find(spec.lease_id) != std::string::npos ||
                spec.owner.find(spec.lease_id) != std::string::npos,
            "an error does not tell the lease_id");
  }
}

void CheckCommand(const v1::AcquireRequest& request) {
  for (const bool wait : {false, true}) {
    v1::AcquireRequest copy = request;
    const AcquireCommand command =
        wait ? ToWaitCommand(std::move(copy), kReceived) : ToCommand(std::move(copy), kReceived);
    const LeaseSpec expected{.key = request.key(),
                             .lease_id = request.lease_id(),
                             .owner = request.owner(),
                             .tags = Sorted(request.tags()),
                             .expire = ExpireOf(request),
                             .max_hold = request.has_max_hold()
                                             ? std::optional(Exactly(request.max_hold()))
                                             : std::nullopt};
    Require(command.spec == expected, "an Acquire keeps its fields");
    const Duration otherwise = wait ? kNoTimeout : Duration::zero();
    Require(command.timeout == (request.has_timeout() ? Exactly(request.timeout()) : otherwise) &&
                command.report_queue == wait && command.received == kReceived,
            "an Acquire keeps its timeout");
    CheckAnswers(command);
  }
}

void CheckCommand(const v1::ReleaseRequest& request) {
  const ReleaseCommand command = ToCommand(v1::ReleaseRequest(request), kReceived);
  Require(command.key == request.key() && command.lease_id == request.lease_id(),
          "a Release keeps its fields");
}

void CheckCommand(const v1::RenewRequest& request) {
  const RenewCommand command = ToCommand(v1::RenewRequest(request), kReceived);
  Require(command.key == request.key() && command.lease_id == request.lease_id() &&
              command.expire == ExpireOf(request),
          "a Renew keeps its fields");
}

void CheckCommand(const v1::GetRequest& request) {
  Require(ToCommand(v1::GetRequest(request), kReceived).key == request.key(),
          "a Get keeps its fields");
}

void CheckPage(const std::string& token, const std::string& after_key) {
  Require(token.empty() ? after_key.empty() : !after_key.empty() && after_key.size() <= 512,
          "a page begins behind a key, or at the first");
}

void CheckCommand(const v1::ListRequest& request) {
  const ListCommand command = ToCommand(v1::ListRequest(request), kReceived);
  Require(command.filter.key_prefix == request.filter().key_prefix() &&
              command.filter.tags == Sorted(request.filter().tags()),
          "a List keeps its filter");
  Require(command.page_size >= 1 && command.page_size <= 1'000, "a page has 1 to 1000 locks");
  CheckPage(request.page_token(), command.after_key);
}

void CheckCommand(const v1::WatchRequest& request) {
  const WatchCommand command = ToCommand(v1::WatchRequest(request));
  Require(command.filter.key_prefix == request.filter().key_prefix() &&
              command.filter.tags == Sorted(request.filter().tags()),
          "a Watch keeps its filter");
}

void CheckCommand(const v1::ForceReleaseRequest& request) {
  const ForceReleaseCommand command = ToCommand(v1::ForceReleaseRequest(request), kReceived);
  Require(
      command.key == request.key() && command.fencing_token.value_or(0) == request.fencing_token(),
      "a ForceRelease keeps its fields");
}

void CheckCommand(const v1::ReleaseByTagRequest& request) {
  const ReleaseByTagCommand command = ToCommand(v1::ReleaseByTagRequest(request), kReceived);
  Require(!command.tags.empty() && command.tags == Sorted(request.tags()) &&
              command.dry_run == request.dry_run() &&
              command.max_fencing_token.value_or(0) == request.max_fencing_token(),
          "a ReleaseByTag keeps its fields");
  CheckPage(request.page_token(), command.after_key);
}

// Whether the page token, if the request has one, is such as the server makes.
template <typename Request>
bool PageTokenIsFine(const Request&) {
  return true;
}
bool PageTokenIsFine(const v1::ListRequest& request) {
  return request.page_token().empty() ||
         DecodePageToken(request.page_token(), Fingerprint(request.filter())).has_value();
}
bool PageTokenIsFine(const v1::ReleaseByTagRequest& request) {
  return request.page_token().empty() ||
         DecodePageToken(request.page_token(), Fingerprint(request)).has_value();
}

// Adds the page token that the server would have made for this filter.
template <typename Request>
void AddPageToken(const std::string&, std::string&) {}
template <>
void AddPageToken<v1::ListRequest>(const std::string& after_key, std::string& wire) {
  v1::ListRequest request;
  request.ParseFromString(wire);
  AppendField(v1::ListRequest::kPageTokenFieldNumber,
              EncodePageToken(after_key, Fingerprint(request.filter())), wire);
}
template <>
void AddPageToken<v1::ReleaseByTagRequest>(const std::string& after_key, std::string& wire) {
  v1::ReleaseByTagRequest request;
  request.ParseFromString(wire);
  AppendField(v1::ReleaseByTagRequest::kPageTokenFieldNumber,
              EncodePageToken(after_key, Fingerprint(request)), wire);
}

template <typename Request>
std::string WireRequest(FuzzInput& input) {
  if (input.Flag()) return input.Rest();
  std::string wire = WireMessage(input, *Request::descriptor());
  if (input.Flag()) AddPageToken<Request>(input.Text(), wire);
  return Damaged(input, std::move(wire));
}

template <typename Request>
void Run(FuzzInput& input) {
  // As it comes from the network: in one piece or several.
  const std::size_t first = input.Byte();
  const std::string wire = WireRequest<Request>(input);
  const std::size_t cut = std::min(first, wire.size());
  const grpc::Slice slices[] = {grpc::Slice(wire.substr(0, cut)), grpc::Slice(wire.substr(cut))};
  const grpc::ByteBuffer bytes =
      cut == 0 ? grpc::ByteBuffer(slices + 1, 1) : grpc::ByteBuffer(slices, 2);

  Request request;
  if (const grpc::Status status = ParseMessage(bytes, request); !status.ok()) {
    CheckRefusal(status, *Request::descriptor());
    return;
  }
  const std::optional<FieldError> error = Validate(request);
  const bool obeys = ObeysLimits(request) && PageTokenIsFine(request);
  Require(error.has_value() != obeys, "what is accepted is what obeys the limits",
          error.has_value() ? error->field + " " + error->problem : "it was accepted");
  if (error.has_value()) {
    CheckRefusal(ToStatus(*error), *Request::descriptor());
  } else {
    CheckCommand(request);
  }
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace v1 = holdfast::v1;
  using namespace holdfast::fuzz;
  static const bool kSilent = (SilenceProtobuf(), true);
  FuzzInput input(data, size);
  if (!kSilent || input.empty()) return 0;
  constexpr void (*kRuns[])(FuzzInput&) = {
      Run<v1::AcquireRequest>,      Run<v1::ReleaseRequest>,     Run<v1::RenewRequest>,
      Run<v1::GetRequest>,          Run<v1::ListRequest>,        Run<v1::WatchRequest>,
      Run<v1::ForceReleaseRequest>, Run<v1::ReleaseByTagRequest>};
  kRuns[input.Below(std::size(kRuns))](input);
  return 0;
}
