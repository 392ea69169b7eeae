#include "services/lock/storage/rocksdb_logger.h"

#include <cstdio>
#include <string_view>

#include "services/common/log.h"

namespace holdfast {

void RocksDbLogger::Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
  char text[1024];  // What is longer is cut off.
  std::vsnprintf(text, sizeof(text), format, arguments);
  std::string_view line(text);
  while (line.ends_with('\n')) line.remove_suffix(1);
  const bool is_error = level > rocksdb::InfoLogLevel::WARN_LEVEL;
  Log(is_error ? LogLevel::kError : LogLevel::kDebug, "RocksDB", {{"text", line}});
}

}  // namespace holdfast
