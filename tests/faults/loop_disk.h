// An ext4 file system of its own for a test, on a loop device over a file, whose power
// can be cut.
//
// It is seen by the thread that makes it and by what that starts alone, and goes with
// them: the mount is in a namespace of its own, and the loop device frees itself when
// nothing uses it any more.

#ifndef HOLDFAST_TESTS_FAULTS_LOOP_DISK_H_
#define HOLDFAST_TESTS_FAULTS_LOOP_DISK_H_

#include <string>

#include "absl/status/status.h"
#include "tests/support/temp_dir.h"

namespace holdfast {

// Thread-compatible.
class LoopDisk {
 public:
  // Gives the thread a mount namespace. FAILED_PRECONDITION: this machine does not
  // allow what is needed; the message says what.
  absl::Status Make();

  // Attaches the file to a loop device and mounts it, which replays the journal.
  // FAILED_PRECONDITION: as of Make. REQUIRES: it is made, and not mounted.
  absl::Status Mount();

  // From here on nothing reaches the disk, as if the power had gone: not what is only
  // in memory, and not what the journal of the file system has not committed. The
  // calls of those who use it fail with EIO.
  absl::Status CutPower();

  // REQUIRES: nobody has a file open there.
  absl::Status Unmount();

  // Where it is mounted.
  std::string path() const { return folder_.path() + "/mount"; }

 private:
  std::string image() const { return folder_.path() + "/image"; }

  TempDir folder_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_FAULTS_LOOP_DISK_H_
