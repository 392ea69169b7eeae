#include "services/lock/storage/database_check.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "services/common/log.h"
#include "services/lock/storage/database_files.h"
#include "services/lock/storage/durable_file.h"
#include "services/lock/storage/log_check.h"
#include "services/lock/storage/manifest.h"

namespace holdfast {
namespace {

// Into the manifest it writes at once that up to two full buffers have become
// tables, which log is the oldest it needs now, and what a merge has done.
constexpr std::size_t kCommitsPerManifestSync = 4;

// A log with a tail that is to be cut off: torn, or zeros that were laid out.
struct LogTail {
  std::string path;
  std::uint64_t size = 0;
  std::uint64_t whole_size = 0;
  bool torn = false;
};

absl::Status DamagedAt(const std::string& path, const LogVerdict& verdict) {
  return absl::DataLossError(
      absl::StrCat(path, " is damaged at byte ", verdict.fault_offset, ": ",
                   absl::string_view(verdict.fault.data(), verdict.fault.size())));
}

// `logs` are those which the database has beside the manifest. Returns what it tells of
// the last change in a table.
absl::StatusOr<std::uint64_t> CheckManifest(const std::string& path,
                                            const std::vector<std::string>& logs,
                                            std::vector<LogTail>& tails) {
  const absl::StatusOr<std::string> content = ReadFile(path);
  if (!content.ok()) return content.status();
  const LogVerdict verdict = CheckLog(*content, kCommitsPerManifestSync);
  // Several entries at once tell of a buffer that was written to a table. As long as
  // they are not synced, the log with the same changes is kept, beside the one
  // that was begun since. Without it they were synced, and damaged later.
  const bool may_be_torn = verdict.commits_behind == 0 || logs.size() > 1;
  if (verdict.kind == LogVerdict::Kind::kDamaged || !may_be_torn) return DamagedAt(path, verdict);
  const std::optional<std::uint64_t> last =
      LastChangeInTables(std::string_view(*content).substr(0, verdict.whole_size));
  if (!last.has_value()) {
    return absl::DataLossError(absl::StrCat(path, " does not list the contents of the tables"));
  }
  if (verdict.kind == LogVerdict::Kind::kTorn) {
    tails.push_back({path, content->size(), verdict.whole_size, true});
  }
  return *last;
}

absl::Status CheckLogFile(const std::string& path, bool newest, std::vector<LogTail>& tails) {
  const absl::StatusOr<std::string> content = ReadFile(path);
  if (!content.ok()) return content.status();
  // RocksDB syncs it in every commit, or else (durability `process`) nothing is promised for
  // the case of a power loss.
  const LogVerdict verdict = CheckWriteAheadLog(*content);
  const bool torn = verdict.kind == LogVerdict::Kind::kTorn;
  // A log is complete before the next one is begun.
  if (verdict.kind == LogVerdict::Kind::kDamaged || (torn && !newest)) {
    return DamagedAt(path, verdict);
  }
  if (verdict.whole_size < content->size()) {
    tails.push_back({path, content->size(), verdict.whole_size, torn});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::uint64_t> CheckDatabase(const std::string& directory) {
  std::vector<LogTail> tails;
  const absl::StatusOr<std::string> manifest = ManifestPath(directory);
  if (!manifest.ok()) return manifest.status();
  const absl::StatusOr<std::vector<std::string>> logs = WriteAheadLogs(directory);
  if (!logs.ok()) return logs.status();

  const absl::StatusOr<std::uint64_t> last_in_tables = CheckManifest(*manifest, *logs, tails);
  if (!last_in_tables.ok()) return last_in_tables.status();
  for (const std::string& path : *logs) {
    const bool newest = path == logs->back();
    if (absl::Status status = CheckLogFile(path, newest, tails); !status.ok()) return status;
  }

  for (const LogTail& tail : tails) {
    if (tail.torn) {
      Log(LogLevel::kWarning, "cutting off an incompletely written commit",
          {{"file", tail.path}, {"at", tail.whole_size}, {"bytes", tail.size - tail.whole_size}});
    }
    if (absl::Status status = TruncateFile(tail.path, tail.whole_size); !status.ok()) return status;
  }
  return last_in_tables;
}

}  // namespace holdfast
