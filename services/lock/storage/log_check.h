// Whether a log is whole, has a torn tail, or is damaged.
//
// RocksDB cannot tell the last two apart. The length of a record is under no
// checksum, so a damaged length that points past the end of the log looks like
// a record that was being written when the process died, and RocksDB drops it
// without a word, with everything behind it. A run of zeros it skips in the same
// way. Conversely it refuses the tail that a power loss leaves when the length of
// the file reached the disk and some of its sectors did not.
//
// So the store judges its logs itself, by what a write that was cut short can
// leave behind and damage to finished data does not:
//
//  - Few commits are written between two syncs: to a write-ahead log one, to a
//    manifest some that belong together. So behind a torn record there may be
//    further pieces of the same commit, but never the beginnings of more others.
//  - A write that stopped early ends before its record does. The bytes that are
//    there are right, so the record is not one that would be valid if it ended
//    where the log ends.
//  - A power loss leaves sectors that were never written. What they were to hold
//    reads as zeros, and what they had held before is still there.
//
// Everything else is damage: a commit that was acknowledged may be among it.
// What this cannot see is a log that was cut off exactly between two commits, or
// whose last commits were replaced by zeros.
//
// Write-ahead logs are laid out with zeros before commits are written over them
// (laid_out_logs.h). Where a write into such a log stopped early, zeros follow instead of
// the end of the file. So the log is judged without them, as if it ended where the
// last byte is that is not zero; for this every commit ends with such a byte.
//
// Pure functions.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_LOG_CHECK_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_LOG_CHECK_H_

#include <cstddef>
#include <string_view>

namespace holdfast {

struct LogVerdict {
  enum class Kind { kWhole, kTorn, kDamaged };
  Kind kind = Kind::kWhole;

  // The log is whole up to here: where a torn tail has to be cut off.
  std::size_t whole_size = 0;

  // Of a log that is not whole: where the first bad record begins, and what is
  // wrong with it.
  std::size_t fault_offset = 0;
  std::string_view fault;

  // How many commits begin behind the torn one. They were written without a sync
  // in between, so that they too are to be cut off.
  std::size_t commits_behind = 0;
};

// At most `commits_per_sync` commits are written to the log between two syncs.
LogVerdict CheckLog(std::string_view log, std::size_t commits_per_sync = 1);

// A log that is laid out has this many bytes or a multiple of it.
inline constexpr std::size_t kLogLayoutUnit = 4096;

// The same for a write-ahead log, laid out or not. If it is whole up to where nothing but
// zeros that were laid out is left, it is kWhole, and its whole_size is less than its size.
LogVerdict CheckWriteAheadLog(std::string_view log);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_LOG_CHECK_H_
