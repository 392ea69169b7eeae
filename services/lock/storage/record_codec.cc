#include "services/lock/storage/record_codec.h"

#include <chrono>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "holdfast/storage/v1/records.pb.h"
#include "services/common/clock.h"
#include "services/lock/storage/crc32c.h"

namespace holdfast {
namespace {

constexpr char kIdPrefix = 'i';
constexpr char kTokenKey = 't';

// Of formats 1 and 2.
constexpr char kOlderLeasePrefix = 'l';
constexpr char kOlderEndedPrefix = 'e';

// The API allows a year. The engine adds such spans to moments of its clock, and what
// leaves half of the range free cannot overflow there.
constexpr auto kMaxExpireNs = static_cast<std::uint64_t>(Duration::max().count() / 2);

// Far beyond what any number of grants and restarts uses up. A mark near the end of
// the range would let the next tokens begin again at zero.
constexpr std::uint64_t kMaxReservedThrough = std::uint64_t{1} << 63;

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

// Whether the key is this byte and a lease_id.
bool HasPrefix(std::string_view storage_key, char prefix) {
  return storage_key.size() > 1 && storage_key.front() == prefix;
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

// Anywhere in the message.
bool HasUnknownFields(const google::protobuf::Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (HasUnknownFields(reflection.GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (HasUnknownFields(reflection.GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

// Parses `value` and refuses what a reader of today would overlook.
absl::Status ParseRecord(std::string_view storage_key, std::string_view value,
                         google::protobuf::Message& record) {
  if (value.size() > std::numeric_limits<int>::max() ||
      !record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return Unreadable(storage_key, "its value does not parse");
  }
  if (HasUnknownFields(record)) {
    return Unreadable(storage_key, "it has a field that this version does not know");
  }
  return absl::OkStatus();
}

storage::v1::Cause ToStored(EndCause cause) {
  switch (cause) {
    case EndCause::kReleased:
      return storage::v1::RELEASED;
    case EndCause::kExpired:
      return storage::v1::EXPIRED;
    case EndCause::kForced:
      return storage::v1::FORCED;
    case EndCause::kCancelled:
      return storage::v1::CANCELLED;
    case EndCause::kTimedOut:
      return storage::v1::TIMED_OUT;
  }
  return storage::v1::CAUSE_UNSPECIFIED;
}

std::optional<EndCause> FromStored(storage::v1::Cause cause) {
  switch (cause) {
    case storage::v1::RELEASED:
      return EndCause::kReleased;
    case storage::v1::EXPIRED:
      return EndCause::kExpired;
    case storage::v1::FORCED:
      return EndCause::kForced;
    case storage::v1::CANCELLED:
      return EndCause::kCancelled;
    case storage::v1::TIMED_OUT:
      return EndCause::kTimedOut;
    default:
      return std::nullopt;
  }
}

// False: it is out of range.
bool GetSpan(std::uint64_t stored_ns, std::optional<Duration>& span) {
  if (stored_ns == 0 || stored_ns > kMaxExpireNs) return false;
  span = Duration(static_cast<Duration::rep>(stored_ns));
  return true;
}

// Both messages that have an expire.
template <typename Stored>
void SetExpire(Stored& stored, const std::optional<Duration>& expire) {
  if (expire.has_value()) stored.set_expire_ns(static_cast<std::uint64_t>(expire->count()));
}

// False: it is out of range.
template <typename Stored>
bool GetExpire(const Stored& stored, std::optional<Duration>& expire) {
  return !stored.has_expire_ns() || GetSpan(stored.expire_ns(), expire);
}

// What the leases of all formats have in common. Takes the text out of `stored`.
template <typename Stored>
absl::StatusOr<LeaseRecord> TakeLease(std::string_view storage_key, std::string& key,
                                      Stored& stored) {
  if (key.empty()) return Unreadable(storage_key, "it has no key");
  if (stored.fencing_token() == 0) return Unreadable(storage_key, "it has no fencing token");

  LeaseRecord lease;
  if (!GetExpire(stored, lease.spec.expire)) {
    return Unreadable(storage_key, "its expire is out of range");
  }
  if (stored.has_asked() && !GetExpire(stored.asked(), lease.asked.emplace().expire)) {
    return Unreadable(storage_key, "its original expire is out of range");
  }
  if (lease.asked.has_value() && lease.asked->expire == lease.spec.expire) {
    return Unreadable(storage_key, "its unchanged expire is stored twice");
  }
  lease.spec.key = std::move(key);
  lease.spec.lease_id = storage_key.substr(1);
  lease.spec.owner = std::move(*stored.mutable_owner());
  for (std::string& tag : *stored.mutable_tags()) lease.spec.tags.push_back(std::move(tag));
  lease.fencing_token = stored.fencing_token();
  lease.granted_at = WallTime{stored.granted_at_ns()};
  return lease;
}

// What leases have had since format 3.
absl::StatusOr<LeaseRecord> TakeLease(std::string_view storage_key, storage::v1::Lease& stored) {
  if (stored.parts_size() == 0) return Unreadable(storage_key, "it has no key");
  if (stored.parts_size() > 1) {
    return Unreadable(storage_key, "it has several keys, which this version does not support");
  }
  absl::StatusOr<LeaseRecord> lease =
      TakeLease(storage_key, *stored.mutable_parts(0)->mutable_key(), stored);
  if (!lease.ok()) return lease;
  if (stored.has_bound() && !stored.bound()) {
    return Unreadable(storage_key, "that it is not bound is stored");
  }
  lease->spec.bound = stored.bound();
  lease->principal = Principal(stored.principal());
  if (stored.has_max_hold_ns() && !GetSpan(stored.max_hold_ns(), lease->spec.max_hold)) {
    return Unreadable(storage_key, "its max_hold is out of range");
  }
  return lease;
}

absl::Status VisitLease(absl::StatusOr<LeaseRecord> lease, RecordVisitor& visitor) {
  if (lease.ok()) visitor.OnLease(*std::move(lease));
  return lease.status();
}

absl::Status VisitEnded(std::string_view storage_key, storage::v1::Cause stored,
                        RecordVisitor& visitor) {
  const std::optional<EndCause> cause = FromStored(stored);
  if (!cause.has_value()) return Unreadable(storage_key, "its cause is unknown");
  visitor.OnEnded(std::string(storage_key.substr(1)), *cause);
  return absl::OkStatus();
}

absl::Status DecodeId(std::string_view storage_key, std::string_view value,
                      RecordVisitor& visitor) {
  storage::v1::IdRecord stored;
  if (absl::Status status = ParseRecord(storage_key, value, stored); !status.ok()) return status;
  switch (stored.state_case()) {
    case storage::v1::IdRecord::kHeld:
      return VisitLease(TakeLease(storage_key, *stored.mutable_held()), visitor);
    case storage::v1::IdRecord::kEnded:
      return VisitEnded(storage_key, stored.ended(), visitor);
    case storage::v1::IdRecord::STATE_NOT_SET:
      break;
  }
  return Unreadable(storage_key, "it is neither held nor ended");
}

absl::Status DecodeTokens(std::string_view storage_key, std::string_view value,
                          RecordVisitor& visitor) {
  storage::v1::TokenRecord stored;
  if (absl::Status status = ParseRecord(storage_key, value, stored); !status.ok()) return status;
  if (stored.reserved_through() == 0) return Unreadable(storage_key, "it has no token");
  if (stored.reserved_through() > kMaxReservedThrough) {
    return Unreadable(storage_key, "its token is out of range");
  }
  visitor.OnReservedTokens(stored.reserved_through());
  return absl::OkStatus();
}

absl::Status DecodeOlderLease(std::string_view storage_key, std::string_view value,
                              RecordVisitor& visitor) {
  storage::v1::LeaseOfFormat2 stored;
  if (absl::Status status = ParseRecord(storage_key, value, stored); !status.ok()) return status;
  if (stored.lease_id() != storage_key.substr(1)) {
    return Unreadable(storage_key, "its lease_id differs from its storage key");
  }
  return VisitLease(TakeLease(storage_key, *stored.mutable_key(), stored), visitor);
}

absl::Status DecodeOlderEnded(std::string_view storage_key, std::string_view value,
                              RecordVisitor& visitor) {
  storage::v1::EndedOfFormat2 stored;
  if (absl::Status status = ParseRecord(storage_key, value, stored); !status.ok()) return status;
  return VisitEnded(storage_key, stored.cause(), visitor);
}

}  // namespace

absl::Status Unreadable(std::string_view storage_key, std::string_view why) {
  return absl::DataLossError(absl::StrCat(NameOf(storage_key), ": ", ToAbsl(why)));
}

std::string IdStorageKey(std::string_view lease_id) {
  std::string key;
  key.reserve(1 + lease_id.size());
  key.push_back(kIdPrefix);
  key.append(lease_id);
  return key;
}

std::string TokenStorageKey() { return std::string(1, kTokenKey); }

std::string EncodeLease(const LeaseRecord& lease) {
  storage::v1::IdRecord stored;
  storage::v1::Lease& held = *stored.mutable_held();
  held.add_parts()->set_key(lease.spec.key);
  held.set_fencing_token(lease.fencing_token);
  SetExpire(held, lease.spec.expire);
  if (lease.asked.has_value()) SetExpire(*held.mutable_asked(), lease.asked->expire);
  for (const std::string& tag : lease.spec.tags) held.add_tags(tag);
  held.set_owner(lease.spec.owner);
  held.set_granted_at_ns(static_cast<std::int64_t>(lease.granted_at));
  if (lease.principal.known()) held.set_principal(lease.principal.name());
  if (lease.spec.bound) held.set_bound(true);
  if (lease.spec.max_hold.has_value()) {
    held.set_max_hold_ns(static_cast<std::uint64_t>(lease.spec.max_hold->count()));
  }
  return stored.SerializeAsString();
}

std::string EncodeEnded(EndCause cause) {
  storage::v1::IdRecord stored;
  stored.set_ended(ToStored(cause));
  return stored.SerializeAsString();
}

std::string EncodeTokens(std::uint64_t through) {
  storage::v1::TokenRecord stored;
  stored.set_reserved_through(through);
  return stored.SerializeAsString();
}

absl::Status DecodeRecord(std::string_view storage_key, std::string_view value,
                          RecordVisitor& visitor) {
  if (HasPrefix(storage_key, kIdPrefix)) return DecodeId(storage_key, value, visitor);
  if (storage_key == TokenStorageKey()) return DecodeTokens(storage_key, value, visitor);
  return Unreadable(storage_key, "the kind of its storage key is unknown");
}

bool IsOfOlderFormat(std::string_view storage_key) {
  return HasPrefix(storage_key, kOlderLeasePrefix) || HasPrefix(storage_key, kOlderEndedPrefix);
}

absl::Status DecodeOlderRecord(std::string_view storage_key, std::string_view value,
                               RecordVisitor& visitor) {
  return HasPrefix(storage_key, kOlderLeasePrefix) ? DecodeOlderLease(storage_key, value, visitor)
                                                   : DecodeOlderEnded(storage_key, value, visitor);
}

}  // namespace holdfast
