// Notices commits that are missing between others while RocksDB replays its
// write-ahead logs: from the end of a log that has a successor, or a whole log, be it
// the first one, whose commits would have followed what is in the tables.
//
// RocksDB numbers all changes without gaps, and each batch carries the number of
// its first change and how many it has. RocksDB itself does not compare them.
//
// Single-threaded: RocksDB calls it from within DB::Open.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_SEQUENCE_FILTER_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_SEQUENCE_FILTER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "rocksdb/wal_filter.h"

namespace holdfast {

class SequenceFilter : public rocksdb::WalFilter {
 public:
  // The tables hold all changes up to this one. REQUIRES: nothing was replayed yet.
  void ExpectAfter(std::uint64_t last_in_tables) {
    next_sequence_ = last_in_tables + 1;
    may_begin_earlier_ = true;
  }

  // DATA_LOSS once a batch did not follow its predecessor; names its log. RocksDB
  // reports no more than that the filter has refused.
  const absl::Status& status() const { return status_; }

  WalProcessingOption LogRecordFound(unsigned long long log_number,
                                     const std::string& log_file_name,
                                     const rocksdb::WriteBatch& batch,
                                     rocksdb::WriteBatch* new_batch, bool* batch_changed) override;
  const char* Name() const override { return "holdfast.SequenceFilter"; }

 private:
  std::optional<std::uint64_t> next_sequence_;  // Absent if nothing is known of it yet.
  // A log whose changes are in a table may still be there, and is replayed again.
  bool may_begin_earlier_ = false;
  absl::Status status_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_SEQUENCE_FILTER_H_
