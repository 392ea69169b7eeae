// Which files a database consists of, by their names.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_DATABASE_FILES_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_DATABASE_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast {

// The manifest that CURRENT names in `directory`. DATA_LOSS: CURRENT is missing or damaged,
// or what it names is missing.
absl::StatusOr<std::string> ManifestPath(const std::string& directory);

// The paths of the write-ahead logs, the oldest first. DATA_LOSS: there are none.
absl::StatusOr<std::vector<std::string>> WriteAheadLogs(const std::string& directory);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_DATABASE_FILES_H_
