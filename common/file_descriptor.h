// Owns a file descriptor and closes it. Move-only. Thread-compatible.

#ifndef HOLDFAST_COMMON_FILE_DESCRIPTOR_H_
#define HOLDFAST_COMMON_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace holdfast {

class FileDescriptor {
 public:
  FileDescriptor() = default;

  // Takes `fd` over. Negative, as system calls return it on failure: nothing.
  explicit FileDescriptor(int fd) : fd_(fd) {}

  ~FileDescriptor() { Reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    Reset();
    fd_ = other.Release();
    return *this;
  }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

  // Gives it up without closing it.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

  void Reset() {
    if (valid()) close(Release());
  }

 private:
  int fd_ = -1;
};

}  // namespace holdfast

#endif  // HOLDFAST_COMMON_FILE_DESCRIPTOR_H_
