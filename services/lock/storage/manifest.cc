#include "services/lock/storage/manifest.h"

#include <cstddef>
#include <string>

#include "services/lock/storage/log_record.h"

namespace holdfast {
namespace {

enum Tag : std::uint64_t {
  kComparator = 1,
  kLogNumber = 2,
  kNextFileNumber = 3,
  kLastSequence = 4,
  kPreviousLogNumber = 9,
  kMinLogNumberToKeep = 10,
  kMaxColumnFamily = 203,
  kDatabaseId = (1 << 13) + 1,
};

// Takes a varint from the beginning of `bytes`: seven bits a byte, the lowest first.
std::optional<std::uint64_t> TakeVarint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> LastSequenceOf(std::string_view entry) {
  while (true) {
    const std::optional<std::uint64_t> tag = TakeVarint(entry);
    const std::optional<std::uint64_t> number = TakeVarint(entry);
    if (!tag.has_value() || !number.has_value()) return std::nullopt;
    switch (*tag) {
      case kLastSequence:
        return number;
      case kComparator:
      case kDatabaseId:  // Their number is the length of a text.
        if (*number > entry.size()) return std::nullopt;
        entry.remove_prefix(*number);
        break;
      case kLogNumber:
      case kNextFileNumber:
      case kPreviousLogNumber:
      case kMinLogNumberToKeep:
      case kMaxColumnFamily:
        break;
      default:  // What comes now is written behind the last sequence.
        return std::nullopt;
    }
  }
}

}  // namespace

std::optional<std::uint64_t> LastChangeInTables(std::string_view manifest) {
  std::optional<std::uint64_t> last;
  std::string entry;
  LogReader reader(manifest);
  while (const std::optional<LogRecord> record = reader.Next()) {
    if (!record->valid()) break;
    if (record->begins_logical()) entry.clear();
    entry += record->PayloadIn(manifest);
    if (!record->ends_logical()) continue;
    if (const auto sequence = LastSequenceOf(entry); sequence.has_value()) last = sequence;
  }
  return last;
}

}  // namespace holdfast
