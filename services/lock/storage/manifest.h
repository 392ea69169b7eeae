// What a manifest of RocksDB tells of the database: a log whose commits are entries
// about its tables and logs.
//
// An entry is a list of fields: a tag (varint) and what belongs to it. Only the fields
// that RocksDB writes at the beginning of an entry are known here.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_MANIFEST_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_MANIFEST_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast {

// The number of the last change that is in a table. The write-ahead logs go on behind
// it. Nothing if no entry tells, or if it is not an entry.
//
// Pure. REQUIRES: `manifest` is whole (log_check.h).
std::optional<std::uint64_t> LastChangeInTables(std::string_view manifest);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_MANIFEST_H_
