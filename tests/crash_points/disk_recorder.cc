#include "tests/crash_points/disk_recorder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <utility>
#include <vector>

namespace holdfast {
namespace {

// Both are ready before the first constructor of the program runs, which may well
// open a file. The C library's functions may be called from anywhere, so this is
// a plain std::mutex that the compiler cannot follow.
constinit std::mutex mutex;
constinit DiskRecorder* recorder = nullptr;

bool Exists(int directory, const char* path) {
  return syscall(SYS_faccessat, directory, path, F_OK) == 0;
}

}  // namespace

// What the replaced functions do. Each makes the real call itself, by its number.
// A call that is not about the folder goes on without the lock: it may block.
struct SystemCalls {
  using Lock = std::unique_lock<std::mutex>;

  static int Open(int directory, const char* path, int flags, mode_t mode) {
    Lock lock(mutex);
    const auto below = recorder == nullptr ? std::nullopt : recorder->PathBelow(directory, path);
    if (!below.has_value()) {
      lock.unlock();
      return static_cast<int>(syscall(SYS_openat, directory, path, flags, mode));
    }
    const bool existed = Exists(directory, path);
    const int fd = static_cast<int>(syscall(SYS_openat, directory, path, flags, mode));
    if (fd < 0) return fd;
    if (!existed) recorder->journal_.push_back(CreateOperation{*below});
    recorder->Opened(fd, *below);
    if (existed && (flags & O_TRUNC) != 0) {
      recorder->journal_.push_back(ResizeOperation{recorder->open_[fd], 0});
    }
    return fd;
  }

  static int Close(int fd) {
    Lock lock(mutex);
    // The number may be given out again as soon as it is closed.
    if (recorder != nullptr && recorder->open_.erase(fd) != 0) {
      return static_cast<int>(syscall(SYS_close, fd));
    }
    lock.unlock();
    return static_cast<int>(syscall(SYS_close, fd));
  }

  static ssize_t Write(int fd, const void* data, std::size_t size) {
    Lock lock(mutex);
    const OpenFile* file = recorder == nullptr ? nullptr : recorder->Find(fd);
    if (file == nullptr) {
      lock.unlock();
      return syscall(SYS_write, fd, data, size);
    }
    const ssize_t written = syscall(SYS_write, fd, data, size);
    if (written > 0) {
      // Whether it appends or not: the position is behind what was written.
      const off_t end = lseek(fd, 0, SEEK_CUR);
      AddWrite(*file, static_cast<std::uint64_t>(end - written), data, written);
    }
    return written;
  }

  static ssize_t WriteAt(int fd, const void* data, std::size_t size, off_t offset) {
    Lock lock(mutex);
    const OpenFile* file = recorder == nullptr ? nullptr : recorder->Find(fd);
    if (file == nullptr) {
      lock.unlock();
      return syscall(SYS_pwrite64, fd, data, size, offset);
    }
    const ssize_t written = syscall(SYS_pwrite64, fd, data, size, offset);
    if (written > 0) AddWrite(*file, static_cast<std::uint64_t>(offset), data, written);
    return written;
  }

  static int Resize(int fd, off_t size) {
    Lock lock(mutex);
    const int result = static_cast<int>(syscall(SYS_ftruncate, fd, size));
    const OpenFile* file = recorder == nullptr ? nullptr : recorder->Find(fd);
    if (result == 0 && file != nullptr) {
      recorder->journal_.push_back(ResizeOperation{*file, static_cast<std::uint64_t>(size)});
    }
    return result;
  }

  // `number` is that of fsync or fdatasync.
  static int Sync(long number, int fd) {
    Lock lock(mutex);
    const OpenFile* file = recorder == nullptr ? nullptr : recorder->Find(fd);
    if (file == nullptr) {
      lock.unlock();
      return static_cast<int>(syscall(number, fd));
    }
    recorder->journal_.push_back(SyncOperation{*file});
    return 0;
  }

  static int Rename(const char* from, const char* to) {
    const Lock lock(mutex);
    const int result = static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
    if (result != 0 || recorder == nullptr) return result;
    const auto from_below = recorder->PathBelow(AT_FDCWD, from);
    const auto to_below = recorder->PathBelow(AT_FDCWD, to);
    if (from_below.has_value() && to_below.has_value()) {
      recorder->journal_.push_back(RenameOperation{*from_below, *to_below});
    }
    return result;
  }

  static int Remove(int directory, const char* path, int flags) {
    Lock lock(mutex);
    const int result = static_cast<int>(syscall(SYS_unlinkat, directory, path, flags));
    if (result != 0 || recorder == nullptr) return result;
    if (const auto below = recorder->PathBelow(directory, path)) {
      recorder->journal_.push_back(RemoveOperation{*below});
    }
    return result;
  }

  static int MakeDirectory(const char* path, mode_t mode) {
    Lock lock(mutex);
    const int result = static_cast<int>(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
    if (result != 0 || recorder == nullptr) return result;
    if (const auto below = recorder->PathBelow(AT_FDCWD, path)) {
      recorder->journal_.push_back(MakeDirectoryOperation{*below});
    }
    return result;
  }

 private:
  static void AddWrite(const OpenFile& file, std::uint64_t offset, const void* data,
                       ssize_t written) {
    recorder->journal_.push_back(WriteOperation{
        file, offset,
        std::string(static_cast<const char*>(data), static_cast<std::size_t>(written))});
  }
};

DiskRecorder::DiskRecorder(std::string folder, const DiskImage& image)
    : folder_(std::move(folder)) {
  RecordContent(image);
  const std::lock_guard<std::mutex> lock(mutex);
  if (recorder != nullptr) {
    std::fputs("there is another DiskRecorder\n", stderr);
    std::abort();
  }
  recorder = this;
}

DiskRecorder::~DiskRecorder() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (recorder == this) recorder = nullptr;
}

std::size_t DiskRecorder::position() const {
  const std::lock_guard<std::mutex> lock(mutex);
  return journal_.size();
}

DiskJournal DiskRecorder::Stop() {
  const std::lock_guard<std::mutex> lock(mutex);
  recorder = nullptr;
  return std::move(journal_);
}

void DiskRecorder::RecordContent(const DiskImage& image) {
  if (image.empty()) return;
  std::vector<std::string> directories = {""};
  for (const auto& [path, content] : image) {
    if (path.ends_with('/')) {
      directories.push_back(path.substr(0, path.size() - 1));
      journal_.push_back(MakeDirectoryOperation{directories.back()});
      continue;
    }
    const OpenFile file{++last_number_, path};
    journal_.push_back(CreateOperation{path});
    journal_.push_back(OpenOperation{file});
    journal_.push_back(WriteOperation{file, 0, content});
    journal_.push_back(SyncOperation{file});
  }
  for (const std::string& path : directories) {
    const OpenFile directory{++last_number_, path};
    journal_.push_back(OpenOperation{directory});
    journal_.push_back(SyncOperation{directory});
  }
}

std::optional<std::string> DiskRecorder::PathBelow(int directory, const char* path) const {
  std::string whole = path;
  if (!whole.starts_with('/')) {
    const std::string link =
        directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(directory);
    char target[PATH_MAX];
    const ssize_t size = readlink(link.c_str(), target, sizeof(target));
    if (size <= 0) return std::nullopt;
    whole = std::string(target, static_cast<std::size_t>(size)) + "/" + whole;
  }
  whole = std::filesystem::path(whole).lexically_normal();
  if (whole.ends_with('/')) whole.pop_back();
  if (whole == folder_) return "";
  if (!whole.starts_with(folder_ + "/")) return std::nullopt;
  return whole.substr(folder_.size() + 1);
}

const OpenFile* DiskRecorder::Find(int fd) const {
  const auto found = open_.find(fd);
  return found == open_.end() ? nullptr : &found->second;
}

void DiskRecorder::Opened(int fd, std::string path) {
  const OpenFile file{++last_number_, std::move(path)};
  open_[fd] = file;
  journal_.push_back(OpenOperation{file});
}

}  // namespace holdfast

// The C library's functions, replaced for the whole program: these are found first,
// also by the shared libraries that call them.
extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  // What is read where nothing was passed is not used.
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return holdfast::SystemCalls::Open(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return holdfast::SystemCalls::Open(directory, path, flags, mode);
}

int close(int fd) { return holdfast::SystemCalls::Close(fd); }

ssize_t write(int fd, const void* data, size_t size) {
  return holdfast::SystemCalls::Write(fd, data, size);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  return holdfast::SystemCalls::WriteAt(fd, data, size, offset);
}

int ftruncate(int fd, off_t size) noexcept { return holdfast::SystemCalls::Resize(fd, size); }

int fsync(int fd) { return holdfast::SystemCalls::Sync(SYS_fsync, fd); }

int fdatasync(int fd) { return holdfast::SystemCalls::Sync(SYS_fdatasync, fd); }

int rename(const char* from, const char* to) noexcept {
  return holdfast::SystemCalls::Rename(from, to);
}

int unlink(const char* path) noexcept { return holdfast::SystemCalls::Remove(AT_FDCWD, path, 0); }

int unlinkat(int directory, const char* path, int flags) noexcept {
  return holdfast::SystemCalls::Remove(directory, path, flags);
}

// The standard library removes directories with it.
int remove(const char* path) noexcept {
  const int result = holdfast::SystemCalls::Remove(AT_FDCWD, path, 0);
  if (result == 0 || errno != EISDIR) return result;
  return holdfast::SystemCalls::Remove(AT_FDCWD, path, AT_REMOVEDIR);
}

int rmdir(const char* path) noexcept {
  return holdfast::SystemCalls::Remove(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char* path, mode_t mode) noexcept {
  return holdfast::SystemCalls::MakeDirectory(path, mode);
}

}  // extern "C"
