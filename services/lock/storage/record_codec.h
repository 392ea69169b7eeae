// The records of the domain as they are on the disk: a key and a value each.
// docs/on-disk.md lists the keys, records.proto the values.
//
// Decoding is strict. Whatever reads wrongly here has either been damaged or was
// written by a version that meant something else, and a lock service must not
// guess what a lease used to say. Stateless, and so thread-safe.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_RECORD_CODEC_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_RECORD_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/lock_store.h"

namespace holdfast {

// DATA_LOSS, of a record: the message names it by the first byte of its key and the
// CRC-32C of the rest, which is a secret, and says why.
absl::Status Unreadable(std::string_view storage_key, std::string_view why);

// The disk's keys: of what is known of a lease_id, whether it is held or has ended, and
// of the token mark.
std::string IdStorageKey(std::string_view lease_id);
std::string TokenStorageKey();

// The disk's values. EncodeLease REQUIRES: an expire that is present is positive.
std::string EncodeLease(const LeaseRecord& lease);
std::string EncodeEnded(EndCause cause);
std::string EncodeTokens(std::uint64_t through);

// Hands the record to the method of `visitor` that is for its kind. Unreadable: it
// cannot be read, and the visitor was not called.
absl::Status DecodeRecord(std::string_view storage_key, std::string_view value,
                          RecordVisitor& visitor);

// Whether the record has a key that formats 1 and 2 had and later ones do not.
bool IsOfOlderFormat(std::string_view storage_key);

// As DecodeRecord. REQUIRES: IsOfOlderFormat.
absl::Status DecodeOlderRecord(std::string_view storage_key, std::string_view value,
                               RecordVisitor& visitor);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_RECORD_CODEC_H_
