#include "services/lock/storage/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/lock/storage/ballast.h"
#include "services/lock/storage/durable_file.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTitle = "holdfast data directory\nformat: ";

// What may lie in a directory that is still to be made ours: what an attempt
// that was cut short has left, and what mkfs puts into every new ext4 volume.
constexpr std::array<std::string_view, 3> kHarmless = {"LOCK", "FORMAT.tmp", "lost+found"};

std::string FormatPath(const std::string& directory) { return directory + "/FORMAT"; }

absl::Status InDirectory(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("data directory ", path, ": ", status.message()));
}

absl::Status RefuseUnlessEmpty(const std::string& path) {
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (std::find(kHarmless.begin(), kHarmless.end(), name) != kHarmless.end()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("it contains ", name, " but no FORMAT file, so it is not holdfast's or ",
                     "incomplete; nothing was changed"));
  }
  if (error) return FileError("list", path, error.value());
  return absl::OkStatus();
}

// What is in the directory, by looking only. Absent: it is empty.
absl::StatusOr<std::optional<Format>> Inspect(const std::string& path) {
  const absl::StatusOr<std::string> content = ReadFile(FormatPath(path));
  if (absl::IsNotFound(content.status())) {
    if (absl::Status status = RefuseUnlessEmpty(path); !status.ok()) return status;
    return std::optional<Format>();
  }
  if (!content.ok()) return content.status();
  const absl::StatusOr<Format> format = ParseFormatFile(*content);
  if (!format.ok()) return format.status();
  return std::optional<Format>(*format);
}

// Locks the directory. The lock belongs to the descriptor, so it goes with the
// process, however that ends.
absl::StatusOr<FileDescriptor> TakeLock(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return FileError("open", path, errno);
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return FileError("lock", path, errno);
  const absl::StatusOr<std::string> holder = ReadFile(path);
  const std::string pid(absl::StripAsciiWhitespace(holder.ok() ? *holder : ""));
  return absl::AlreadyExistsError(
      absl::StrCat("it is in use by process ", pid.empty() ? "(unknown)" : pid));
}

// For people and for the message above. Not synced: it means nothing after a
// power loss.
absl::Status WritePid(const FileDescriptor& file, const std::string& directory) {
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(file.get(), 0) != 0 ||
      pwrite(file.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return FileError("write", directory + "/LOCK", errno);
  }
  return absl::OkStatus();
}

absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return FileError("create", path, errno);
  // Even if it was there: an earlier process may have made it, and died before it was
  // durable.
  absl::Status synced = SyncDirectory(fs::path(path).parent_path());
  // Not everybody who may make names in a directory may open it, and not every file
  // system can sync one.
  if (absl::IsPermissionDenied(synced) || absl::IsInvalidArgument(synced)) {
    synced = SyncFileSystem(path);
  }
  return synced;
}

}  // namespace

std::string FormatFileContent(const Format& format) {
  std::string content(kTitle);
  content += std::to_string(format.version);
  switch (format.state) {
    case DirectoryState::kCreating:
      return content + "\nstate: creating\n";
    case DirectoryState::kReady:
      return content + "\nstate: ready\n";
    case DirectoryState::kRaising:
      return content + "\nstate: raising\n";
  }
  return content;
}

absl::StatusOr<Format> ParseFormatFile(std::string_view content) {
  for (std::uint32_t version = 1; version <= kFormatVersion; ++version) {
    for (const DirectoryState state : {DirectoryState::kReady, DirectoryState::kCreating}) {
      const Format format{.state = state, .version = version};
      if (content == FormatFileContent(format)) return format;
    }
  }
  constexpr Format kRaising{.state = DirectoryState::kRaising};
  if (content == FormatFileContent(kRaising)) return kRaising;
  // What follows the version may be of any shape if the version is newer.
  if (content.substr(0, kTitle.size()) == kTitle) {
    const std::string_view rest = content.substr(kTitle.size());
    std::uint32_t version = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), version);
    const bool ends_the_line = parsed.ptr != rest.data() + rest.size() && *parsed.ptr == '\n';
    if (parsed.ec == std::errc() && ends_the_line && version > kFormatVersion) {
      return absl::FailedPreconditionError(
          absl::StrCat("FORMAT says format ", version, ", but this version reads up to ",
                       kFormatVersion, "; nothing was changed: start a newer version"));
    }
  }
  return absl::DataLossError("FORMAT is damaged");
}

DataDirectory::DataDirectory(std::string path, FileDescriptor lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(const std::string& given_path) {
  if (given_path.empty())
    return absl::InvalidArgumentError("the path of the data directory is empty");
  // Without a slash at its end, so that it has a parent.
  const std::string path = given_path.substr(0, given_path.find_last_not_of('/') + 1);
  if (path.empty()) {
    return absl::FailedPreconditionError("data directory /: not in the root directory");
  }
  if (absl::Status status = MakeDirectory(path); !status.ok()) return InDirectory(path, status);

  // Looked at before the lock, because taking it makes a file; and again behind
  // it, because only then does nobody else change what is there.
  if (absl::Status status = Inspect(path).status(); !status.ok()) return InDirectory(path, status);
  absl::StatusOr<FileDescriptor> lock = TakeLock(path);
  if (!lock.ok()) return InDirectory(path, lock.status());
  const absl::StatusOr<std::optional<Format>> found = Inspect(path);
  if (!found.ok()) return InDirectory(path, found.status());
  // Before anything is written: that may need the room.
  FreeBallastIfFull(path);

  // So too with what FORMAT says: without it the next start might make a new database.
  if (absl::Status status = SyncDirectory(path); !status.ok()) return InDirectory(path, status);
  if (absl::Status status = WritePid(*lock, path); !status.ok()) return InDirectory(path, status);
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, *std::move(lock)));
  if (found->has_value() && (*found)->state != DirectoryState::kCreating) {
    directory->format_ = **found;
    if (std::error_code error; !fs::is_directory(directory->database_path(), error)) {
      return InDirectory(path, absl::DataLossError("its database, the directory db, is missing"));
    }
    return directory;
  }
  if (absl::Status status = directory->BeginCreating(); !status.ok()) {
    return InDirectory(path, status);
  }
  return directory;
}

absl::Status DataDirectory::BeginCreating() {
  const std::string content = FormatFileContent({.state = DirectoryState::kCreating});
  if (absl::Status status = ReplaceFile(FormatPath(path_), content); !status.ok()) return status;
  // An attempt that was cut short may have left a part of a database.
  std::error_code error;
  fs::remove_all(database_path(), error);
  if (error) return FileError("remove", database_path(), error.value());
  // RocksDB would let everybody look into it, and lease ids are secrets.
  return MakeDirectory(database_path());
}

absl::Status DataDirectory::Mark(DirectoryState state) {
  const Format format{.state = state};
  if (format == format_) return absl::OkStatus();
  // Syncs path_ as well, and with it the name of the database's directory.
  const std::string content = FormatFileContent(format);
  if (absl::Status status = ReplaceFile(FormatPath(path_), content); !status.ok()) {
    return InDirectory(path_, status);
  }
  format_ = format;
  return absl::OkStatus();
}

}  // namespace holdfast
