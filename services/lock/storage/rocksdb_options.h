// How RocksDB is set up for the store: a small set of records that changes all
// the time, on which nothing is ever looked up after it has been loaded. And its errors
// as ours. Stateless, and so thread-safe.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_OPTIONS_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_OPTIONS_H_

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "rocksdb/options.h"
#include "rocksdb/status.h"

namespace holdfast {

// The database must be there when it is opened with these; whoever makes it sets
// create_if_missing. Once there are `write_buffer_size` bytes of changes, RocksDB
// writes them to a table and begins a new log.
//
// What RocksDB has to say of errors goes to the log of the process, and its warnings at
// level debug, for they are about its speed or come back as an error's status.
rocksdb::Options StoreRocksDbOptions(std::size_t write_buffer_size);

// "<action>: <what RocksDB said>". DATA_LOSS: the data is damaged.
// RESOURCE_EXHAUSTED: the disk is full. INTERNAL: anything else.
absl::Status FromRocksDb(std::string_view action, const rocksdb::Status& status);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_OPTIONS_H_
