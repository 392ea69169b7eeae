// What the tests of the lease table have in common: its own driver, in a world in which the
// test lets time pass and plays the server by hand.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LEASE_TABLE_FIXTURE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LEASE_TABLE_FIXTURE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/fake_world.h"
#include "clients/cpp/core/lease_driver.h"
#include "clients/cpp/core/lease_table.h"
#include "gtest/gtest.h"

namespace holdfast::core {

using namespace std::chrono_literals;  // NOLINT(google-global-names-in-headers)

inline absl::Status Broken() { return absl::UnavailableError("connection reset"); }

inline absl::Status Refusal(absl::StatusCode code, ErrorReason reason) {
  return MakeError(code, reason, "refused", {{"owner", "somebody"}});
}

inline absl::Status LeaseEnded() {
  return Refusal(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseEnded);
}

class LeaseTableTest : public testing::Test {
 protected:
  // Begins an acquire, as `spec_` says.
  void Start(Duration timeout) {
    result_.reset();
    world_.InTask([&] {
      claim_ = leases_.Acquire(
          std::make_shared<AcquireSpec>(spec_), timeout,
          {.on_queued = [this](const QueueInfo& info) { positions_.push_back(info.position); },
           .on_unavailable = [this](Outage outage) { outages_.push_back(std::move(outage)); },
           .done =
               [this](AcquireResult result) {
                 EXPECT_FALSE(result_.has_value()) << "ended twice";
                 result_ = std::move(result);
               }});
    });
  }

  void Cancel() {
    world_.InTask([this] { leases_.GiveUp(claim_, absl::CancelledError("enough")); });
  }

  // What comes of a request that is made in a task: absent until it is known.
  using Told = std::shared_ptr<std::optional<absl::Status>>;
  Told Renew(Duration limit) {
    const auto told = std::make_shared<std::optional<absl::Status>>();
    world_.InTask([&] {
      leases_.Renew(claim_, limit, [told](absl::Status status) { *told = std::move(status); });
    });
    return told;
  }
  Told Release(Duration patience = 10s) {
    const auto told = std::make_shared<std::optional<absl::Status>>();
    world_.InTask([&] {
      leases_.Release(claim_, patience, [told](absl::Status status) { *told = std::move(status); });
    });
    return told;
  }

  void Advance(Duration span) { world_.loop.Advance(span); }
  void AdvanceTo(MonotonicTime time) { Advance(time - now()); }
  MonotonicTime now() const { return world_.loop.Now(); }

  FakeWait& wait(std::size_t index) { return *world_.transport.waits.at(index); }
  std::size_t waits() const { return world_.transport.waits.size(); }
  auto& renewals() { return world_.transport.renewals; }
  auto& releases() { return world_.transport.releases; }

  // The lease ids that were released, in order.
  std::vector<std::string> Released() const {
    std::vector<std::string> ids;
    for (const auto& call : world_.transport.releases) ids.push_back(call.lease_id);
    return ids;
  }

  LeaseCore& lease() const { return *result_->value(); }
  absl::Status status() const { return result_->status(); }

  FakeWorld world_;
  std::vector<MonotonicTime> signalled_;  // When losses were.
  LeaseDriver leases_{world_.loop, world_.loop, world_.transport, world_.random,
                      [this](const std::shared_ptr<LeaseCore>& lost) {
                        if (!result_.has_value()) ADD_FAILURE() << "a loss before the lease";
                        lost->SignalLost();
                        signalled_.push_back(now());
                      }};
  AcquireSpec spec_{.key = "k", .expire = 30s, .tags = {"t"}, .owner = "me"};
  ClaimId claim_ = 0;
  std::vector<std::uint32_t> positions_;
  std::vector<Outage> outages_;
  std::optional<AcquireResult> result_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LEASE_TABLE_FIXTURE_H_
