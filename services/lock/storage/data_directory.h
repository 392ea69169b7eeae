// The directory that a store keeps its data in, owned by one process at a time.
//
//     FORMAT   what the directory is, which version of the format it has, and whether
//              its database has been completed
//     LOCK     locked by the process that has the directory; holds its pid
//     db/      the database
//     BALLAST  room for the day on which the disk is full (ballast.h)
//
// FORMAT is three lines of text:
//
//     holdfast data directory
//     format: 3
//     state: ready
//
// It is read before anything else in the directory is touched, so that a version that
// does not understand the rest leaves it alone.
//
// Nothing is written to a directory before it is known to be ours: an empty one,
// or one whose FORMAT this version understands. The database is made between two
// writes of FORMAT, `creating` and `ready`, so that a database that has gone
// missing is never taken for one that was not made yet: a new one would begin
// the fencing tokens again at 1.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_DATA_DIRECTORY_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_DATA_DIRECTORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file_descriptor.h"

namespace holdfast {

// Raised when what is stored already has to be written or read in another way; a field
// more is no such change (records.proto).
//   1: the first.
//   2: the expire that was asked for at first.
//   3: one record for a lease_id, held or ended.
inline constexpr std::uint32_t kFormatVersion = 3;

enum class DirectoryState {
  // The database is being made. Nothing has been acknowledged from it.
  kCreating,
  // The database was completed once, and must be there from then on.
  kReady,
  // As kReady, and some of its records are still those of an older format.
  kRaising,
};

struct Format {
  DirectoryState state{};
  std::uint32_t version = kFormatVersion;

  bool operator==(const Format&) const = default;
};

std::string FormatFileContent(const Format& format);

// Reads this format and all older ones. FAILED_PRECONDITION: the format is newer
// than this version. DATA_LOSS: the file says something that no version has
// written. Messages speak of the file as "FORMAT"; the caller adds the directory.
absl::StatusOr<Format> ParseFormatFile(std::string_view content);

// Thread-compatible.
class DataDirectory {
 public:
  // Takes the directory for as long as the object lives, and makes it if its
  // parent exists. A directory that is refused is left as it was.
  //
  // ALREADY_EXISTS: another process has it; the message names both.
  // FAILED_PRECONDITION: it is of a newer format, or holds something else.
  // DATA_LOSS: FORMAT or the database is damaged or missing. Otherwise what the
  // operating system said. Every message names the directory.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(const std::string& path);

  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  // kCreating: there is no database yet, but an empty directory for it.
  DirectoryState state() const { return format_.state; }

  // Where the database is, or is to be made.
  std::string database_path() const { return path_ + "/db"; }

  // Whether the records of the database have to be raised to today's format: between
  // MarkRaising and MarkReady.
  bool needs_raise() const {
    return format_.state == DirectoryState::kRaising || format_.version < kFormatVersion;
  }

  // Notes durably that the database has been made, and is of today's format.
  absl::Status MarkReady() { return Mark(DirectoryState::kReady); }

  // Notes durably that it may have records of today's format and of an older one.
  absl::Status MarkRaising() { return Mark(DirectoryState::kRaising); }

 private:
  DataDirectory(std::string path, FileDescriptor lock);

  absl::Status Mark(DirectoryState state);

  // Brings a directory that is empty, or whose making was cut short, to kCreating.
  absl::Status BeginCreating();

  const std::string path_;
  const FileDescriptor lock_;  // Closing it gives the directory up.
  Format format_{.state = DirectoryState::kCreating};
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_DATA_DIRECTORY_H_
