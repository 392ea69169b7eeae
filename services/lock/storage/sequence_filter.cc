#include "services/lock/storage/sequence_filter.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/write_batch.h"

namespace holdfast {
namespace {

// A batch begins with its sequence number: eight bytes, little-endian. RocksDB
// has checked that they are there.
std::uint64_t SequenceOf(const rocksdb::WriteBatch& batch) {
  std::uint64_t sequence = 0;
  for (std::size_t i = 8; i-- > 0;) {
    sequence = sequence << 8 | static_cast<unsigned char>(batch.Data()[i]);
  }
  return sequence;
}

}  // namespace

rocksdb::WalFilter::WalProcessingOption SequenceFilter::LogRecordFound(
    unsigned long long /*log_number*/, const std::string& log_file_name,
    const rocksdb::WriteBatch& batch, rocksdb::WriteBatch* /*new_batch*/, bool* /*batch_changed*/) {
  const std::uint64_t sequence = SequenceOf(batch);
  const bool begins_earlier = std::exchange(may_begin_earlier_, false) && sequence < next_sequence_;
  if (next_sequence_.has_value() && sequence != *next_sequence_ && !begins_earlier) {
    status_ =
        absl::DataLossError(absl::StrCat("commits are missing before change ", sequence, " in ",
                                         log_file_name, ": expected change ", *next_sequence_));
    return WalProcessingOption::kCorruptedRecord;
  }
  next_sequence_ = sequence + batch.Count();
  return WalProcessingOption::kContinueProcessing;
}

}  // namespace holdfast
