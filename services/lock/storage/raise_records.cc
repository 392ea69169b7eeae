#include "services/lock/storage/raise_records.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "rocksdb/iterator.h"
#include "rocksdb/options.h"
#include "rocksdb/write_batch.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/storage/laid_out_logs.h"
#include "services/lock/storage/record_codec.h"
#include "services/lock/storage/rocksdb_options.h"

namespace holdfast {
namespace {

std::string_view ToStringView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Calls `visit` for each record until it fails.
absl::Status ForEach(
    rocksdb::DB& db,
    const std::function<absl::Status(std::string_view key, std::string_view value)>& visit) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> record(db.NewIterator(options));
  for (record->SeekToFirst(); record->Valid(); record->Next()) {
    absl::Status status = visit(ToStringView(record->key()), ToStringView(record->value()));
    if (!status.ok()) return status;
  }
  return FromRocksDb("cannot read the database", record->status());
}

// Notices a lease_id that comes twice.
class OncePerId final : public RecordVisitor {
 public:
  void OnLease(LeaseRecord lease) override { Add(std::move(lease.spec.lease_id)); }
  void OnEnded(std::string lease_id, EndCause /*cause*/) override { Add(std::move(lease_id)); }
  void OnReservedTokens(std::uint64_t /*through*/) override {}

  bool violated() const { return violated_; }

 private:
  void Add(std::string lease_id) { violated_ |= !seen_.insert(std::move(lease_id)).second; }

  absl::flat_hash_set<std::string> seen_;
  bool violated_ = false;
};

// Adds what it visits to a commit, as it is to be stored today.
class Rewriter final : public RecordVisitor {
 public:
  explicit Rewriter(rocksdb::WriteBatch& commit) : commit_(commit) {}

  void OnLease(LeaseRecord lease) override { Put(lease.spec.lease_id, EncodeLease(lease)); }
  void OnEnded(std::string lease_id, EndCause cause) override { Put(lease_id, EncodeEnded(cause)); }
  void OnReservedTokens(std::uint64_t /*through*/) override {}  // Of no older format.

  const rocksdb::Status& status() const { return status_; }

 private:
  void Put(const std::string& lease_id, const std::string& value) {
    status_ = commit_.Put(IdStorageKey(lease_id), value);
  }

  rocksdb::WriteBatch& commit_;
  rocksdb::Status status_;
};

}  // namespace

absl::Status CheckBeforeRaise(rocksdb::DB& db) {
  OncePerId ids;
  return ForEach(db, [&](std::string_view key, std::string_view value) {
    const absl::Status status =
        IsOfOlderFormat(key) ? DecodeOlderRecord(key, value, ids) : DecodeRecord(key, value, ids);
    if (status.ok() && ids.violated()) {
      return Unreadable(key, "its lease id has another record too, held or ended");
    }
    return status;
  });
}

absl::Status RaiseRecords(rocksdb::DB& db, std::size_t commit_size) {
  rocksdb::WriteBatch commit;
  const auto write = [&] {
    rocksdb::WriteOptions options;
    options.sync = true;
    const rocksdb::Status written = WriteCommit(db, options, commit);
    commit.Clear();
    return FromRocksDb("cannot convert the records", written);
  };
  // It goes through the database as it was at first.
  const absl::Status status = ForEach(db, [&](std::string_view key, std::string_view value) {
    if (!IsOfOlderFormat(key)) return absl::OkStatus();
    Rewriter rewriter(commit);
    if (absl::Status read = DecodeOlderRecord(key, value, rewriter); !read.ok()) return read;
    rocksdb::Status added = rewriter.status();
    if (added.ok()) added = commit.Delete(rocksdb::Slice(key.data(), key.size()));
    if (!added.ok()) return FromRocksDb("cannot encode a change", added);
    return commit.GetDataSize() < commit_size ? absl::OkStatus() : write();
  });
  if (!status.ok() || commit.Count() == 0) return status;
  return write();
}

}  // namespace holdfast
