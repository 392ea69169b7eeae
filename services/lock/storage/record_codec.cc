#include "services/lock/storage/record_codec.h"

#include <chrono>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "holdfast/storage/v1/records.pb.h"
#include "services/common/clock.h"
#include "services/lock/storage/crc32c.h"

namespace holdfast {
namespace {

constexpr char kLeasePrefix = 'l';
constexpr char kEndedPrefix = 'e';
constexpr char kTokenKey = 't';

// The API allows a year. The engine adds an expire to moments of its clock, and what
// leaves half of the range free cannot overflow there.
constexpr auto kMaxExpireNs = static_cast<std::uint64_t>(Duration::max().count() / 2);

// Far beyond what any number of grants and restarts uses up. A mark near the end of
// the range would let the next tokens begin again at zero.
constexpr std::uint64_t kMaxReservedThrough = std::uint64_t{1} << 63;

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

std::string Prefixed(char prefix, std::string_view lease_id) {
  std::string key;
  key.reserve(1 + lease_id.size());
  key.push_back(prefix);
  key.append(lease_id);
  return key;
}

// Names the record in messages, which end up in logs. What follows the first byte
// is a lease_id, or the remains of one, and so a secret: its checksum is enough to
// tell which record it is.
std::string NameOf(std::string_view storage_key) {
  const std::string_view kind = storage_key.substr(0, 1);
  std::string name = absl::StrCat("record \"", absl::CHexEscape(ToAbsl(kind)));
  if (storage_key.size() > 1) {
    absl::StrAppend(&name, "...", absl::Hex(Crc32c(storage_key.substr(1)), absl::kZeroPad8));
  }
  return name + "\"";
}

absl::Status Unreadable(std::string_view storage_key, absl::string_view why) {
  return absl::DataLossError(absl::StrCat(NameOf(storage_key), ": ", why));
}

template <typename Record>
bool HasUnknownFields(const Record& record) {
  return !record.GetReflection()->GetUnknownFields(record).empty();
}
bool HasUnknownFields(const storage::v1::LeaseRecord& record) {
  return !record.GetReflection()->GetUnknownFields(record).empty() ||
         (record.has_asked() && HasUnknownFields(record.asked()));
}

// Parses `value` and refuses what a reader of today would overlook.
template <typename Record>
absl::Status ParseRecord(std::string_view storage_key, std::string_view value, Record& record) {
  if (value.size() > std::numeric_limits<int>::max() ||
      !record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return Unreadable(storage_key, "its value does not parse");
  }
  if (HasUnknownFields(record)) {
    return Unreadable(storage_key, "it has a field that this version does not know");
  }
  return absl::OkStatus();
}

storage::v1::EndedRecord::Cause ToStored(EndCause cause) {
  switch (cause) {
    case EndCause::kReleased:
      return storage::v1::EndedRecord::RELEASED;
    case EndCause::kExpired:
      return storage::v1::EndedRecord::EXPIRED;
    case EndCause::kForced:
      return storage::v1::EndedRecord::FORCED;
    case EndCause::kCancelled:
      return storage::v1::EndedRecord::CANCELLED;
    case EndCause::kTimedOut:
      return storage::v1::EndedRecord::TIMED_OUT;
  }
  return storage::v1::EndedRecord::CAUSE_UNSPECIFIED;
}

std::optional<EndCause> FromStored(storage::v1::EndedRecord::Cause cause) {
  switch (cause) {
    case storage::v1::EndedRecord::RELEASED:
      return EndCause::kReleased;
    case storage::v1::EndedRecord::EXPIRED:
      return EndCause::kExpired;
    case storage::v1::EndedRecord::FORCED:
      return EndCause::kForced;
    case storage::v1::EndedRecord::CANCELLED:
      return EndCause::kCancelled;
    case storage::v1::EndedRecord::TIMED_OUT:
      return EndCause::kTimedOut;
    default:
      return std::nullopt;
  }
}

// Both messages that have an expire.
template <typename Stored>
void SetExpire(Stored& stored, const std::optional<Duration>& expire) {
  if (expire.has_value()) stored.set_expire_ns(static_cast<std::uint64_t>(expire->count()));
}

// False: it is out of range.
template <typename Stored>
bool GetExpire(const Stored& stored, std::optional<Duration>& expire) {
  if (!stored.has_expire_ns()) return true;
  if (stored.expire_ns() == 0 || stored.expire_ns() > kMaxExpireNs) return false;
  expire = Duration(static_cast<Duration::rep>(stored.expire_ns()));
  return true;
}

absl::StatusOr<LeaseRecord> DecodeLease(std::string_view storage_key, std::string_view value) {
  storage::v1::LeaseRecord stored;
  if (absl::Status status = ParseRecord(storage_key, value, stored); !status.ok()) return status;
  if (stored.lease_id() != storage_key.substr(1)) {
    return Unreadable(storage_key, "its lease_id differs from its storage key");
  }
  if (stored.key().empty()) return Unreadable(storage_key, "it has no key");
  if (stored.fencing_token() == 0) return Unreadable(storage_key, "it has no fencing token");

  LeaseRecord lease;
  if (!GetExpire(stored, lease.spec.expire)) {
    return Unreadable(storage_key, "its expire is out of range");
  }
  if (stored.has_asked() && !GetExpire(stored.asked(), lease.asked.emplace().expire)) {
    return Unreadable(storage_key, "the expire that was asked for is out of range");
  }
  if (lease.asked.has_value() && lease.asked->expire == lease.spec.expire) {
    return Unreadable(storage_key, "its expire was not changed and is there twice");
  }
  lease.spec.key = std::move(*stored.mutable_key());
  lease.spec.lease_id = std::move(*stored.mutable_lease_id());
  lease.spec.owner = std::move(*stored.mutable_owner());
  for (std::string& tag : *stored.mutable_tags()) lease.spec.tags.push_back(std::move(tag));
  lease.fencing_token = stored.fencing_token();
  lease.granted_at = WallTime{stored.granted_at_ns()};
  return lease;
}

}  // namespace

std::string LeaseStorageKey(std::string_view lease_id) { return Prefixed(kLeasePrefix, lease_id); }
std::string EndedStorageKey(std::string_view lease_id) { return Prefixed(kEndedPrefix, lease_id); }
std::string TokenStorageKey() { return std::string(1, kTokenKey); }

std::string EncodeLease(const LeaseRecord& lease) {
  storage::v1::LeaseRecord stored;
  stored.set_key(lease.spec.key);
  stored.set_lease_id(lease.spec.lease_id);
  stored.set_fencing_token(lease.fencing_token);
  SetExpire(stored, lease.spec.expire);
  for (const std::string& tag : lease.spec.tags) stored.add_tags(tag);
  stored.set_owner(lease.spec.owner);
  stored.set_granted_at_ns(static_cast<std::int64_t>(lease.granted_at));
  if (lease.asked.has_value()) SetExpire(*stored.mutable_asked(), lease.asked->expire);
  return stored.SerializeAsString();
}

std::string EncodeEnded(EndCause cause) {
  storage::v1::EndedRecord stored;
  stored.set_cause(ToStored(cause));
  return stored.SerializeAsString();
}

std::string EncodeTokens(std::uint64_t through) {
  storage::v1::TokenRecord stored;
  stored.set_reserved_through(through);
  return stored.SerializeAsString();
}

absl::Status DecodeRecord(std::string_view storage_key, std::string_view value,
                          RecordVisitor& visitor) {
  if (storage_key.size() > 1 && storage_key.front() == kLeasePrefix) {
    absl::StatusOr<LeaseRecord> lease = DecodeLease(storage_key, value);
    if (!lease.ok()) return lease.status();
    visitor.OnLease(*std::move(lease));
    return absl::OkStatus();
  }
  if (storage_key.size() > 1 && storage_key.front() == kEndedPrefix) {
    storage::v1::EndedRecord stored;
    if (absl::Status status = ParseRecord(storage_key, value, stored); !status.ok()) return status;
    const std::optional<EndCause> cause = FromStored(stored.cause());
    if (!cause.has_value()) return Unreadable(storage_key, "its cause is unknown");
    visitor.OnEnded(std::string(storage_key.substr(1)), *cause);
    return absl::OkStatus();
  }
  if (storage_key == TokenStorageKey()) {
    storage::v1::TokenRecord stored;
    if (absl::Status status = ParseRecord(storage_key, value, stored); !status.ok()) return status;
    if (stored.reserved_through() == 0) return Unreadable(storage_key, "it has no token");
    if (stored.reserved_through() > kMaxReservedThrough) {
      return Unreadable(storage_key, "its token is out of range");
    }
    visitor.OnReservedTokens(stored.reserved_through());
    return absl::OkStatus();
  }
  return Unreadable(storage_key, "its storage key is of no known kind");
}

}  // namespace holdfast
