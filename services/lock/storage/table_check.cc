#include "services/lock/storage/table_check.h"

#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

rocksdb::Status ReadTable(const std::string& path, const rocksdb::Options& options) {
  rocksdb::SstFileReader table(options);
  if (rocksdb::Status opened = table.Open(path); !opened.ok()) return opened;
  return table.VerifyChecksum();
}

}  // namespace

std::string DamagedTables(const std::string& directory, const rocksdb::Options& options) {
  std::set<std::string> paths;  // In the order of their age.
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".sst") paths.insert(entry->path());
  }
  std::string damaged;
  for (const std::string& path : paths) {
    const rocksdb::Status status = ReadTable(path, options);
    if (status.ok()) continue;
    absl::StrAppend(&damaged, damaged.empty() ? "" : "; ", path, ": ", status.ToString());
  }
  return damaged;
}

}  // namespace holdfast
