#include "services/lock/storage/rocksdb_store.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/iterator.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"
#include "rocksdb/write_batch.h"
#include "services/common/log.h"
#include "services/lock/storage/database_check.h"
#include "services/lock/storage/laid_out_logs.h"
#include "services/lock/storage/raise_records.h"
#include "services/lock/storage/record_codec.h"
#include "services/lock/storage/rocksdb_options.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

// Passes background errors on. Thread-safe.
class BackgroundErrorListener : public rocksdb::EventListener {
 public:
  explicit BackgroundErrorListener(std::function<void(const absl::Status&)> on_error)
      : on_error_(std::move(on_error)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                         rocksdb::Status* error) override {
    if (on_error_) on_error_(FromRocksDb("RocksDB failed in the background", *error));
  }

  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*error*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  const std::function<void(const absl::Status&)> on_error_;
};

rocksdb::Status ReadTable(const std::string& path, const rocksdb::Options& options) {
  rocksdb::SstFileReader table(options);
  if (rocksdb::Status opened = table.Open(path); !opened.ok()) return opened;
  return table.VerifyChecksum();
}

// For a message: the paths of the tables in `directory` that cannot be read, each
// with the reason. Empty: all can. RocksDB does not always name them: where the
// properties or the footer of a table are damaged, its error speaks of the manifest,
// which is whole. A table that was not finished, because the process died, is among
// them too, although the database does not need it.
std::string DamagedTables(const std::string& directory, const rocksdb::Options& options) {
  std::set<std::string> paths;  // In the order of their age.
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".sst") paths.insert(entry->path());
  }
  std::string damaged;
  for (const std::string& path : paths) {
    const rocksdb::Status status = ReadTable(path, options);
    if (status.ok()) continue;
    absl::StrAppend(&damaged, damaged.empty() ? "" : "; ", path, ": ", status.ToString());
  }
  return damaged;
}

// Why the database in `path` cannot be opened, with the file that is to blame.
absl::Status OpenError(const std::string& path, const rocksdb::Options& options,
                       const rocksdb::Status& opened) {
  const absl::Status from_rocksdb =
      FromRocksDb(absl::StrCat("cannot open the database in ", path), opened);
  // Of a table that is missing RocksDB says how it was called in old versions.
  const absl::Status status(from_rocksdb.code(),
                            absl::StrReplaceAll(from_rocksdb.message(), {{".ldb", ".sst"}}));
  const std::string damaged = opened.IsCorruption() ? DamagedTables(path, options) : "";
  if (damaged.empty()) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), "; cannot be read: ", damaged));
}

std::string_view ToStringView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Adds a change to a write batch.
struct ChangeWriter {
  rocksdb::WriteBatch& batch;

  rocksdb::Status operator()(const PutLease& change) const {
    return batch.Put(IdStorageKey(change.lease.spec.lease_id), EncodeLease(change.lease));
  }
  rocksdb::Status operator()(const PutEnded& change) const {
    return batch.Put(IdStorageKey(change.lease_id), EncodeEnded(change.cause));
  }
  rocksdb::Status operator()(const DeleteEnded& change) const {
    return batch.Delete(IdStorageKey(change.lease_id));
  }
  rocksdb::Status operator()(const ReserveTokens& change) const {
    return batch.Put(TokenStorageKey(), EncodeTokens(change.through));
  }
};

}  // namespace

RocksDbStore::RocksDbStore(RocksDbStoreOptions options, std::unique_ptr<DataDirectory> directory)
    : options_(std::move(options)), directory_(std::move(directory)) {}

absl::StatusOr<std::unique_ptr<RocksDbStore>> RocksDbStore::Open(
    std::unique_ptr<DataDirectory> directory, RocksDbStoreOptions options) {
  std::unique_ptr<RocksDbStore> store(new RocksDbStore(std::move(options), std::move(directory)));
  if (absl::Status status = store->OpenDatabase(); !status.ok()) return status;
  return store;
}

absl::Status RocksDbStore::OpenDatabase() {
  const std::string path = directory_->database_path();
  const bool is_new = directory_->state() == DirectoryState::kCreating;
  rocksdb::Options options = StoreRocksDbOptions(options_.write_buffer_size);
  options.listeners.push_back(
      std::make_shared<BackgroundErrorListener>(options_.on_background_error));
  options.wal_filter = &sequence_filter_;
  if (options_.env != nullptr) options.env = options_.env;
  if (options_.durability == Durability::kSync) {
    laid_out_logs_ = EnvWithLaidOutLogs(options_.env, options_.write_buffer_size / 8);
    options.env = laid_out_logs_.get();
  }
  if (is_new) {
    options.create_if_missing = true;
    options.error_if_exists = true;
  } else {
    const absl::StatusOr<std::uint64_t> last_in_tables = CheckDatabase(path);
    if (!last_in_tables.ok()) return last_in_tables.status();
    sequence_filter_.ExpectAfter(*last_in_tables);
  }

  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(options, path, &db);
  db_.reset(db);
  if (!sequence_filter_.status().ok()) return sequence_filter_.status();
  if (!opened.ok()) return OpenError(path, options, opened);
  if (is_new) return directory_->MarkReady();
  return directory_->needs_raise() ? Raise() : absl::OkStatus();
}

absl::Status RocksDbStore::Raise() {
  if (absl::Status status = CheckBeforeRaise(*db_); !status.ok()) return status;
  Log(LogLevel::kInfo, "converting the data directory to a newer format",
      {{"format", std::uint64_t{kFormatVersion}}});
  if (absl::Status status = directory_->MarkRaising(); !status.ok()) return status;
  // Small beside what is kept in memory, so that tests see more than one.
  const absl::Status raised = RaiseRecords(*db_, options_.write_buffer_size / 16);
  failed_ = !raised.ok();
  return failed_ ? raised : directory_->MarkReady();
}

RocksDbStore::~RocksDbStore() {
  if (db_ == nullptr || failed_) return;
  if (const rocksdb::Status status = db_->SyncWAL(); !status.ok()) {
    Log(LogLevel::kWarning, "the last commits may not survive a power loss",
        {{"error", status.ToString()}});
  }
}

absl::Status RocksDbStore::Load(RecordVisitor& visitor) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;  // Read once and never again.
  const std::unique_ptr<rocksdb::Iterator> record(db_->NewIterator(options));
  for (record->SeekToFirst(); record->Valid(); record->Next()) {
    absl::Status status =
        DecodeRecord(ToStringView(record->key()), ToStringView(record->value()), visitor);
    if (!status.ok()) return status;
  }
  return FromRocksDb("cannot read the database", record->status());
}

// A token must never be granted twice, whatever else a power loss undoes. Marks are rare,
// so this costs nothing.
bool RocksDbStore::MustSync(const RecordBatch& batch) const {
  return options_.durability == Durability::kSync ||
         std::any_of(batch.begin(), batch.end(), [](const RecordChange& change) {
           return std::holds_alternative<ReserveTokens>(change);
         });
}

Duration RocksDbStore::LikelyWait(const RecordBatch& batch) const {
  return !batch.empty() && MustSync(batch) ? synced_in_ : Duration::zero();
}

absl::Status RocksDbStore::Commit(const RecordBatch& batch) {
  if (failed_) return absl::FailedPreconditionError("an earlier commit has failed");
  if (batch.empty()) return absl::OkStatus();
  rocksdb::WriteOptions options;
  options.sync = MustSync(batch);
  rocksdb::WriteBatch writes;
  for (const RecordChange& change : batch) {
    const rocksdb::Status status = std::visit(ChangeWriter{writes}, change);
    if (!status.ok()) return FromRocksDb("cannot encode a change", status);
  }
  const std::uint64_t began = db_->GetEnv()->NowNanos();
  const rocksdb::Status written = WriteCommit(*db_, options, writes);
  if (options.sync) synced_in_ = std::chrono::nanoseconds(db_->GetEnv()->NowNanos() - began);
  failed_ = !written.ok();
  return FromRocksDb("cannot commit", written);
}

}  // namespace holdfast
