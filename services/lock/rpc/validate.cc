#include "services/lock/rpc/validate.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/duration.pb.h"
#include "services/lock/rpc/field_limits.h"
#include "services/lock/rpc/page_token.h"
#include "services/lock/rpc/proto_time.h"

namespace holdfast {
namespace {

using MaybeError = std::optional<FieldError>;
using Tags = google::protobuf::RepeatedPtrField<std::string>;

MaybeError CheckLength(std::string field, const std::string& value, std::size_t least,
                       std::size_t most) {
  if (value.size() >= least && value.size() <= most) return std::nullopt;
  const std::string range =
      least == 0 ? absl::StrCat("at most ", most) : absl::StrCat(least, " to ", most);
  return FieldError{std::move(field),
                    absl::StrCat("must be ", range, " bytes long, not ", value.size())};
}

MaybeError CheckKey(const std::string& key) {
  return CheckLength("key", key, kMinKeyBytes, kMaxKeyBytes);
}

bool IsLeaseIdCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
}

// What a client has chosen to be unique, and cannot be guessed.
MaybeError CheckId(const std::string& field, const std::string& id) {
  if (auto error = CheckLength(field, id, kMinLeaseIdBytes, kMaxLeaseIdBytes)) return error;
  if (std::all_of(id.begin(), id.end(), IsLeaseIdCharacter)) return std::nullopt;
  return FieldError{field, "must contain only A-Z, a-z, 0-9, '.', '_' and '-'"};
}

MaybeError CheckLeaseId(const std::string& lease_id) { return CheckId("lease_id", lease_id); }

MaybeError CheckTags(std::string_view field, const Tags& tags) {
  if (tags.size() > static_cast<int>(kMaxTags)) {
    return FieldError{std::string(field),
                      absl::StrCat("must be at most ", kMaxTags, ", not ", tags.size())};
  }
  const auto name = [&](int i) {
    return absl::StrCat(absl::string_view(field.data(), field.size()), "[", i, "]");
  };
  for (int i = 0; i < tags.size(); ++i) {
    if (auto error = CheckLength(name(i), tags[i], kMinTagBytes, kMaxTagBytes)) return error;
    for (int j = 0; j < i; ++j) {
      if (tags[i] == tags[j]) {
        return FieldError{name(i), absl::StrCat("must not be the same as ", name(j))};
      }
    }
  }
  return std::nullopt;
}

MaybeError CheckDuration(std::string field, const google::protobuf::Duration& proto, Duration least,
                         Duration most, std::string_view range) {
  const std::optional<Duration> duration = FromDurationProto(proto);
  if (!duration.has_value()) {
    return FieldError{std::move(field),
                      "must be a valid Duration: at most 10,000 years, and nanos less than a "
                      "second and of the same sign as seconds"};
  }
  if (*duration >= least && *duration <= most) return std::nullopt;
  return FieldError{std::move(field), "must be from " + std::string(range)};
}

MaybeError CheckFilter(const v1::Filter& filter) {
  if (auto error = CheckLength("filter.key_prefix", filter.key_prefix(), 0, kMaxKeyBytes)) {
    return error;
  }
  return CheckTags("filter.tags", filter.tags());
}

// `fingerprint`: of `what` the answer with the token was to.
MaybeError CheckPageToken(const std::string& token, std::uint64_t fingerprint,
                          absl::string_view what) {
  if (token.empty() || DecodePageToken(token, fingerprint).has_value()) return std::nullopt;
  return FieldError{
      "page_token",
      absl::StrCat("must be the next_page_token of an answer to a request with the same ", what)};
}

template <typename Request>
MaybeError CheckExpire(const Request& request) {
  if (!request.has_expire()) return std::nullopt;
  return CheckDuration("expire", request.expire(), kMinExpire, kMaxExpire, "1 ms to 366 days");
}

// All but `bound`.
MaybeError CheckAcquire(const v1::AcquireRequest& request) {
  if (auto error = CheckKey(request.key())) return error;
  if (auto error = CheckLeaseId(request.lease_id())) return error;
  if (auto error = CheckExpire(request)) return error;
  if (auto error = CheckTags("tags", request.tags())) return error;
  if (auto error = CheckLength("owner", request.owner(), 0, kMaxOwnerBytes)) return error;
  if (request.has_max_hold()) {
    if (auto error = CheckDuration("max_hold", request.max_hold(), kMinMaxHold, kMaxMaxHold,
                                   "1 ms to 366 days")) {
      return error;
    }
  }
  if (!request.has_timeout()) return std::nullopt;
  return CheckDuration("timeout", request.timeout(), Duration::zero(), kMaxTimeout,
                       "0 to 366 days");
}

}  // namespace

std::optional<FieldError> Validate(const v1::AcquireRequest& request) {
  if (auto error = CheckAcquire(request)) return error;
  if (request.bound()) return FieldError{"bound", "must be false outside of a session"};
  return std::nullopt;
}

std::optional<FieldError> Validate(const v1::Operation::AcquireOperation& acquire) {
  const v1::AcquireRequest& request = acquire.request();
  if (auto error = CheckAcquire(request)) return error;
  if (request.bound() && !request.has_expire()) {
    return FieldError{"bound", "must be false without an expire"};
  }
  return std::nullopt;
}

std::optional<FieldError> Validate(const v1::Operation::Detach& detach) {
  if (auto error = CheckKey(detach.key())) return error;
  return CheckLeaseId(detach.lease_id());
}

std::optional<FieldError> Validate(const v1::Operation::RenewAll& /*renew_all*/) {
  return std::nullopt;
}

std::optional<FieldError> ValidatePage(const v1::Operation::Attach& attach, bool first_page) {
  if (first_page) {
    if (auto error = CheckId("session_id", attach.session_id())) return error;
    if (attach.stream_number() == 0) return FieldError{"stream_number", "must not be 0"};
  } else {
    constexpr char kAbsent[] = "must be absent from all pages but the first";
    if (!attach.session_id().empty()) return FieldError{"session_id", kAbsent};
    if (attach.stream_number() != 0) return FieldError{"stream_number", kAbsent};
  }
  if (attach.leases_size() > kMaxListedLeases) {
    return FieldError{"leases", absl::StrCat("must be at most ", kMaxListedLeases, ", not ",
                                             attach.leases_size())};
  }
  for (int i = 0; i < attach.leases_size(); ++i) {
    auto error = CheckKey(attach.leases(i).key());
    if (!error.has_value()) error = CheckLeaseId(attach.leases(i).lease_id());
    if (error.has_value()) {
      return FieldError{absl::StrCat("leases[", i, "].", error->field), std::move(error->problem)};
    }
  }
  return std::nullopt;
}

std::optional<FieldError> Validate(const v1::ReleaseRequest& request) {
  if (auto error = CheckKey(request.key())) return error;
  return CheckLeaseId(request.lease_id());
}

std::optional<FieldError> Validate(const v1::RenewRequest& request) {
  if (auto error = CheckKey(request.key())) return error;
  if (auto error = CheckLeaseId(request.lease_id())) return error;
  return CheckExpire(request);
}

std::optional<FieldError> Validate(const v1::GetRequest& request) {
  return CheckKey(request.key());
}

std::optional<FieldError> Validate(const v1::ListRequest& request) {
  if (auto error = CheckFilter(request.filter())) return error;
  if (request.page_size() > kMaxPageSize) {
    return FieldError{
        "page_size", absl::StrCat("must be at most ", kMaxPageSize, ", not ", request.page_size())};
  }
  return CheckPageToken(request.page_token(), Fingerprint(request.filter()), "filter");
}

std::optional<FieldError> Validate(const v1::WatchRequest& request) {
  return CheckFilter(request.filter());
}

std::optional<FieldError> Validate(const v1::ForceReleaseRequest& request) {
  return CheckKey(request.key());
}

std::optional<FieldError> Validate(const v1::ReleaseByTagRequest& request) {
  // None would select every lease there is.
  if (request.tags().empty()) return FieldError{"tags", "must not be empty"};
  if (auto error = CheckTags("tags", request.tags())) return error;
  return CheckPageToken(request.page_token(), Fingerprint(request), "tags and dry_run");
}

}  // namespace holdfast
