// What the fields of requests may hold. The API promises these to its clients
// (protos/holdfast/v1/lock_service.proto), so they are no flags.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_FIELD_LIMITS_H_
#define HOLDFAST_SERVICES_LOCK_RPC_FIELD_LIMITS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "services/common/clock.h"

namespace holdfast {

// Bytes of UTF-8.
inline constexpr std::size_t kMinKeyBytes = 1;
inline constexpr std::size_t kMaxKeyBytes = 512;
inline constexpr std::size_t kMaxOwnerBytes = 256;
inline constexpr std::size_t kMinTagBytes = 1;
inline constexpr std::size_t kMaxTagBytes = 128;

inline constexpr std::size_t kMaxTags = 16;

// Characters of [A-Za-z0-9._-]. The least is what 96 random bits need in
// base64, so that nobody can guess a lease_id.
inline constexpr std::size_t kMinLeaseIdBytes = 16;
inline constexpr std::size_t kMaxLeaseIdBytes = 64;

// A year, whether or not it is a leap year.
inline constexpr Duration kMaxExpire = std::chrono::days(366);
inline constexpr Duration kMaxMaxHold = std::chrono::days(366);
inline constexpr Duration kMaxTimeout = std::chrono::days(366);

// Shorter than any round trip to a disk, so that nobody is kept from anything
// useful.
inline constexpr Duration kMinExpire = std::chrono::milliseconds(1);
inline constexpr Duration kMinMaxHold = std::chrono::milliseconds(1);

// Locks in one answer of List: of the largest that there can be, 1000 fit into
// gRPC's usual limit of 4 MiB for an answer.
inline constexpr std::uint32_t kMaxPageSize = 1'000;
inline constexpr std::uint32_t kDefaultPageSize = 100;

// Operations in one message of a session, and leases in one page of its Attach: what
// fits into a message of the usual limit, so that each is a bounded piece of work.
inline constexpr int kMaxOperations = 1'024;
inline constexpr int kMaxListedLeases = 1'024;

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_FIELD_LIMITS_H_
