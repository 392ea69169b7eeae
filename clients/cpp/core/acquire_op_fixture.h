// What the tests of an acquire have in common: the test plays the server by hand.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_ACQUIRE_OP_FIXTURE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_ACQUIRE_OP_FIXTURE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/acquire_op.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/fake_world.h"
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

class AcquireOpTest : public testing::Test {
 protected:
  // An operation that is under way keeps itself alive.
  void TearDown() override {
    if (op_ != nullptr) Cancel();
  }

  void Start(Duration timeout) {
    AcquireOp::Hooks hooks;
    hooks.on_queued = [this](const QueueInfo& info) { positions_.push_back(info.position); };
    hooks.on_unavailable = [this](Outage outage) { outages_.push_back(std::move(outage)); };
    hooks.done = [this](absl::StatusOr<std::shared_ptr<LeaseCore>> result) {
      EXPECT_FALSE(result_.has_value()) << "ended twice";
      result_ = std::move(result);
    };
    world_.InTask([&] {
      op_ = std::make_shared<AcquireOp>(world_.env, releaser_, spec_, timeout, std::move(hooks));
      op_->Start();
    });
  }

  void Cancel() {
    world_.InTask([this] { op_->Cancel(absl::CancelledError("enough")); });
  }

  FakeWait& wait(std::size_t index) { return *world_.transport.waits.at(index); }
  std::size_t waits() const { return world_.transport.waits.size(); }

  // The lease ids that were released, in order.
  std::vector<std::string> Released() const {
    std::vector<std::string> ids;
    for (const auto& call : world_.transport.releases) ids.push_back(call.lease_id);
    return ids;
  }

  const LeaseCore& lease() const { return *result_->value(); }
  absl::Status status() const { return result_->status(); }

  FakeWorld world_;
  Releaser releaser_{world_.env};
  AcquireSpec spec_{.key = "k", .expire = 30s, .tags = {"t"}, .owner = "me"};
  std::shared_ptr<AcquireOp> op_;
  std::vector<std::uint32_t> positions_;
  std::vector<Outage> outages_;
  std::optional<absl::StatusOr<std::shared_ptr<LeaseCore>>> result_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_ACQUIRE_OP_FIXTURE_H_
