#include "clients/cpp/fake/fake_limits.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/strings/ascii.h"
#include "clients/cpp/core/errors.h"
#include "holdfast/error.h"
#include "holdfast/time.h"

namespace holdfast::fake {
namespace {

// Those of the API: protos/holdfast/v1/lock_service.proto.
constexpr std::size_t kMaxKeyBytes = 512;
constexpr std::size_t kMaxOwnerBytes = 256;
constexpr std::size_t kMaxTagBytes = 128;
constexpr std::size_t kMaxTags = 16;
constexpr std::size_t kMinLeaseIdBytes = 16;
constexpr std::size_t kMaxLeaseIdBytes = 64;
constexpr Duration kMinExpire = std::chrono::milliseconds(1);
constexpr Duration kMaxSpan = std::chrono::days(366);
constexpr std::uint32_t kMaxPageSize = 1'000;

absl::Status Wrong(const std::string& field) {
  return core::MakeError(absl::StatusCode::kInvalidArgument, ErrorReason::kInvalidField,
                         field + " is outside its limits", {{"field", field}});
}

absl::Status CheckThat(bool right, const std::string& field) {
  return right ? absl::OkStatus() : Wrong(field);
}

bool HasLength(std::string_view text, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most;
}

template <typename Strings>
absl::Status CheckTags(const std::string& field, const Strings& tags) {
  if (tags.size() > kMaxTags) return Wrong(field);
  std::size_t i = 0;
  for (const std::string& tag : tags) {
    if (!HasLength(tag, 1, kMaxTagBytes)) return Wrong(field + "[" + std::to_string(i) + "]");
    ++i;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckKey(const std::string& key) {
  return CheckThat(HasLength(key, 1, kMaxKeyBytes), "key");
}

absl::Status CheckIds(const std::string& key, const std::string& lease_id) {
  if (absl::Status wrong = CheckKey(key); !wrong.ok()) return wrong;
  return CheckThat(HasLength(lease_id, kMinLeaseIdBytes, kMaxLeaseIdBytes) &&
                       std::all_of(lease_id.begin(), lease_id.end(),
                                   [](unsigned char c) {
                                     return absl::ascii_isalnum(c) || c == '.' || c == '_' ||
                                            c == '-';
                                   }),
                   "lease_id");
}

absl::Status CheckFilter(const LockFilter& filter) {
  if (!HasLength(filter.key_prefix, 0, kMaxKeyBytes)) return Wrong("filter.key_prefix");
  return CheckTags("filter.tags", filter.tags);
}

absl::Status Check(const core::WaitRequest& request) {
  if (absl::Status wrong = CheckIds(request.key, request.lease_id); !wrong.ok()) return wrong;
  if (request.expire.has_value() && (*request.expire < kMinExpire || *request.expire > kMaxSpan)) {
    return Wrong("expire");
  }
  if (request.max_hold.has_value() &&
      (*request.max_hold < kMinExpire || *request.max_hold > kMaxSpan)) {
    return Wrong("max_hold");
  }
  if (absl::Status wrong = CheckTags("tags", request.tags); !wrong.ok()) return wrong;
  if (!HasLength(request.owner, 0, kMaxOwnerBytes)) return Wrong("owner");
  return CheckThat(!request.timeout.has_value() ||
                       (*request.timeout >= Duration::zero() && *request.timeout <= kMaxSpan),
                   "timeout");
}

absl::Status Check(const core::LockTransport::ListRequest& request) {
  if (absl::Status wrong = CheckFilter(request.filter); !wrong.ok()) return wrong;
  if (request.page_size > kMaxPageSize) return Wrong("page_size");
  return CheckThat(request.page_token.empty() ||
                       request.page_token.starts_with(PageTokenAfter(request.filter, "")),
                   "page_token");
}

absl::Status Check(const core::LockTransport::ReleaseByTagRequest& request) {
  // None would select every lease there is.
  if (request.tags.empty()) return Wrong("tags");
  if (absl::Status wrong = CheckTags("tags", request.tags); !wrong.ok()) return wrong;
  return CheckThat(request.page_token.empty(), "page_token");  // All is on the first page.
}

std::string PageTokenAfter(const LockFilter& filter, const std::string& key) {
  // With their lengths, so that no filter's begins with another's.
  std::string token = "after:" + std::to_string(filter.key_prefix.size()) + ":" + filter.key_prefix;
  for (const std::string& tag : filter.tags) {
    token += "+" + std::to_string(tag.size()) + ":" + tag;
  }
  return token + "/" + key;
}

std::string KeyBefore(const core::LockTransport::ListRequest& request) {
  if (request.page_token.empty()) return "";
  return request.page_token.substr(PageTokenAfter(request.filter, "").size());
}

}  // namespace holdfast::fake
