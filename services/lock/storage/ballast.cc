#include "services/lock/storage/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "common/file_descriptor.h"
#include "services/common/log.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLeastShares = 8;  // Of the room, one of which the file takes.

std::string PathIn(const std::string& directory) { return directory + "/BALLAST"; }

// Bytes that the file system has for this process. 0: unknown.
std::uint64_t RoomIn(const std::string& directory) {
  std::error_code error;
  const fs::space_info space = fs::space(directory, error);
  return error ? 0 : space.available;
}

}  // namespace

void FreeBallastIfFull(const std::string& directory) {
  const std::string path = PathIn(directory);
  std::error_code error;
  const std::uint64_t room = RoomIn(directory);
  if (room >= kBallastBytes || !fs::exists(path, error)) return;
  if (!fs::remove(path, error) || error) return;
  Log(LogLevel::kWarning, "the disk is full: made room by removing the ballast file",
      {{"file", path}, {"room_before", room}, {"room_now", RoomIn(directory)}});
}

void KeepBallast(const std::string& directory) {
  const std::string path = PathIn(directory);
  struct stat existing {};
  // One that was cut short by a crash is not as large as it should be.
  if (stat(path.c_str(), &existing) == 0 && existing.st_size == static_cast<off_t>(kBallastBytes)) {
    return;
  }
  if (RoomIn(directory) < kLeastShares * kBallastBytes) return;
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return;
  if (const int failed = posix_fallocate(file.get(), 0, static_cast<off_t>(kBallastBytes))) {
    Log(LogLevel::kWarning, "cannot make the ballast file",
        {{"file", path}, {"error", std::generic_category().message(failed)}});
    unlink(path.c_str());
  }
}

}  // namespace holdfast
