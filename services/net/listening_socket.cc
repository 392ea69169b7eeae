#include "services/net/listening_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

absl::Status CannotListen(const ListenAddress& address, const std::string& why) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address.text, ": ", why));
}

absl::Status CannotListen(const ListenAddress& address, int error) {
  return CannotListen(address, std::strerror(error));
}

const sockaddr* SocketAddress(const ListenAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.socket_address);
}

FileDescriptor NewSocket(const ListenAddress& address) {
  return FileDescriptor(
      socket(address.socket_address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

absl::Status BindAndListen(const ListenAddress& address, int fd) {
  if (bind(fd, SocketAddress(address), address.length) != 0 || listen(fd, SOMAXCONN) != 0) {
    return CannotListen(address, errno);
  }
  return absl::OkStatus();
}

// Lets one server at a time look at the socket files of a folder and replace
// them: otherwise two that start together could each find the old file, and the
// slower one would remove the socket of the faster. The lock is the returned
// descriptor. Without the right to read the folder there is none, which leaves
// that small chance.
FileDescriptor LockFolderOf(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  FileDescriptor folder(
      open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.valid()) {
    while (flock(folder.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  return folder;
}

// Removes the file of a server that is no more.
absl::Status MakeWay(const ListenAddress& address) {
  struct stat file {};
  if (lstat(address.unix_path.c_str(), &file) != 0) {
    // Where the folder is missing, bind says so.
    return absl::OkStatus();
  }
  if (!S_ISSOCK(file.st_mode)) {
    return CannotListen(address, "there is a file that is no socket");
  }
  const FileDescriptor probe = NewSocket(address);
  if (!probe.valid()) return CannotListen(address, errno);
  // EAGAIN: somebody listens, but has many to attend to.
  if (connect(probe.get(), SocketAddress(address), address.length) == 0 || errno == EAGAIN) {
    return CannotListen(address, "another server listens there");
  }
  if (errno != ECONNREFUSED && errno != ENOENT) return CannotListen(address, errno);
  if (unlink(address.unix_path.c_str()) != 0 && errno != ENOENT) {
    return CannotListen(address, errno);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ListeningSocket>> ListeningSocket::Open(
    const ListenAddress& address) {
  std::unique_ptr<ListeningSocket> opened(new ListeningSocket());
  opened->fd_ = NewSocket(address);
  if (!opened->fd_.valid()) return CannotListen(address, errno);
  absl::Status status = address.is_unix() ? opened->OpenUnix(address) : opened->OpenTcp(address);
  if (!status.ok()) return status;
  return opened;
}

ListeningSocket::~ListeningSocket() {
  if (!is_unix()) return;
  struct stat file {};
  if (lstat(unix_path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_) {
    unlink(unix_path_.c_str());
  }
}

absl::Status ListeningSocket::OpenTcp(const ListenAddress& address) {
  // Connections of the last server may linger without holding up this one.
  const int on = 1;
  if (setsockopt(fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) {
    return CannotListen(address, errno);
  }
  if (absl::Status status = BindAndListen(address, fd()); !status.ok()) return status;
  sockaddr_storage bound{};
  socklen_t length = sizeof(bound);
  if (getsockname(fd(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
    return CannotListen(address, errno);
  }
  address_ = TcpAddressText(bound);
  return absl::OkStatus();
}

absl::Status ListeningSocket::OpenUnix(const ListenAddress& address) {
  const FileDescriptor folder_lock = LockFolderOf(address.unix_path);
  if (absl::Status status = MakeWay(address); !status.ok()) return status;
  if (absl::Status status = BindAndListen(address, fd()); !status.ok()) return status;
  struct stat file {};
  if (lstat(address.unix_path.c_str(), &file) != 0) return CannotListen(address, errno);
  unix_path_ = address.unix_path;
  device_ = file.st_dev;
  inode_ = file.st_ino;
  address_ = address.text;
  return absl::OkStatus();
}

}  // namespace holdfast
