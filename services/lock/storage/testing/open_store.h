// For tests: opens a store in one step.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_OPEN_STORE_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_OPEN_STORE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "services/lock/storage/data_directory.h"
#include "services/lock/storage/rocksdb_store.h"

namespace holdfast {

// Takes the data directory at `path` and opens the store in it.
inline absl::StatusOr<std::unique_ptr<RocksDbStore>> OpenStore(const std::string& path,
                                                               RocksDbStoreOptions options = {}) {
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory = DataDirectory::Open(path);
  if (!directory.ok()) return directory.status();
  return RocksDbStore::Open(*std::move(directory), std::move(options));
}

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_OPEN_STORE_H_
