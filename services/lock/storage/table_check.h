// Finds the damaged tables of a database that RocksDB refuses to open.
//
// RocksDB does not always name them. Where the properties or the footer of a table
// are damaged, its error speaks of the manifest, which is whole.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_TABLE_CHECK_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_TABLE_CHECK_H_

#include <string>

#include "rocksdb/options.h"

namespace holdfast {

// For a message: the paths of the tables in `directory` that cannot be read, each
// with the reason. Empty: all can. A table that was not finished, because the process
// died, is among them too, although the database does not need it.
std::string DamagedTables(const std::string& directory, const rocksdb::Options& options);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_TABLE_CHECK_H_
