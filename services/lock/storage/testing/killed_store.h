// For tests: a store whose process was killed, its files, and what had been
// acknowledged. The files can be damaged and opened as often as one likes.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_KILLED_STORE_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_KILLED_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "services/lock/engine/record_change.h"
#include "services/lock/storage/rocksdb_store.h"
#include "services/lock/storage/testing/faulty_file_system.h"
#include "services/lock/storage/testing/open_store.h"
#include "services/lock/storage/testing/scratch_directory.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {

// Thread-compatible.
class KilledStore {
 public:
  KilledStore() { file_system_->SkipSyncs(); }

  // Stops the store if it runs, and starts it: then what was in the log is in a table.
  void Start() {
    store_.reset();
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    commits_ = {{content(), 0}};
  }

  // REQUIRES: it runs.
  void Commit(const RecordBatch& batch) {
    ASSERT_TRUE(store_->Commit(batch).ok());
    StoreContent next = content();
    next.Apply(batch);
    // Behind the last commit the log is laid out with zeros.
    const std::string log = TakeImage(path_).at(LogName());
    commits_.push_back({next, log.find_last_not_of('\0') + 1});
  }

  // From here on it can be damaged.
  void Kill() {
    image_ = TakeImage(path_);
    log_name_ = LogName();
    store_.reset();
  }

  // A lease whose record takes some 80 bytes and `owner_size` more.
  static PutLease Grant(std::uint64_t token, std::size_t owner_size = 5) {
    return {{.spec = {.key = "key-" + std::to_string(token),
                      .lease_id = "lease-number-" + std::to_string(token),
                      .owner = std::string(owner_size, 'o'),
                      .tags = {"a", "b"}},
             .fencing_token = token,
             .granted_at = WallTime{1}}};
  }

  // What had been acknowledged.
  const StoreContent& content() const { return commits_.back().content; }

  // After each commit since the last start, and first before the first.
  struct State {
    StoreContent content;
    std::size_t log_size = 0;  // Up to the end of its last commit.
  };
  const std::vector<State>& commits() const { return commits_; }

  // The rest: once it was killed.
  const DirectoryImage& image() const { return image_; }
  // The path in the image of the log with the latest commits.
  const std::string& log_name() const { return log_name_; }

  // What a store finds in `image`, or why it refuses.
  absl::StatusOr<StoreContent> ContentOf(const DirectoryImage& image) {
    PutImage(image, path_);
    auto store = Open();
    if (!store.ok()) return store.status();
    StoreContent content;
    if (absl::Status status = (*store)->Load(content); !status.ok()) return status;
    return content;
  }

 private:
  // Small, so that little of the log is laid out, and larger than all commits of a test.
  static constexpr std::size_t kWriteBuffer = std::size_t{512} * 1024;

  absl::StatusOr<std::unique_ptr<RocksDbStore>> Open() {
    return OpenStore(path_, {.write_buffer_size = kWriteBuffer, .env = env_.get()});
  }

  std::string LogName() const {
    std::string name;
    for (const auto& [path, bytes] : TakeImage(path_)) {
      if (path.ends_with(".log")) name = path;
    }
    return name;
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "data";
  const std::shared_ptr<FaultyFileSystem> file_system_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(file_system_);
  std::unique_ptr<RocksDbStore> store_;
  std::vector<State> commits_ = {{}};
  DirectoryImage image_;
  std::string log_name_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_KILLED_STORE_H_
