// Lets RocksDB write its write-ahead logs over bytes that are on the disk already.
//
// An append makes a file longer, and the sync that follows has to write the file
// system's journal as well as the data. Over bytes that have been written before it
// writes the data alone, which takes a third less time. So a log is laid out with zeros,
// one step at a time: the commit that comes to the end of what is laid out first writes
// the zeros of the next step, and its own sync makes them durable.
//
// A log that was not closed therefore ends with zeros, up to one step of them
// (log_check.h). Closing it cuts them off. Where the disk has no room for zeros, a log
// goes on without them, and fails when there is none for the commits themselves.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_LAID_OUT_LOGS_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_LAID_OUT_LOGS_H_

#include <cstddef>
#include <memory>

#include "rocksdb/env.h"
#include "rocksdb/options.h"
#include "rocksdb/status.h"

namespace rocksdb {
class DB;
class WriteBatch;
}  // namespace rocksdb

namespace holdfast {

// As `env`, but it lays out each file named *.log by `step` bytes, which are rounded up to
// whole kLogLayoutUnits. `env` is not owned; null: RocksDB's default. Thread-safe as that
// is; a log is written by one thread at a time.
std::unique_ptr<rocksdb::Env> EnvWithLaidOutLogs(rocksdb::Env* env, std::size_t step);

// Writes `commit` to such a log, with a byte at its end by which it can be told from the
// zeros behind it. Adds to `commit`.
rocksdb::Status WriteCommit(rocksdb::DB& db, const rocksdb::WriteOptions& options,
                            rocksdb::WriteBatch& commit);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_LAID_OUT_LOGS_H_
