// RocksDB's errors as ours.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_STATUS_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_STATUS_H_

#include <string_view>

#include "absl/status/status.h"
#include "rocksdb/status.h"

namespace holdfast {

// "<action>: <what RocksDB said>". DATA_LOSS: the data is damaged.
// RESOURCE_EXHAUSTED: the disk is full. INTERNAL: anything else.
absl::Status FromRocksDb(std::string_view action, const rocksdb::Status& status);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_STATUS_H_
