#include "services/lock/storage/durable_file.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/file_descriptor.h"

namespace holdfast {
namespace {

// A database's files hold lease ids, which are secrets.
constexpr mode_t kOwnerOnly = 0600;

absl::Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return FileError("write", path, errno);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FileError(std::string_view action, const std::string& path, int error) {
  return absl::ErrnoToStatus(
      error, absl::StrCat("cannot ", absl::string_view(action.data(), action.size()), " ", path));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return FileError("open", path, errno);
  std::string content;
  char buffer[64 * 1024];
  while (true) {
    const ssize_t got = read(file.get(), buffer, sizeof(buffer));
    if (got == 0) return content;
    if (got < 0) {
      if (errno == EINTR) continue;
      return FileError("read", path, errno);
    }
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

absl::Status ReplaceFile(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  const FileDescriptor file(
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly));
  if (!file.valid()) return FileError("create", temporary, errno);
  if (absl::Status status = WriteAll(file.get(), content, temporary); !status.ok()) return status;
  if (fsync(file.get()) != 0) return FileError("sync", temporary, errno);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return FileError("replace", path, errno);
  return SyncDirectory(std::filesystem::path(path).parent_path());
}

absl::Status TruncateFile(const std::string& path, std::uint64_t size) {
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return FileError("open", path, errno);
  if (ftruncate(file.get(), static_cast<off_t>(size)) != 0) {
    return FileError("truncate", path, errno);
  }
  if (fsync(file.get()) != 0) return FileError("sync", path, errno);
  return absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& path) {
  const std::string name = path.empty() ? "." : path;
  const FileDescriptor directory(open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return FileError("open", name, errno);
  if (fsync(directory.get()) != 0) return FileError("sync", name, errno);
  return absl::OkStatus();
}

absl::Status SyncFileSystem(const std::string& path) {
  const FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return FileError("open", path, errno);
  if (syncfs(directory.get()) != 0) return FileError("sync the file system of", path, errno);
  return absl::OkStatus();
}

}  // namespace holdfast
