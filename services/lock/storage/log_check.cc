#include "services/lock/storage/log_check.h"

#include <algorithm>
#include <optional>

#include "services/lock/storage/log_record.h"

namespace holdfast {
namespace {

// The smallest piece that a disk writes or does not write.
constexpr std::size_t kSectorSize = 512;

constexpr std::string_view kNotWritten = "a record is incomplete";

bool AllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// Whether the record `bad` may lack what the sector in which it begins was to hold
// of it: the bytes up to `end`, which are zero.
bool MayBeginUnwritten(std::string_view log, const LogRecord& bad, std::size_t end) {
  const std::size_t size = end - bad.begin;
  if (size >= kLogChecksumSize) return true;
  // The first bytes of a checksum may well be zero. If they are all that is
  // missing, the rest of the record has to be right.
  return bad.end > bad.begin && bad.end <= log.size() &&
         LogRecordFits(log, bad.begin, bad.end, size);
}

// Whether a sector between the beginning of the record `bad` and `limit` was not
// written. Hardly a commit ends in zero bytes, so the last sector of the log counts
// even if little of it belongs to the log.
bool HasUnwrittenSector(std::string_view log, const LogRecord& bad, std::size_t limit) {
  for (std::size_t sector = bad.begin; sector < limit;) {
    const std::size_t sector_end = (sector / kSectorSize + 1) * kSectorSize;
    const std::size_t end = std::min(log.size(), sector_end);
    if (end > limit) return false;  // It holds something that was written.
    const bool empty = AllZero(log.substr(sector, end - sector));
    if (empty && (sector != bad.begin || MayBeginUnwritten(log, bad, end))) return true;
    sector = end;
  }
  return false;
}

// The commits that begin behind a place.
struct CommitsBehind {
  std::size_t count = 0;
  std::size_t first = 0;  // Where the first of them begins; only if there are any.
};

// Behind the record `bad`, in the middle of which nothing is known about where records
// begin. If the log ends within it, what looks like a commit may be a part of what it
// says, which is chosen by clients, unless it would be valid if it ended there: then its
// length is wrong.
CommitsBehind FindCommitsBehind(std::string_view log, const LogRecord& bad) {
  const std::size_t offset = bad.begin;
  const bool may_be_content = bad.state == LogRecord::State::kCutShort && bad.end > bad.begin;
  CommitsBehind behind;
  const auto take = [&](const LogRecord& record) {
    if (record.begins_logical() && behind.count++ == 0) behind.first = record.begin;
  };
  const auto is_content = [&](std::size_t begin) {
    return may_be_content && behind.count == 0 &&
           (begin < bad.begin + kLogHeaderSize || !LogRecordFits(log, bad.begin, begin));
  };
  const std::size_t block_end = std::min(log.size(), offset + LogBlockRest(offset));
  for (std::size_t begin = offset + 1; begin + kLogHeaderSize <= block_end;) {
    const LogRecord record = ReadLogRecord(log, begin);
    const bool counts = record.valid() && !is_content(begin);
    if (counts) take(record);
    begin = counts ? record.end : begin + 1;
  }
  LogReader later_blocks(log, block_end);
  while (const std::optional<LogRecord> record = later_blocks.Next()) {
    if (record->valid()) {
      take(*record);
    } else {
      later_blocks.SkipBlock();
    }
  }
  return behind;
}

// Judges a log whose record `bad` is not valid.
LogVerdict JudgeBadRecord(std::string_view log, const LogRecord& bad, std::size_t whole_size,
                          std::size_t commits_per_sync) {
  using Kind = LogVerdict::Kind;
  LogVerdict verdict{Kind::kDamaged, whole_size, bad.begin, "the checksum of a record is wrong"};
  const CommitsBehind behind = FindCommitsBehind(log, bad);
  const std::size_t limit = behind.count == 0 ? log.size() : behind.first;
  const bool unwritten = HasUnwrittenSector(log, bad, limit);
  if (behind.count >= commits_per_sync || (behind.count > 0 && !unwritten)) {
    verdict.fault = "a record is damaged, and others follow";
    return verdict;
  }
  const bool cut_short = bad.state == LogRecord::State::kCutShort;
  const bool has_header = bad.end > bad.begin;
  if (behind.count == 0 && cut_short && has_header && LogRecordFits(log, bad.begin, log.size())) {
    verdict.fault = "the length of a record is wrong";
    return verdict;
  }
  if (cut_short || unwritten) {
    verdict.kind = Kind::kTorn;
    verdict.fault = kNotWritten;
    verdict.commits_behind = behind.count;
  }
  return verdict;
}

}  // namespace

LogVerdict CheckLog(std::string_view log, std::size_t commits_per_sync) {
  using Kind = LogVerdict::Kind;
  std::size_t whole_size = 0;  // Where the last logical record ended.
  bool within_logical = false;
  LogReader reader(log);
  while (const std::optional<LogRecord> record = reader.Next()) {
    if (record->state == LogRecord::State::kBadPadding) {
      return {Kind::kDamaged, whole_size, record->begin, "the padding of a block is not zero"};
    }
    if (!record->valid()) return JudgeBadRecord(log, *record, whole_size, commits_per_sync);
    if (record->begins_logical() == within_logical) {
      return {Kind::kDamaged, whole_size, record->begin, "the pieces of a record are out of order"};
    }
    within_logical = !record->ends_logical();
    if (!within_logical) whole_size = record->end;
  }
  if (whole_size == log.size()) return {Kind::kWhole, whole_size, whole_size, ""};
  // Some pieces of a record, or the padding before one, and then the end.
  return {Kind::kTorn, whole_size, whole_size, kNotWritten};
}

LogVerdict CheckWriteAheadLog(std::string_view log) {
  const LogVerdict verdict = CheckLog(log);
  const bool may_be_laid_out = log.size() % kLogLayoutUnit == 0;
  if (verdict.kind == LogVerdict::Kind::kWhole || !may_be_laid_out) return verdict;
  const std::size_t written = log.find_last_not_of('\0') + 1;  // 0: all of it is zero.
  // What an older version has written may end with a zero. It is whole all the same.
  return CheckLog(log.substr(0, std::max(written, verdict.whole_size)));
}

}  // namespace holdfast
