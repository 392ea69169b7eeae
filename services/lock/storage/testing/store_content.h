// What a store holds, as it loads it.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_STORE_CONTENT_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_STORE_CONTENT_H_

#include <cstdint>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/stored_records.h"

namespace holdfast {

// Thread-compatible. As a visitor it reports records that come twice.
struct StoreContent final : public StoredRecords, public RecordVisitor {
  void OnLease(LeaseRecord lease) override {
    const std::string lease_id = lease.spec.lease_id;
    EXPECT_TRUE(leases.emplace(lease_id, std::move(lease)).second) << lease_id << " came twice";
  }
  void OnEnded(std::string lease_id, EndCause cause) override {
    EXPECT_TRUE(ended.emplace(lease_id, cause).second) << lease_id << " came twice";
  }
  void OnReservedTokens(std::uint64_t through) override {
    EXPECT_FALSE(reserved_tokens.has_value()) << "the token mark came twice";
    reserved_tokens = through;
  }
};

// What `store` loads; a failure of the test if it cannot.
inline StoreContent LoadContent(LockStore& store) {
  StoreContent content;
  const absl::Status status = store.Load(content);
  EXPECT_TRUE(status.ok()) << status;
  return content;
}

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_STORE_CONTENT_H_
