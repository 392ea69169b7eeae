#include "tests/simulation/disk.h"

#include <utility>
#include <variant>

#include "absl/status/status.h"

namespace holdfast::simulation {

class Disk::Store final : public LockStore {
 public:
  explicit Store(Disk& disk) : disk_(disk) {}

  absl::Status Load(RecordVisitor& visitor) override {
    disk_.synced_.Visit(visitor);
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
  synced_.Apply(unsynced_);
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

}  // namespace holdfast::simulation
