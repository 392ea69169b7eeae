// Owns a file descriptor and closes it. Move-only. Thread-compatible.

#ifndef HOLDFAST_CLIENTS_CLI_FILE_DESCRIPTOR_H_
#define HOLDFAST_CLIENTS_CLI_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace holdfast::cli {

class FileDescriptor {
 public:
  FileDescriptor() = default;

  // Takes `fd` over. Negative, as system calls return it on failure: nothing.
  explicit FileDescriptor(int fd) : fd_(fd) {}

  ~FileDescriptor() { Reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    Reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

  void Reset() {
    if (valid()) close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_FILE_DESCRIPTOR_H_
