// Loaded into a server in front of the C library (LD_PRELOAD), this makes one fsync or
// fdatasync of it fail as a disk does that cannot write: the call returns EIO, what was
// written to the file since its last sync is gone, and the next sync succeeds. That is
// what Linux makes of a failed write, and why nobody may try again.
//
// In the environment:
//   HOLDFAST_SYNC_LOG    a file, to which every sync adds a line:
//                        "3 ok /path", or "4 failed /path" for the one that failed
//   HOLDFAST_FAIL_SYNC   the number of the sync that is to fail, from 1 on
//   HOLDFAST_FAIL_OF     absent, or how the paths end that are counted for that
//   HOLDFAST_SYNC_FOLDER a folder; what is in its files at the first sync had been synced

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <system_error>

namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class Syncs {
 public:
  Syncs() {
    if (fail_ == 0) return;
    namespace fs = std::filesystem;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(Variable("HOLDFAST_SYNC_FOLDER"), error), end;
         !error && entry != end; entry.increment(error)) {
      const std::string path = fs::canonical(entry->path());
      if (entry->is_regular_file()) synced_[path] = ReadContent(path);
    }
  }

  int Sync(long call, int fd) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::string path = PathOf(fd);
    const bool counts = fail_ != 0 && path.ends_with(of_) && IsRegularFile(fd);
    if (path.ends_with(of_) && ++counted_ == fail_) {
      if (counts) WriteContent(path, synced_[path]);
      Note("failed", path);
      errno = EIO;
      return -1;
    }
    const int result = static_cast<int>(syscall(call, fd));
    if (result == 0 && counts && counted_ < fail_) synced_[path] = ReadContent(path);
    Note("ok", path);
    return result;
  }

 private:
  static std::string PathOf(int fd) {
    char path[PATH_MAX];
    const ssize_t size =
        readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof(path));
    return size < 0 ? "" : std::string(path, static_cast<std::size_t>(size));
  }

  // Of a directory nothing can be taken back.
  static bool IsRegularFile(int fd) {
    struct stat file {};
    return fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
  }

  static std::string ReadContent(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  // In the same file: whoever has it open goes on with it.
  static void WriteContent(const std::string& path, const std::string& content) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    if (!(file << content).flush()) std::abort();
  }

  void Note(const char* result, const std::string& path) {
    if (log_ < 0) return;
    const std::string line = std::to_string(++noted_) + " " + result + " " + path + "\n";
    if (write(log_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
  }

  std::mutex mutex_;
  const long fail_ = std::atol(Variable("HOLDFAST_FAIL_SYNC").c_str());
  const std::string of_ = Variable("HOLDFAST_FAIL_OF");
  const int log_ =
      open(Variable("HOLDFAST_SYNC_LOG").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  std::map<std::string, std::string> synced_;  // What was in a file then, by path.
  long counted_ = 0;
  long noted_ = 0;
};

// Made at the first sync, and never destroyed: the process may sync until its end.
Syncs& TheSyncs() {
  static Syncs& syncs = *new Syncs;
  return syncs;
}

}  // namespace

extern "C" {

int fsync(int fd) { return TheSyncs().Sync(SYS_fsync, fd); }

int fdatasync(int fd) { return TheSyncs().Sync(SYS_fdatasync, fd); }

}  // extern "C"
