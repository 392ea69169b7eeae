// How RocksDB is set up for the store: a small set of records that changes all
// the time, on which nothing is ever looked up after it has been loaded.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_OPTIONS_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_OPTIONS_H_

#include <cstddef>

#include "rocksdb/options.h"

namespace holdfast {

// The database must be there when it is opened with these; whoever makes it sets
// create_if_missing. Once there are `write_buffer_size` bytes of changes, RocksDB
// writes them to a table and begins a new log.
rocksdb::Options StoreRocksDbOptions(std::size_t write_buffer_size);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_OPTIONS_H_
