#include "services/lock/storage/log_record.h"

#include <bit>

#include "services/lock/storage/crc32c.h"

namespace holdfast {
namespace {

constexpr std::size_t kLengthOffset = kLogChecksumSize;
constexpr std::size_t kTypeOffset = 6;

std::uint32_t ByteAt(std::string_view log, std::size_t offset) {
  return static_cast<unsigned char>(log[offset]);
}

std::uint32_t ReadChecksum(std::string_view log, std::size_t offset) {
  return ByteAt(log, offset) | ByteAt(log, offset + 1) << 8 | ByteAt(log, offset + 2) << 16 |
         ByteAt(log, offset + 3) << 24;
}

// RocksDB stores checksums in this form, so that a log within a log does not
// look like one.
std::uint32_t Mask(std::uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8; }

}  // namespace

bool LogRecordFits(std::string_view log, std::size_t offset, std::size_t end, std::size_t unknown) {
  const std::string_view covered = log.substr(offset + kTypeOffset, end - offset - kTypeOffset);
  const std::uint64_t differing = ReadChecksum(log, offset) ^ Mask(Crc32c(covered));
  return differing >> 8 * unknown == 0;
}

LogRecord ReadLogRecord(std::string_view log, std::size_t offset) {
  LogRecord record{.state = LogRecord::State::kCutShort, .begin = offset, .end = offset};
  if (log.size() - offset < kLogHeaderSize) return record;

  const std::size_t length =
      ByteAt(log, offset + kLengthOffset) | ByteAt(log, offset + kLengthOffset + 1) << 8;
  const std::uint32_t type = ByteAt(log, offset + kTypeOffset);
  const bool possible = type >= static_cast<std::uint32_t>(LogRecordType::kFull) &&
                        type <= static_cast<std::uint32_t>(LogRecordType::kLast) &&
                        kLogHeaderSize + length <= LogBlockRest(offset);
  record.end = offset + kLogHeaderSize + length;
  if (possible && record.end > log.size()) return record;
  if (!possible || !LogRecordFits(log, offset, record.end)) {
    record.state = LogRecord::State::kDamaged;
    return record;
  }
  record.state = LogRecord::State::kValid;
  record.type = static_cast<LogRecordType>(type);
  return record;
}

std::optional<LogRecord> LogReader::Next() {
  if (LogBlockRest(offset_) < kLogHeaderSize && offset_ < log_.size()) {
    const std::string_view padding = log_.substr(offset_, LogBlockRest(offset_));
    if (padding.find_first_not_of('\0') != std::string_view::npos) {
      return LogRecord{.state = LogRecord::State::kBadPadding, .begin = offset_, .end = offset_};
    }
    offset_ += padding.size();
  }
  if (offset_ >= log_.size()) return std::nullopt;
  const LogRecord record = ReadLogRecord(log_, offset_);
  if (record.valid()) offset_ = record.end;
  return record;
}

}  // namespace holdfast
