// Examines the logs of a database before RocksDB opens it: its write-ahead logs,
// and the manifest that CURRENT names. Why RocksDB's own recovery is not enough,
// log_check.h says.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_DATABASE_CHECK_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_DATABASE_CHECK_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace holdfast {

// Cuts a torn tail off the newest write-ahead log and off the manifest, with a
// warning in the log of the process, and off any log what was laid out for more commits.
// Nothing of it was ever acknowledged. Afterwards all logs are whole. Returns the number of the
// last change that is in a table: what is in the logs has to follow it (sequence_filter.h).
//
// DATA_LOSS: a log is damaged or missing; the message names the file and where
// in it. Then nothing has been changed. Otherwise what the operating system said.
//
// REQUIRES: the database in `directory` was completed once, and nobody has it open.
absl::StatusOr<std::uint64_t> CheckDatabase(const std::string& directory);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_DATABASE_CHECK_H_
