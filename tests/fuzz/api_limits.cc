#include "tests/fuzz/api_limits.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "google/protobuf/duration.pb.h"

namespace holdfast::fuzz {
namespace {

using Tags = google::protobuf::RepeatedPtrField<std::string>;

bool IsText(std::string_view text, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most && IsUtf8(text);
}

bool IsKey(const std::string& key) { return IsText(key, 1, 512); }

bool IsLeaseId(const std::string& id) {
  return id.size() >= 16 && id.size() <= 64 &&
         id.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
             std::string::npos;
}

bool AreTags(const Tags& tags) {
  std::set<std::string> seen;
  for (const std::string& tag : tags) {
    if (!IsText(tag, 1, 128) || !seen.insert(tag).second) return false;
  }
  return tags.size() <= 16;
}

// From `least_nanos` nanoseconds to 366 days, in protobuf's canonical form.
bool IsSpan(const google::protobuf::Duration& span, std::int32_t least_nanos) {
  constexpr std::int64_t kMaxSeconds = 366 * 24 * 60 * 60;
  if (span.seconds() < 0 || span.nanos() < 0 || span.nanos() > 999'999'999) return false;
  if (span.seconds() == 0) return span.nanos() >= least_nanos;
  return span.seconds() < kMaxSeconds || (span.seconds() == kMaxSeconds && span.nanos() == 0);
}

constexpr std::int32_t kMillisecond = 1'000'000;

template <typename Request>
bool ExpireIsFine(const Request& request) {
  return !request.has_expire() || IsSpan(request.expire(), kMillisecond);
}

bool FilterIsFine(const v1::Filter& filter) {
  return IsText(filter.key_prefix(), 0, 512) && AreTags(filter.tags());
}

}  // namespace

bool ObeysLimits(const v1::AcquireRequest& request) {
  return !request.bound() && ObeysLimitsInSession(request);
}

bool ObeysLimitsInSession(const v1::AcquireRequest& request) {
  return IsKey(request.key()) && IsLeaseId(request.lease_id()) && ExpireIsFine(request) &&
         AreTags(request.tags()) && IsText(request.owner(), 0, 256) &&
         (!request.has_timeout() || IsSpan(request.timeout(), 0)) &&
         (!request.has_max_hold() || IsSpan(request.max_hold(), kMillisecond)) &&
         (!request.bound() || request.has_expire());
}

bool ObeysLimits(const v1::ReleaseRequest& request) {
  return IsKey(request.key()) && IsLeaseId(request.lease_id());
}

bool ObeysLimits(const v1::RenewRequest& request) {
  return IsKey(request.key()) && IsLeaseId(request.lease_id()) && ExpireIsFine(request);
}

bool ObeysLimits(const v1::GetRequest& request) { return IsKey(request.key()); }

bool ObeysLimits(const v1::ListRequest& request) {
  return FilterIsFine(request.filter()) && request.page_size() <= 1'000;
}

bool ObeysLimits(const v1::WatchRequest& request) { return FilterIsFine(request.filter()); }

bool ObeysLimits(const v1::ForceReleaseRequest& request) { return IsKey(request.key()); }

bool ObeysLimits(const v1::ReleaseByTagRequest& request) {
  return !request.tags().empty() && AreTags(request.tags());
}

bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
    const unsigned lead = byte(0);
    const std::size_t length = lead < 0x80             ? 1
                               : lead >> 5 == 0b110    ? 2
                               : lead >> 4 == 0b1110   ? 3
                               : lead >> 3 == 0b1'1110 ? 4
                                                       : 0;
    if (length == 0 || text.size() - i < length) return false;
    std::uint32_t code = length == 1 ? lead : lead & (0x7fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      if (byte(k) >> 6 != 0b10) return false;
      code = code << 6 | (byte(k) & 0x3fu);
    }
    constexpr std::uint32_t kMin[] = {0, 0, 0x80, 0x800, 0x1'0000};
    if (code < kMin[length] || code > 0x10'ffff || (code >= 0xd800 && code < 0xe000)) return false;
    i += length;
  }
  return true;
}

}  // namespace holdfast::fuzz
