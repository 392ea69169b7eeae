#include "services/lock/storage/rocksdb_options.h"

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "rocksdb/memtablerep.h"
#include "rocksdb/utilities/table_properties_collectors.h"
#include "services/common/log.h"

namespace holdfast {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;

// Drops what is not worth a line. Without a logger RocksDB keeps a log in the data
// directory, and aborts the process when the disk is too full to go on with it.
// Thread-safe.
class RocksDbLogger : public rocksdb::Logger {
 public:
  RocksDbLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    char text[1024];  // What is longer is cut off.
    std::vsnprintf(text, sizeof(text), format, arguments);
    std::string_view line(text);
    while (line.ends_with('\n')) line.remove_suffix(1);
    const bool is_error = level > rocksdb::InfoLogLevel::WARN_LEVEL;
    Log(is_error ? LogLevel::kError : LogLevel::kDebug, "RocksDB", {{"text", line}});
  }

  // For lines without a level, which are those about its settings.
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

void RefuseSilentLoss(rocksdb::Options& options) {
  // The logs have been made whole before (database_check.h), so anything that
  // RocksDB still finds in them is damage.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  options.paranoid_checks = true;
  options.create_if_missing = false;
  // RocksDB would retry a failed flush by itself. After a failed sync nobody
  // knows what is on the disk, so the process stops instead.
  options.max_bgerror_resume_count = 0;
  // The file of options is of no use to us, but a sync that fails is a disk that fails.
  options.fail_if_options_file_error = true;
}

// Almost every record is deleted minutes after it was put. Deletions vanish only
// when they are merged into the lowest level, so there is to be just that one
// beside the newest files, until the data outgrows kLowestLevelSize; a million
// ended ids are some 50 MiB.
void KeepDeletionsFew(rocksdb::Options& options) {
  constexpr std::uint64_t kLowestLevelSize = 128 * kMiB;
  options.max_write_buffer_number = 3;
  options.level_compaction_dynamic_level_bytes = true;
  options.max_bytes_for_level_base = kLowestLevelSize;
  // A file in which every second entry deletes something is merged without
  // waiting for others. The window only has to be large enough to be fair.
  options.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(1024, 512, 0.5));
  // Ids are random; there is little to squeeze.
  options.compression = rocksdb::kNoCompression;
}

// Nothing is looked up among the latest changes: they are written to a table, or
// read back from the log. So they need not be kept in order, which would take
// most of the time of a commit; they are sorted once, when the table is written.
void KeepChangesUnsorted(rocksdb::Options& options) {
  options.memtable_factory = std::make_shared<rocksdb::VectorRepFactory>();
  options.allow_concurrent_memtable_write = false;  // It cannot; there is one writer.
}

void UseFewFilesAndThreads(rocksdb::Options& options) {
  options.max_background_jobs = 2;  // One thread writes new files, one merges.
  options.max_file_opening_threads = 1;
  options.max_manifest_file_size = kMiB;
  // No thread that wakes up for statistics: an idle server does nothing.
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log = std::make_shared<RocksDbLogger>();
}

}  // namespace

rocksdb::Options StoreRocksDbOptions(std::size_t write_buffer_size) {
  rocksdb::Options options;
  options.write_buffer_size = write_buffer_size;
  RefuseSilentLoss(options);
  KeepDeletionsFew(options);
  KeepChangesUnsorted(options);
  UseFewFilesAndThreads(options);
  return options;
}

absl::Status FromRocksDb(std::string_view action, const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::StatusCode code = absl::StatusCode::kInternal;
  if (status.IsCorruption()) code = absl::StatusCode::kDataLoss;
  if (status.IsNoSpace()) code = absl::StatusCode::kResourceExhausted;
  return absl::Status(
      code, absl::StrCat(absl::string_view(action.data(), action.size()), ": ", status.ToString()));
}

}  // namespace holdfast
