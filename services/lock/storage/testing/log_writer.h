// Writes logs as RocksDB does, from its description in log_record.h, for tests of
// what reads them.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_LOG_WRITER_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_LOG_WRITER_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "services/lock/storage/crc32c.h"
#include "services/lock/storage/log_record.h"

namespace holdfast {

// Thread-compatible.
class LogWriter {
 public:
  // A whole record, in as many pieces as it needs.
  void Add(std::string payload) {
    bool first = true;
    do {
      if (LogBlockRest(log_.size()) < kLogHeaderSize) {
        log_.append(LogBlockRest(log_.size()), '\0');
      }
      const std::size_t room = LogBlockRest(log_.size()) - kLogHeaderSize;
      const std::string piece = payload.substr(0, room);
      payload.erase(0, piece.size());
      const bool last = payload.empty();
      AddPiece(first ? (last ? LogRecordType::kFull : LogRecordType::kFirst)
                     : (last ? LogRecordType::kLast : LogRecordType::kMiddle),
               piece);
      first = false;
    } while (!payload.empty());
    ends_.push_back(log_.size());
  }

  // One piece, whether or not it makes sense there.
  void AddPiece(LogRecordType type, const std::string& piece) {
    const std::string covered = static_cast<char>(type) + piece;
    const std::uint32_t checksum = std::rotr(Crc32c(covered), 15) + 0xa282ead8;
    for (int shift = 0; shift < 32; shift += 8) {
      log_.push_back(static_cast<char>(checksum >> shift));
    }
    log_.push_back(static_cast<char>(piece.size()));
    log_.push_back(static_cast<char>(piece.size() >> 8));
    log_ += covered;
  }

  const std::string& log() const { return log_; }

  // Where the last record that ends at or before `size` ends.
  std::size_t WholeSize(std::size_t size) const {
    const auto behind = std::upper_bound(ends_.begin(), ends_.end(), size);
    return behind == ends_.begin() ? 0 : *std::prev(behind);
  }
  // Where the last `count` records begin; padding before them counts as their own.
  // REQUIRES: there are so many.
  std::size_t LastBegin(std::size_t count = 1) const {
    return count == ends_.size() ? 0 : ends_[ends_.size() - 1 - count];
  }
  std::size_t count() const { return ends_.size(); }

 private:
  std::string log_;
  std::vector<std::size_t> ends_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_LOG_WRITER_H_
