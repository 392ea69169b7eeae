// Backups of a data directory.
//
//     BACKUP   what FORMAT says in a data directory; written last
//     db/      the database (database_copy.h)
//
// A backup is no data directory: a server that is started on it refuses it, for it would
// grant tokens again that were granted after the backup was made. Restore makes one of it,
// whose tokens begin far above all that can have been granted meanwhile.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_BACKUP_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_BACKUP_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/lock/engine/stored_records.h"

namespace holdfast {

// By how much a restored directory's tokens begin above those of the backup. At a million
// grants a second it takes twelve days to grant as many; and 64 bits have room for four
// million restores.
inline constexpr std::uint64_t kTokensSkippedByRestore = std::uint64_t{1} << 40;

// Copies what is in the data directory `from` to the new folder `to`, reads the copy from end
// to end, and returns what is in it. A server may use the directory; what it had acknowledged
// when this was called is in the backup.
//
// INVALID_ARGUMENT: `to` exists, or cannot be made. FAILED_PRECONDITION: `from` is no data
// directory, or one of an older format that no server has converted yet, or of a newer one.
// DATA_LOSS, ABORTED: as of CopyDatabase. Otherwise what the operating system said.
absl::StatusOr<StoredRecords> BackUp(const std::string& from, const std::string& to);

// All that is in a backup or in a data directory, which a server may use. Nothing of it is
// changed: a copy in the folder for temporary files is read. Errors are those of a start.
absl::StatusOr<StoredRecords> ReadStored(const std::string& path);

// Makes the data directory `to`, which must be empty or not exist, from a backup. Returns the
// token above which it will grant. If it is interrupted, `to` is no data directory, and a
// server refuses it.
//
// INVALID_ARGUMENT: `to` is not empty or cannot be made. FAILED_PRECONDITION: `from` is no
// backup, or of a newer format. DATA_LOSS: it is damaged. Otherwise what the operating system
// said.
absl::StatusOr<std::uint64_t> Restore(const std::string& from, const std::string& to);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_BACKUP_H_
