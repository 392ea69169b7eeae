#include "services/lock/storage/log_check.h"

#include <algorithm>

#include "services/lock/storage/log_record.h"

namespace holdfast {
namespace {

// The smallest piece that a disk writes or does not write.
constexpr std::size_t kSectorSize = 512;

constexpr std::string_view kNotWritten = "a record was not written to its end";

bool AllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// Whether a disk sector has no data behind the beginning of the record at
// `begin`. Commits do not end in zero bytes, so the last sector counts even if
// little of it belongs to the log. The first one counts only if it holds a whole
// header, in which the type is not zero; a piece of a checksum may well be.
bool HasUnwrittenSector(std::string_view log, std::size_t begin) {
  for (std::size_t sector = begin; sector < log.size();) {
    const std::size_t end = std::min(log.size(), (sector / kSectorSize + 1) * kSectorSize);
    const bool tells = sector != begin || end - begin >= kLogHeaderSize;
    if (tells && AllZero(log.substr(sector, end - sector))) return true;
    sector = end;
  }
  return false;
}

// Whether another commit begins behind `offset`, in the middle of which nothing
// is known about where records begin.
bool CommitBeginsBehind(std::string_view log, std::size_t offset) {
  const std::size_t block_end = offset + LogBlockRest(offset);
  for (std::size_t begin = offset + 1;
       begin + kLogHeaderSize <= block_end && begin + kLogHeaderSize <= log.size(); ++begin) {
    const LogRecord record = ReadLogRecord(log, begin);
    if (record.valid() && record.begins_logical()) return true;
  }
  // In later blocks the first record begins where the block does.
  for (std::size_t block = block_end; block < log.size(); block += kLogBlockSize) {
    const std::size_t end = std::min(log.size(), block + kLogBlockSize);
    for (std::size_t begin = block; begin + kLogHeaderSize <= end;) {
      const LogRecord record = ReadLogRecord(log, begin);
      if (!record.valid()) break;
      if (record.begins_logical()) return true;
      begin = record.end;
    }
  }
  return false;
}

// Judges a log whose record `bad` is not valid.
LogVerdict JudgeBadRecord(std::string_view log, const LogRecord& bad, std::size_t whole_size) {
  using Kind = LogVerdict::Kind;
  LogVerdict verdict{Kind::kDamaged, whole_size, bad.begin, "the checksum of a record is wrong"};
  if (CommitBeginsBehind(log, bad.begin)) {
    verdict.fault = "a record is wrong, and others follow";
    return verdict;
  }
  const bool has_header = bad.end > bad.begin;
  if (bad.state == LogRecord::State::kCutShort && has_header &&
      LogRecordFits(log, bad.begin, log.size())) {
    verdict.fault = "the length of a record is wrong";
    return verdict;
  }
  if (bad.state == LogRecord::State::kCutShort || HasUnwrittenSector(log, bad.begin)) {
    verdict.kind = Kind::kTorn;
    verdict.fault = kNotWritten;
  }
  return verdict;
}

}  // namespace

LogVerdict CheckLog(std::string_view log) {
  using Kind = LogVerdict::Kind;
  std::size_t whole_size = 0;  // Where the last logical record ended.
  bool within_logical = false;
  for (std::size_t offset = 0; offset < log.size();) {
    if (LogBlockRest(offset) < kLogHeaderSize) {
      const std::string_view padding = log.substr(offset, LogBlockRest(offset));
      if (!AllZero(padding)) {
        return {Kind::kDamaged, whole_size, offset, "the padding of a block is not zero"};
      }
      offset += padding.size();
      continue;
    }
    const LogRecord record = ReadLogRecord(log, offset);
    if (!record.valid()) return JudgeBadRecord(log, record, whole_size);
    if (record.begins_logical() == within_logical) {
      return {Kind::kDamaged, whole_size, offset, "the pieces of a record are out of order"};
    }
    within_logical = !record.ends_logical();
    offset = record.end;
    if (!within_logical) whole_size = offset;
  }
  if (whole_size == log.size()) return {Kind::kWhole, whole_size, whole_size, ""};
  // Some pieces of a record, or the padding before one, and then the end.
  return {Kind::kTorn, whole_size, whole_size, kNotWritten};
}

}  // namespace holdfast
