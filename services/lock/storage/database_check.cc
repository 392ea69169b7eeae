#include "services/lock/storage/database_check.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/common/log.h"
#include "services/lock/storage/durable_file.h"
#include "services/lock/storage/log_check.h"
#include "services/lock/storage/manifest.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

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

// Whether CURRENT may say this: "MANIFEST-", digits, and the end of the line.
bool IsManifestLine(std::string_view line) {
  constexpr std::string_view kPrefix = "MANIFEST-";
  if (!line.starts_with(kPrefix) || !line.ends_with('\n')) return false;
  const std::string_view digits = line.substr(kPrefix.size(), line.size() - kPrefix.size() - 1);
  return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

// The file that CURRENT names.
absl::StatusOr<std::string> ManifestPath(const std::string& directory) {
  const std::string current_path = directory + "/CURRENT";
  const absl::StatusOr<std::string> current = ReadFile(current_path);
  if (absl::IsNotFound(current.status())) {
    return absl::DataLossError(absl::StrCat(current_path, " is missing"));
  }
  if (!current.ok()) return current.status();
  if (!IsManifestLine(*current)) {
    return absl::DataLossError(absl::StrCat(current_path, " is damaged"));
  }
  const std::string name = current->substr(0, current->size() - 1);
  const std::string path = absl::StrCat(directory, "/", name);
  // Either may be the one that is wrong.
  if (std::error_code error; !fs::exists(path, error) && !error) {
    return absl::DataLossError(
        absl::StrCat(current_path, " names the file ", name, ", which does not exist"));
  }
  return path;
}

// The paths of the write-ahead logs, the oldest first.
absl::StatusOr<std::vector<std::string>> WriteAheadLogs(const std::string& directory) {
  std::vector<std::pair<std::uint64_t, std::string>> logs;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::uint64_t number = 0;
    if (entry->path().extension() == ".log" &&
        absl::SimpleAtoi(entry->path().stem().string(), &number)) {
      logs.emplace_back(number, entry->path());
    }
  }
  if (error) return FileError("list", directory, error.value());
  // RocksDB makes a new log before it deletes an old one, so there always is one.
  if (logs.empty()) {
    return absl::DataLossError(absl::StrCat(directory, " has no write-ahead log"));
  }
  std::sort(logs.begin(), logs.end());
  std::vector<std::string> paths;
  for (auto& [number, path] : logs) paths.push_back(std::move(path));
  return paths;
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
