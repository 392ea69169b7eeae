#include "tests/simulation/disk.h"

#include <utility>
#include <variant>

#include "absl/status/status.h"

namespace holdfast::simulation {

class Disk::Store final : public LockStore {
 public:
  explicit Store(Disk& disk) : disk_(disk) {}

  absl::Status Load(RecordVisitor& visitor) override {
    const Content& content = disk_.synced_;
    for (const auto& [lease_id, lease] : content.leases) visitor.OnLease(lease);
    for (const auto& [lease_id, cause] : content.ended) visitor.OnEnded(lease_id, cause);
    if (content.reserved_tokens.has_value()) visitor.OnReservedTokens(*content.reserved_tokens);
    return absl::OkStatus();
  }

  absl::Status Commit(const RecordBatch& batch) override {
    const Failure failure = std::exchange(disk_.next_failure_, {});
    if (!failure.planned || !failure.loses_batch) {
      disk_.unsynced_.insert(disk_.unsynced_.end(), batch.begin(), batch.end());
    }
    if (failure.planned) return absl::InternalError("the simulated disk failed");
    return absl::OkStatus();
  }

 private:
  Disk& disk_;
};

std::unique_ptr<LockStore> Disk::OpenStore() { return std::make_unique<Store>(*this); }

void Disk::Sync() {
  for (const RecordChange& change : unsynced_) std::visit(synced_, change);
  unsynced_.clear();
}

std::vector<std::string> Disk::UnsyncedGrants() const {
  std::vector<std::string> lease_ids;
  for (const RecordChange& change : unsynced_) {
    const auto* put = std::get_if<PutLease>(&change);
    if (put != nullptr && !Holds(put->lease.spec.lease_id)) {
      lease_ids.push_back(put->lease.spec.lease_id);
    }
  }
  return lease_ids;
}

std::vector<LeaseSpec> Disk::HeldLeases() const {
  std::vector<LeaseSpec> specs;
  for (const auto& [lease_id, lease] : synced_.leases) specs.push_back(lease.spec);
  return specs;
}

void Disk::Crash(bool keep_unsynced) {
  if (keep_unsynced) Sync();
  unsynced_.clear();
}

void Disk::Content::operator()(const PutLease& change) {
  leases.insert_or_assign(change.lease.spec.lease_id, change.lease);
}

void Disk::Content::operator()(const DeleteLease& change) { leases.erase(change.lease_id); }

void Disk::Content::operator()(const PutEnded& change) {
  ended.insert_or_assign(change.lease_id, change.cause);
}

void Disk::Content::operator()(const DeleteEnded& change) { ended.erase(change.lease_id); }

void Disk::Content::operator()(const ReserveTokens& change) { reserved_tokens = change.through; }

}  // namespace holdfast::simulation
