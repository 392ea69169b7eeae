// Small files, read and changed so that a change is on the disk when the call
// returns, or the file is as it was. Stateless, and so thread-safe.
//
// Every error names the file and what the operating system said. Nothing is
// tried again after a failed sync: the kernel may have dropped the data, and a
// second sync would report success all the same.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_DURABLE_FILE_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_DURABLE_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace holdfast {

// The failed call's errno as a status: "cannot <action> <path>: <reason>".
absl::Status FileError(std::string_view action, const std::string& path, int error);

// The whole file. NOT_FOUND: there is none.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes `content` to `path` in one piece: another reader, or a crash, sees the
// old file or the new one. Uses `path` + ".tmp" on the way.
absl::Status ReplaceFile(const std::string& path, std::string_view content);

// Cuts the file off after `size` bytes.
absl::Status TruncateFile(const std::string& path, std::uint64_t size);

// Makes durable which files the directory holds, not what is in them.
absl::Status SyncDirectory(const std::string& path);

// Makes durable all that the file system of the directory holds, the directory's own
// name included. May take long, if others write much to it.
absl::Status SyncFileSystem(const std::string& path);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_DURABLE_FILE_H_
