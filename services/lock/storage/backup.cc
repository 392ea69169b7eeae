#include "services/lock/storage/backup.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/lock/storage/data_directory.h"
#include "services/lock/storage/database_copy.h"
#include "services/lock/storage/durable_file.h"
#include "services/lock/storage/rocksdb_store.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr char kMarker[] = "/BACKUP";
constexpr char kFormat[] = "/FORMAT";
constexpr char kDatabase[] = "/db";

// Where a restored database is made ready. Left over: a restore was interrupted.
constexpr char kRestoring[] = "restoring";

// A larger mark is taken for damage when it is read (record_codec.h).
constexpr std::uint64_t kMostTokens = std::uint64_t{1} << 63;

struct Collector final : public RecordVisitor {
  void OnLease(LeaseRecord lease) override {
    std::string lease_id = lease.spec.lease_id;
    records.leases.emplace(std::move(lease_id), std::move(lease));
  }
  void OnEnded(std::string lease_id, EndCause cause) override {
    records.ended.emplace(std::move(lease_id), cause);
  }
  void OnReservedTokens(std::uint64_t through) override { records.reserved_tokens = through; }

  StoredRecords records;
};

// A folder that is removed with all that is in it.
class Scratch {
 public:
  explicit Scratch(std::string path) : path_(std::move(path)) {}
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// Nobody else may look: lease_ids are secrets.
absl::Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(FileError("create", path, errno).message());
}

// The file that says what is in `path`: FORMAT, or BACKUP.
absl::StatusOr<std::string> ReadMarker(const std::string& path, const char* name) {
  absl::StatusOr<std::string> content = ReadFile(path + name);
  if (absl::IsNotFound(content.status())) {
    return absl::FailedPreconditionError(absl::StrCat(path, " has no file ", name + 1));
  }
  if (!content.ok()) return content;
  const absl::StatusOr<Format> format = ParseFormatFile(*content);
  if (!format.ok()) {
    return absl::Status(format.status().code(),
                        absl::StrCat(path, ": ", format.status().message()));
  }
  if (format->state != DirectoryState::kReady) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is not completed: start the server on it first"));
  }
  return content;
}

// Makes the data directory `to` of the database in `from`, whose format is that of `marker`.
absl::Status Assemble(const std::string& from, const std::string& marker, const std::string& to) {
  absl::Status status = MakeFolder(to);
  if (status.ok()) status = MakeFolder(to + kDatabase);
  if (status.ok()) status = CopyDatabase(from + kDatabase, to + kDatabase);
  if (status.ok()) status = ReplaceFile(to + kFormat, marker);
  return status;
}

absl::StatusOr<std::unique_ptr<RocksDbStore>> OpenStore(const std::string& path) {
  auto directory = DataDirectory::Open(path);
  if (!directory.ok()) return directory.status();
  return RocksDbStore::Open(*std::move(directory), {});
}

absl::StatusOr<StoredRecords> Load(RocksDbStore& store) {
  Collector collector;
  if (absl::Status status = store.Load(collector); !status.ok()) return status;
  return std::move(collector.records);
}

// Reads a copy that is made in `scratch`.
absl::StatusOr<StoredRecords> ReadCopy(const std::string& from, const std::string& marker,
                                       const std::string& scratch) {
  const Scratch folder(scratch);
  if (absl::Status status = Assemble(from, marker, scratch); !status.ok()) return status;
  const auto store = OpenStore(scratch);
  if (!store.ok()) return store.status();
  return Load(**store);
}

// Raises the token mark of the data directory, and returns it.
absl::StatusOr<std::uint64_t> RaiseTokens(const std::string& path) {
  const auto store = OpenStore(path);
  if (!store.ok()) return store.status();
  const absl::StatusOr<StoredRecords> records = Load(**store);
  if (!records.ok()) return records.status();
  const std::uint64_t mark = records->reserved_tokens.value_or(0) + kTokensSkippedByRestore;
  if (mark > kMostTokens) {
    return absl::FailedPreconditionError("there are no tokens left for another restore");
  }
  absl::Status status = (*store)->Commit({ReserveTokens{.through = mark}});
  if (!status.ok()) return status;
  return mark;
}

// Leaves `to` with nothing in it but what mkfs has put there.
absl::Status MakeEmpty(const std::string& to) {
  std::error_code error;
  if (!fs::exists(to, error)) return MakeFolder(to);
  fs::remove_all(to + "/" + kRestoring, error);
  for (fs::directory_iterator entry(to, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name == "lost+found") continue;
    return absl::InvalidArgumentError(absl::StrCat(to, " is not empty: it contains ", name));
  }
  return error ? FileError("list", to, error.value()) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<StoredRecords> BackUp(const std::string& from, const std::string& to) {
  const absl::StatusOr<std::string> marker = ReadMarker(from, kFormat);
  if (!marker.ok()) return marker.status();
  absl::Status status = MakeFolder(to);
  if (status.ok()) status = MakeFolder(to + kDatabase);
  if (status.ok()) status = CopyDatabase(from + kDatabase, to + kDatabase);
  if (!status.ok()) return status;
  absl::StatusOr<StoredRecords> records = ReadCopy(to, *marker, to + "/reading");
  if (!records.ok()) return records;
  status = ReplaceFile(to + kMarker, *marker);
  if (!status.ok()) return status;
  return records;
}

absl::StatusOr<StoredRecords> ReadStored(const std::string& path) {
  std::error_code error;
  const bool is_backup = fs::exists(path + kMarker, error);
  const absl::StatusOr<std::string> marker = ReadMarker(path, is_backup ? kMarker : kFormat);
  if (!marker.ok()) return marker.status();
  std::string folder = fs::temp_directory_path(error) / "holdfast-XXXXXX";
  if (error || mkdtemp(folder.data()) == nullptr) return FileError("create", folder, errno);
  const Scratch scratch(folder);
  return ReadCopy(path, *marker, folder + "/data");
}

absl::StatusOr<std::uint64_t> Restore(const std::string& from, const std::string& to) {
  const absl::StatusOr<std::string> marker = ReadMarker(from, kMarker);
  if (!marker.ok()) return marker.status();
  if (absl::Status status = MakeEmpty(to); !status.ok()) return status;
  const Scratch restoring(to + "/" + kRestoring);
  if (absl::Status status = Assemble(from, *marker, restoring.path()); !status.ok()) return status;
  const absl::StatusOr<std::uint64_t> mark = RaiseTokens(restoring.path());
  if (!mark.ok()) return mark;
  std::error_code error;
  fs::rename(restoring.path() + kDatabase, to + kDatabase, error);
  if (error) return FileError("rename", restoring.path() + kDatabase, error.value());
  if (absl::Status status = SyncFileSystem(to); !status.ok()) return status;
  // From here on it is a data directory.
  const std::string ready = FormatFileContent({.state = DirectoryState::kReady});
  if (absl::Status status = ReplaceFile(to + kFormat, ready); !status.ok()) return status;
  return mark;
}

}  // namespace holdfast
