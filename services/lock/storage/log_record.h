// The physical records of RocksDB's log format, in which it writes its
// write-ahead logs and its manifest.
//
// A log is a sequence of blocks of 32 KiB. A record is a header of seven bytes
// (checksum 4, length 2, type 1, little-endian) and its payload; it never crosses
// the end of a block. What is longer is split: one kFirst, any kMiddle, one
// kLast. Where less than a header fits into a block, the rest of it is zero.
//
// The checksum covers the type and the payload, but not the length, which is
// what makes the end of a log hard to judge (log_check.h).

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_LOG_RECORD_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_LOG_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast {

inline constexpr std::size_t kLogBlockSize = 32 * 1024;
inline constexpr std::size_t kLogHeaderSize = 7;
inline constexpr std::size_t kLogChecksumSize = 4;  // Where the header begins.

// RocksDB has more types, for options that the store does not use.
enum class LogRecordType : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct LogRecord {
  enum class State {
    kValid,
    kCutShort,    // The log ends within it.
    kDamaged,     // Its header is impossible or its checksum is wrong.
    kBadPadding,  // No record: the rest of a block is too short for one, and not zero.
  };
  State state{};

  // Where its header begins, and where its payload ends by its header. They are
  // the same if there is no whole header.
  std::size_t begin = 0;
  std::size_t end = 0;

  LogRecordType type{};  // Only if valid.

  bool valid() const { return state == State::kValid; }
  // Whether a logical record begins here, which may go on in later records.
  bool begins_logical() const {
    return type == LogRecordType::kFull || type == LogRecordType::kFirst;
  }
  bool ends_logical() const { return type == LogRecordType::kFull || type == LogRecordType::kLast; }

  // REQUIRES: valid, and `log` is where it was read.
  std::string_view PayloadIn(std::string_view log) const {
    return log.substr(begin + kLogHeaderSize, end - begin - kLogHeaderSize);
  }
};

// The bytes from `offset` to the end of its block.
constexpr std::size_t LogBlockRest(std::size_t offset) {
  return kLogBlockSize - offset % kLogBlockSize;
}

// Reads the record at `offset`. REQUIRES: a header fits into the rest of its
// block, and `offset` lies within the log.
LogRecord ReadLogRecord(std::string_view log, std::size_t offset);

// Whether the record at `offset` is valid if it is taken to end at `end`,
// whatever its header says, and if the first `unknown` bytes of its checksum are
// taken to be right. REQUIRES: its header lies before `end`; unknown <= 4.
bool LogRecordFits(std::string_view log, std::size_t offset, std::size_t end,
                   std::size_t unknown = 0);

// Goes through the records of a log, from one end to the next beginning, past the
// padding between blocks. Thread-compatible; the log must outlive it.
class LogReader {
 public:
  // From `offset` on, where a record begins, or a block.
  explicit LogReader(std::string_view log, std::size_t offset = 0) : log_(log), offset_(offset) {}

  // The next record, or nothing at the end of the log. What is not valid is returned
  // again and again: it does not tell where the next one begins.
  std::optional<LogRecord> Next();

  // Goes on where the next block begins, as a record always does there.
  void SkipBlock() { offset_ += LogBlockRest(offset_); }

 private:
  const std::string_view log_;
  std::size_t offset_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_LOG_RECORD_H_
