#include "tests/faults/loop_disk.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/file_descriptor.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"

namespace holdfast {
namespace {

constexpr off_t kSize = off_t{32} << 20;

// From the kernel's fs/ext4/ext4.h; there is no header of it for programs.
constexpr unsigned long kExt4Shutdown = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t kWithoutFlushingTheJournal = 2;

absl::Status Failed(const std::string& what) {
  return absl::FailedPreconditionError(absl::StrCat(what, ": ", std::strerror(errno)));
}

absl::Status MakeFileSystem(const std::string& image) {
  const FileDescriptor file(open(image.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid() || ftruncate(file.get(), kSize) != 0) return Failed("make " + image);
  const absl::StatusOr<std::unique_ptr<ChildProcess>> mkfs =
      ChildProcess::Start({.argv = {"/sbin/mkfs.ext4", "-q", "-F", "-J", "size=4", image},
                           .stderr_path = image + ".log"});
  if (!mkfs.ok()) return mkfs.status();
  const auto ended = (*mkfs)->WaitForExit(kWaitLimit);
  if (ended == ExitStatus{.code = 0}) return absl::OkStatus();
  return absl::FailedPreconditionError("/sbin/mkfs.ext4 failed (Debian package e2fsprogs)");
}

// The path of a free loop device. Another process may take it first.
absl::StatusOr<std::string> FreeLoopDevice() {
  const FileDescriptor control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control.valid()) return Failed("open /dev/loop-control");
  const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
  if (number < 0) return Failed("get a free loop device");
  return absl::StrCat("/dev/loop", number);
}

}  // namespace

absl::Status LoopDisk::Make() {
  if (unshare(CLONE_NEWNS) != 0) return Failed("unshare");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return Failed("mount");
  if (mkdir(path().c_str(), 0700) != 0) return Failed("make " + path());
  return MakeFileSystem(image());
}

absl::Status LoopDisk::Mount() {
  const FileDescriptor file(open(image().c_str(), O_RDWR | O_CLOEXEC));
  if (!file.valid()) return Failed("open " + image());
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(file.get());
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const absl::StatusOr<std::string> device = FreeLoopDevice();
    if (!device.ok()) return device.status();
    const FileDescriptor loop(open(device->c_str(), O_RDWR | O_CLOEXEC));
    if (!loop.valid()) return Failed("open " + *device);
    if (ioctl(loop.get(), LOOP_CONFIGURE, &config) != 0) {
      if (errno == EBUSY) continue;
      return Failed("configure " + *device);
    }
    if (mount(device->c_str(), path().c_str(), "ext4", 0, nullptr) != 0) {
      return Failed("mount " + *device);
    }
    return absl::OkStatus();
  }
  return Failed("no loop device stays free");
}

absl::Status LoopDisk::CutPower() {
  const FileDescriptor root(open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return Failed("open " + path());
  std::uint32_t how = kWithoutFlushingTheJournal;
  if (ioctl(root.get(), kExt4Shutdown, &how) != 0) return Failed("shut the file system down");
  return absl::OkStatus();
}

absl::Status LoopDisk::Unmount() {
  if (umount2(path().c_str(), 0) != 0) return Failed("unmount");
  return absl::OkStatus();
}

}  // namespace holdfast
