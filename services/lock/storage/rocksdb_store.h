// The store on the disk: RocksDB in a data directory.
//
// Every commit is one write batch, which RocksDB appends to its write-ahead log
// and so writes whole or not at all. Between Open and the first commit nothing
// is trusted that has not been checked: see data_directory.h, database_check.h,
// sequence_filter.h and record_codec.h, in this order.
//
// Single-threaded, as LockStore says; RocksDB's own threads tidy up behind it.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_STORE_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_STORE_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/common/clock.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/storage/data_directory.h"
#include "services/lock/storage/sequence_filter.h"

namespace rocksdb {
class DB;
class Env;
}  // namespace rocksdb

namespace holdfast {

// What a commit survives.
enum class Durability {
  kSync,     // The loss of power: each commit waits for the disk.
  kProcess,  // The death of the process. After a loss of power the latest
             // commits may be missing, or the store may refuse to open; the
             // token high-water mark is synced all the same.
};

struct RocksDbStoreOptions {
  Durability durability = Durability::kSync;

  // Bounds the write-ahead log, which has to be read at every start, and how much
  // memory the latest changes take, in bytes. A commit of 512 grants is about
  // 100 KiB. Tests make it small, to see what happens when it is full; RocksDB
  // makes at least 64 KiB of it. With kSync the log is laid out by an eighth of it.
  std::size_t write_buffer_size = std::size_t{8} * 1024 * 1024;

  // Called when RocksDB has failed in the background, where no commit reports
  // it: from then on commits fail. Comes from one of RocksDB's threads, perhaps
  // more than once, perhaps before Open has returned; must not call the store,
  // and should end the process. May be empty.
  std::function<void(const absl::Status&)> on_background_error;

  // Where tests put faults between RocksDB and the disk. Null: nothing there.
  // Not owned.
  rocksdb::Env* env = nullptr;
};

class RocksDbStore : public LockStore {
 public:
  // Opens the database in `directory`, or makes it if there is none yet.
  // DATA_LOSS: the database is damaged; the message names the file where one is
  // known, or the record if it is one of an older format. RESOURCE_EXHAUSTED: the disk is full.
  // Otherwise what RocksDB or the operating system said.
  static absl::StatusOr<std::unique_ptr<RocksDbStore>> Open(
      std::unique_ptr<DataDirectory> directory, RocksDbStoreOptions options);

  // Syncs what was committed, whatever the durability, unless a commit has
  // failed; and gives the directory up.
  ~RocksDbStore() override;

  absl::Status Load(RecordVisitor& visitor) override;
  absl::Status Commit(const RecordBatch& batch) override;
  Duration LikelyWait(const RecordBatch& batch) const override;

 private:
  RocksDbStore(RocksDbStoreOptions options, std::unique_ptr<DataDirectory> directory);

  // Opens or makes the database, and raises its format if that is an older one. Called
  // once.
  absl::Status OpenDatabase();
  absl::Status Raise();

  bool MustSync(const RecordBatch& batch) const;

  // In the order of their construction: the database goes first.
  const RocksDbStoreOptions options_;
  const std::unique_ptr<DataDirectory> directory_;
  SequenceFilter sequence_filter_;
  std::unique_ptr<rocksdb::Env> laid_out_logs_;  // With kSync.
  std::unique_ptr<rocksdb::DB> db_;

  // That of the last commit that was synced. Of the first nobody knows.
  Duration synced_in_ = std::chrono::microseconds(1);

  // Whether a commit has failed, after which nothing is written or synced.
  bool failed_ = false;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_ROCKSDB_STORE_H_
