// The FORMAT file of a data directory: what the directory is, which version of
// the format it has, and whether its database has been completed.
//
//     holdfast data directory
//     format: 2
//     state: ready
//
// Read before anything else in the directory is touched, so that a version that
// does not understand the rest leaves it alone. Stateless, and so thread-safe.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_FORMAT_FILE_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_FORMAT_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace holdfast {

// Raised with every change to the keys, the records, or how they are read.
//   1: the first.
//   2: LeaseRecord.asked.
inline constexpr std::uint32_t kFormatVersion = 2;

enum class DirectoryState {
  // The database is being made. Nothing has been acknowledged from it.
  kCreating,
  // The database was completed once, and must be there from then on.
  kReady,
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

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_FORMAT_FILE_H_
