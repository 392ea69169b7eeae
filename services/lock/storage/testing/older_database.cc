#include "services/lock/storage/testing/older_database.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "holdfast/storage/v1/records.pb.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "services/lock/storage/data_directory.h"
#include "services/lock/storage/record_codec.h"
#include "services/lock/storage/rocksdb_options.h"

namespace holdfast {
namespace {

void MustBeOk(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "cannot make an older database: %s\n", status.ToString().c_str());
  std::abort();
}

}  // namespace

std::string OlderLeaseKey(const std::string& lease_id) { return "l" + lease_id; }
std::string OlderEndedKey(const std::string& lease_id) { return "e" + lease_id; }

std::string OlderLeaseValue(const LeaseRecord& lease) {
  storage::v1::LeaseOfFormat2 stored;
  stored.set_key(lease.spec.key);
  stored.set_lease_id(lease.spec.lease_id);
  stored.set_fencing_token(lease.fencing_token);
  const auto set_expire = [](auto& message, const std::optional<Duration>& expire) {
    if (expire.has_value()) message.set_expire_ns(static_cast<std::uint64_t>(expire->count()));
  };
  set_expire(stored, lease.spec.expire);
  for (const std::string& tag : lease.spec.tags) stored.add_tags(tag);
  stored.set_owner(lease.spec.owner);
  stored.set_granted_at_ns(static_cast<std::int64_t>(lease.granted_at));
  if (lease.asked.has_value()) set_expire(*stored.mutable_asked(), lease.asked->expire);
  return stored.SerializeAsString();
}

std::string OlderEndedValue(EndCause cause) {
  storage::v1::EndedOfFormat2 stored;
  // The causes have the same order in both.
  stored.set_cause(static_cast<storage::v1::Cause>(static_cast<int>(cause) + 1));
  return stored.SerializeAsString();
}

void MakeOlder(const std::string& path, const StoredRecords& content) {
  constexpr std::size_t kBuffer = std::size_t{1} << 20;
  std::filesystem::remove_all(path + "/db");
  std::filesystem::create_directory(path + "/db");
  rocksdb::Options options = StoreRocksDbOptions(kBuffer);
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  MustBeOk(rocksdb::DB::Open(options, path + "/db", &opened));
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::WriteBatch batch;
  for (const auto& [lease_id, lease] : content.leases) {
    MustBeOk(batch.Put(OlderLeaseKey(lease_id), OlderLeaseValue(lease)));
  }
  for (const auto& [lease_id, cause] : content.ended) {
    MustBeOk(batch.Put(OlderEndedKey(lease_id), OlderEndedValue(cause)));
  }
  if (content.reserved_tokens.has_value()) {
    MustBeOk(batch.Put(TokenStorageKey(), EncodeTokens(*content.reserved_tokens)));
  }
  MustBeOk(db->Write(rocksdb::WriteOptions(), &batch));
  std::ofstream(path + "/FORMAT") << FormatFileContent(
      {.state = DirectoryState::kReady, .version = 2});
}

}  // namespace holdfast
