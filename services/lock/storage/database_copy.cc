#include "services/lock/storage/database_copy.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "services/lock/storage/database_files.h"
#include "services/lock/storage/durable_file.h"
#include "services/lock/storage/log_check.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

// A server under the highest load begins a log some times a second, and an attempt takes
// some hundredths.
constexpr int kMostAttempts = 200;

std::string NameOf(const std::string& path) { return fs::path(path).filename(); }

// By which a table that was being written is told from the finished one.
using FileState = std::pair<std::uintmax_t, fs::file_time_type>;

class Copier {
 public:
  Copier(const std::string& from, const std::string& to, const CopyOptions& options)
      : from_(from), to_(to), options_(options) {}

  // False: the database has changed meanwhile.
  absl::StatusOr<bool> TryOnce() {
    const absl::StatusOr<std::string> manifest = ManifestPath(from_);
    if (!manifest.ok()) return Again(manifest.status());
    const absl::StatusOr<std::string> content = ReadFile(*manifest);
    if (absl::IsNotFound(content.status())) return Again(content.status());
    if (!content.ok()) return content.status();
    const auto logs = WriteAheadLogs(from_);
    if (!logs.ok()) return Again(logs.status());

    const absl::StatusOr<bool> has_tables = CopyTables();
    if (!has_tables.ok() || !*has_tables) return has_tables;
    std::vector<std::string> read;
    for (const std::string& log : *logs) {
      absl::StatusOr<std::string> bytes = ReadFile(log);
      if (absl::IsNotFound(bytes.status())) return false;
      if (!bytes.ok()) return bytes.status();
      read.push_back(*std::move(bytes));
    }
    if (options_.before_check) options_.before_check();

    const auto manifest_now = ManifestPath(from_);
    const auto logs_now = WriteAheadLogs(from_);
    if (!manifest_now.ok() || *manifest_now != *manifest) return false;
    if (!logs_now.ok() || *logs_now != *logs) return false;
    const absl::StatusOr<std::string> content_now = ReadFile(*manifest);
    if (!content_now.ok() || *content_now != *content) return false;

    // What was read while it was written may have a hole in it.
    const LogVerdict newest = CheckWriteAheadLog(read.back());
    if (newest.kind == LogVerdict::Kind::kDamaged) {
      return Again(absl::DataLossError(
          absl::StrCat(logs->back(), " is damaged at byte ", newest.fault_offset)));
    }
    read.back().resize(newest.whole_size);
    return WriteAll(*manifest, *content, *logs, read);
  }

  // What was wrong in the latest attempt that found anything wrong.
  const absl::Status& wrong() const { return wrong_; }

 private:
  // What looks wrong may have been about to change.
  bool Again(const absl::Status& wrong) {
    wrong_ = wrong;
    return false;
  }

  // Those that have been copied before and are as they were need no second look. False: one
  // has gone meanwhile.
  absl::StatusOr<bool> CopyTables() {
    std::set<std::string> there;
    std::error_code error;
    for (fs::directory_iterator entry(from_, error), end; !error && entry != end;
         entry.increment(error)) {
      if (entry->path().extension() == ".sst") there.insert(entry->path().filename());
    }
    if (error) return FileError("list", from_, error.value());
    std::erase_if(copied_, [&](const auto& copied) {
      if (there.contains(copied.first)) return false;
      std::error_code ignored;
      fs::remove(to_ + "/" + copied.first, ignored);
      return true;
    });
    for (const std::string& name : there) {
      const fs::path path = from_ + "/" + name;
      const FileState state(fs::file_size(path, error), fs::last_write_time(path, error));
      if (!error && copied_.contains(name) && copied_[name] == state) continue;
      copied_[name] = state;
      if (!error) {
        fs::copy_file(path, to_ + "/" + name, fs::copy_options::overwrite_existing, error);
      }
      if (error == std::errc::no_such_file_or_directory) return false;
      if (error) return FileError("copy", path, error.value());
    }
    return true;
  }

  absl::StatusOr<bool> WriteAll(const std::string& manifest, const std::string& content,
                                const std::vector<std::string>& logs,
                                const std::vector<std::string>& read) {
    for (std::size_t i = 0; i < logs.size(); ++i) {
      absl::Status written = ReplaceFile(to_ + "/" + NameOf(logs[i]), read[i]);
      if (!written.ok()) return written;
    }
    absl::Status written = ReplaceFile(to_ + "/" + NameOf(manifest), content);
    if (written.ok()) written = ReplaceFile(to_ + "/CURRENT", NameOf(manifest) + "\n");
    // The tables too.
    if (written.ok()) written = SyncFileSystem(to_);
    if (!written.ok()) return written;
    return true;
  }

  const std::string from_;
  const std::string to_;
  const CopyOptions& options_;
  std::map<std::string, FileState> copied_;
  absl::Status wrong_;
};

}  // namespace

absl::Status CopyDatabase(const std::string& from, const std::string& to,
                          const CopyOptions& options) {
  Copier copier(from, to, options);
  for (int i = 0; i < kMostAttempts; ++i) {
    const absl::StatusOr<bool> copied = copier.TryOnce();
    if (!copied.ok()) return copied.status();
    if (*copied) return absl::OkStatus();
  }
  if (!copier.wrong().ok()) return copier.wrong();
  return absl::AbortedError(absl::StrCat(from, " has changed during each of ", kMostAttempts,
                                         " attempts to copy it; try again under less load"));
}

}  // namespace holdfast
