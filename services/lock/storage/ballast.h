// A file that holds room on the disk for the day on which there is none left.
//
// A server that stops because its disk is full could not start again: to open a database
// takes some room, and so does every release. So while there is room, a file in the data
// directory takes some of it, and a start that finds the disk full removes that file
// first. Then there is enough to show what is held and to let go of it, until somebody
// makes room; the next start after that makes the file again.
//
// Stateless, and so thread-safe.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_BALLAST_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_BALLAST_H_

#include <cstdint>
#include <string>

namespace holdfast {

// Enough to open a database, which may write what its log holds into a table of 8 MiB, and
// for some tens of thousands of releases.
inline constexpr std::uint64_t kBallastBytes = std::uint64_t{16} * 1024 * 1024;

// Removes the file in `directory`, if there is one and less room than it has.
// Says so in the log. REQUIRES: the caller has the directory.
void FreeBallastIfFull(const std::string& directory);

// Makes the file if it is missing and takes no more than an eighth of the room that there
// is. If that fails the log says so. REQUIRES: the caller has the directory.
void KeepBallast(const std::string& directory);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_BALLAST_H_
