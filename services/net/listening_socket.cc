#include "services/net/listening_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
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

absl::Status Bind(const ListenAddress& address, int fd) {
  if (bind(fd, SocketAddress(address), address.length) == 0) return absl::OkStatus();
  return CannotListen(address, errno);
}

absl::Status Listen(const ListenAddress& address, int fd) {
  if (listen(fd, SOMAXCONN) == 0) return absl::OkStatus();
  return CannotListen(address, errno);
}

// As gRPC spells it. `bound.length` is that of the name that the kernel has given.
std::string UnixAddressText(const ListenAddress& bound) {
  sockaddr_un name{};
  std::memcpy(&name, &bound.socket_address, sizeof(name));
  const std::string path(name.sun_path, bound.length - offsetof(sockaddr_un, sun_path));
  // An abstract name begins with a zero; a path ends with one.
  if (path.starts_with('\0')) return "unix-abstract:" + path.substr(1);
  return "unix:" + path.substr(0, path.find('\0'));
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
    return CannotListen(address, "the file there is not a socket");
  }
  const FileDescriptor probe = NewSocket(address);
  if (!probe.valid()) return CannotListen(address, errno);
  // EAGAIN: somebody listens, but has many to attend to.
  if (connect(probe.get(), SocketAddress(address), address.length) == 0 || errno == EAGAIN) {
    return CannotListen(address, "another server is listening there");
  }
  if (errno != ECONNREFUSED && errno != ENOENT) return CannotListen(address, errno);
  if (unlink(address.unix_path.c_str()) != 0 && errno != ENOENT) {
    return CannotListen(address, errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<gid_t> FindGroup(const ListenAddress& address) {
  const std::string& name = address.unix_group;
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(1'024);
  while (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == ERANGE) {
    buffer.resize(2 * buffer.size());
  }
  if (found != nullptr) return found->gr_gid;
  std::uint32_t number = 0;
  // The largest number stands for no change.
  if (absl::SimpleAtoi(name, &number) && number != std::numeric_limits<gid_t>::max()) {
    return number;
  }
  return CannotListen(address, absl::StrCat("there is no group \"", name, "\""));
}

// Gives the file its group and its mode. It is held by `fd`, opened with O_PATH, for
// its name might mean another one by now; of such a descriptor the mode can be changed
// only by way of /proc.
absl::Status SetRights(const ListenAddress& address, int fd, mode_t mode_now) {
  if (!address.unix_group.empty()) {
    const absl::StatusOr<gid_t> group = FindGroup(address);
    if (!group.ok()) return group.status();
    constexpr uid_t kSameOwner = -1;
    if (fchownat(fd, "", kSameOwner, *group, AT_EMPTY_PATH) != 0) {
      return CannotListen(address, absl::StrCat("cannot give it to the group ", address.unix_group,
                                                ": ", std::strerror(errno)));
    }
  }
  if ((mode_now & ALLPERMS) == address.unix_mode) return absl::OkStatus();
  if (chmod(absl::StrCat("/proc/self/fd/", fd).c_str(), address.unix_mode) == 0) {
    return absl::OkStatus();
  }
  return CannotListen(address, absl::StrCat("cannot set its mode: ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ListeningSocket>> ListeningSocket::Open(
    const ListenAddress& address) {
  std::unique_ptr<ListeningSocket> opened(new ListeningSocket());
  opened->set_principal(address.principal);
  opened->fd_ = NewSocket(address);
  if (!opened->fd_.valid()) return CannotListen(address, errno);
  absl::Status status = address.is_unix() ? opened->OpenUnix(address) : opened->OpenTcp(address);
  if (!status.ok()) return status;
  return opened;
}

absl::StatusOr<std::unique_ptr<ListeningSocket>> ListeningSocket::Adopt(FileDescriptor fd) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  ListenAddress bound;
  bound.length = sizeof(bound.socket_address);
  auto* const name = reinterpret_cast<sockaddr*>(&bound.socket_address);
  const bool is_socket = getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
                         listens != 0 && getsockname(fd.get(), name, &bound.length) == 0 &&
                         fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK) == 0;
  const sa_family_t family = bound.socket_address.ss_family;
  if (!is_socket || (family != AF_UNIX && family != AF_INET && family != AF_INET6)) {
    return absl::UnavailableError(
        absl::StrCat("descriptor ", fd.get(),
                     ", which was passed to this process, is no Unix or TCP socket that listens"));
  }
  std::unique_ptr<ListeningSocket> adopted(new ListeningSocket());
  adopted->is_unix_ = family == AF_UNIX;
  adopted->address_ =
      adopted->is_unix_ ? UnixAddressText(bound) : TcpAddressText(bound.socket_address);
  adopted->fd_ = std::move(fd);
  return adopted;
}

ListeningSocket::~ListeningSocket() {
  if (unix_path_.empty()) return;
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
  if (absl::Status status = Bind(address, fd()); !status.ok()) return status;
  if (absl::Status status = Listen(address, fd()); !status.ok()) return status;
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
  // The kernel makes the file with the socket's mode, less the umask: as a rule that is
  // all.
  if (fchmod(fd(), address.unix_mode) != 0) return CannotListen(address, errno);
  if (absl::Status status = Bind(address, fd()); !status.ok()) return status;
  const FileDescriptor file(open(address.unix_path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!file.valid() || fstat(file.get(), &found) != 0) return CannotListen(address, errno);
  if (!S_ISSOCK(found.st_mode)) return CannotListen(address, "its file has been replaced");
  is_unix_ = true;
  unix_path_ = address.unix_path;
  device_ = found.st_dev;
  inode_ = found.st_ino;
  address_ = address.text;
  absl::Status status = SetRights(address, file.get(), found.st_mode);
  return status.ok() ? Listen(address, fd()) : status;
}

}  // namespace holdfast
