// Everything that a store holds, as a value, for tests to compare.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_STORE_CONTENT_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_STORE_CONTENT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "gtest/gtest.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/record_change.h"

namespace holdfast {

// Thread-compatible. As a visitor it reports records that come twice.
struct StoreContent final : public RecordVisitor {
  std::map<std::string, LeaseRecord> leases;  // By lease_id.
  std::map<std::string, EndCause> ended;      // By lease_id.
  std::optional<std::uint64_t> reserved_tokens;

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

  // What a commit does to a store.
  void Apply(const RecordBatch& batch) {
    for (const RecordChange& change : batch) std::visit(*this, change);
  }
  void operator()(const PutLease& change) {
    leases.insert_or_assign(change.lease.spec.lease_id, change.lease);
  }
  void operator()(const DeleteLease& change) { leases.erase(change.lease_id); }
  void operator()(const PutEnded& change) { ended.insert_or_assign(change.lease_id, change.cause); }
  void operator()(const DeleteEnded& change) { ended.erase(change.lease_id); }
  void operator()(const ReserveTokens& change) { reserved_tokens = change.through; }

  // Hands every record to `visitor`, as a store does.
  void Visit(RecordVisitor& visitor) const {
    for (const auto& [lease_id, lease] : leases) visitor.OnLease(lease);
    for (const auto& [lease_id, cause] : ended) visitor.OnEnded(lease_id, cause);
    if (reserved_tokens.has_value()) visitor.OnReservedTokens(*reserved_tokens);
  }

  friend bool operator==(const StoreContent& a, const StoreContent& b) {
    return a.leases == b.leases && a.ended == b.ended && a.reserved_tokens == b.reserved_tokens;
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

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_STORE_CONTENT_H_
