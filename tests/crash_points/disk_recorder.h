// Writes down what this process does to the files of one folder, system call by
// system call, in the order in which it happens, whoever makes the calls: our own
// code, RocksDB and its threads, the standard library.
//
// It stands in front of the C library's functions: a program that links this has
// them replaced (see the end of the .cc file), and pays nothing for it while no
// recorder is there. So nothing that touches the disk has to be written so that it
// can be tested, and nothing can go past the recorder without a test noticing: the
// model of the disk (disk_model.h) that results from the journal must equal what is
// in the folder.
//
// Syncs are written down and not done, because a crash of the machine is what the
// model is for, and they are slow.
//
// Not recorded, because nobody does it to files that matter here: writing through
// memory maps, and through descriptors that were duplicated.

#ifndef HOLDFAST_TESTS_CRASH_POINTS_DISK_RECORDER_H_
#define HOLDFAST_TESTS_CRASH_POINTS_DISK_RECORDER_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tests/crash_points/disk_image.h"
#include "tests/crash_points/disk_operation.h"

namespace holdfast {

// Thread-safe. One at a time in a process.
class DiskRecorder {
 public:
  // Begins to record. The journal begins with operations that make `image`, durably.
  // REQUIRES: `image` is what is in the folder, and `folder` is absolute and has
  // neither symbolic links nor superfluous slashes in it.
  explicit DiskRecorder(std::string folder, const DiskImage& image = {});
  ~DiskRecorder();
  DiskRecorder(const DiskRecorder&) = delete;
  DiskRecorder& operator=(const DiskRecorder&) = delete;

  // How many operations there are by now.
  std::size_t position() const;

  // Ends the recording. Call it once.
  DiskJournal Stop();

 private:
  // The functions of the C library that were replaced.
  friend struct SystemCalls;

  void RecordContent(const DiskImage& image);
  // The path below the folder, if it is there. Empty: the folder itself.
  std::optional<std::string> PathBelow(int directory, const char* path) const;
  // What `fd` has open, if that is recorded.
  const OpenFile* Find(int fd) const;
  void Opened(int fd, std::string path);

  // All of it under the one lock of the .cc file, which each call that is recorded
  // holds from before it is done until it is written down.
  const std::string folder_;
  DiskJournal journal_;
  std::map<int, OpenFile> open_;
  std::uint64_t last_number_ = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_CRASH_POINTS_DISK_RECORDER_H_
