// Passes RocksDB's errors to the log of the process, and its warnings at level
// debug, for they are about its speed or come back as an error's status. The rest
// of what it has to say is dropped.
//
// Without this RocksDB keeps a log in the data directory, and aborts the
// process when the disk is too full to go on with it. Thread-safe.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_LOGGER_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_LOGGER_H_

#include <cstdarg>

#include "rocksdb/env.h"

namespace holdfast {

class RocksDbLogger : public rocksdb::Logger {
 public:
  RocksDbLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;

  // For lines without a level, which are those about its settings.
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_LOGGER_H_
