// What the tests of lock objects have in common: a client of fakes, the server of which the
// test plays by hand.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LOCK_CORE_FIXTURE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LOCK_CORE_FIXTURE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/fake_world.h"
#include "clients/cpp/core/lock_core.h"
#include "gtest/gtest.h"

namespace holdfast::core {

using namespace std::chrono_literals;  // NOLINT(google-global-names-in-headers)

class LockCoreTest : public testing::Test {
 protected:
  LockCoreTest() {
    auto loop = std::make_unique<FakeLoop>();
    auto transport = std::make_unique<FakeTransport>();
    loop_ = loop.get();
    transport_ = transport.get();
    ClientCore::Parts parts{.runtime = *Runtime::Create(std::move(loop)),
                            .transport = std::move(transport),
                            .clock = loop_,
                            .random = &random_};
    client_ = std::make_shared<ClientCore>(std::move(parts), "unix:/nowhere",
                                           ClientOptions{.owner = "test"});
  }

  ~LockCoreTest() override {
    if (shut_down_) return;
    transport_->answer_releases = absl::OkStatus();
    for (auto& call : transport_->releases) {
      if (call.answer) call.answer(absl::OkStatus());
    }
    Shutdown();
  }

  void Shutdown() {
    shut_down_ = true;
    client_->Shutdown();
  }

  std::shared_ptr<LockCore> NewLock(LockOptions options = {.expire = 30s}) {
    return std::make_shared<LockCore>(client_, "k", std::move(options));
  }

  // Begins to acquire; the result comes to *result.
  static std::shared_ptr<std::optional<AcquireResult>> Acquire(LockCore& lock, StopTokens stop = {},
                                                               Duration timeout = 10s,
                                                               Holder holder = kNobodyKnown) {
    auto result = std::make_shared<std::optional<AcquireResult>>();
    lock.Acquire({.timeout = timeout,
                  .holder = holder,
                  .stop = std::move(stop),
                  .reporter = lock.NewReporter()},
                 [result](AcquireResult r) { *result = std::move(r); });
    return result;
  }

  // The lease of an acquire that is granted at once.
  std::shared_ptr<LeaseCore> Granted(LockCore& lock, std::uint64_t token,
                                     Holder holder = kNobodyKnown) {
    const auto result = Acquire(lock, {}, 10s, holder);
    last_wait().SayGranted(token);
    return ***result;
  }

  static std::shared_ptr<std::optional<absl::Status>> Release(LockCore& lock,
                                                              Holder holder = kNobodyKnown) {
    auto result = std::make_shared<std::optional<absl::Status>>();
    lock.Release([result](absl::Status status) { *result = std::move(status); }, holder);
    return result;
  }

  static std::shared_ptr<std::optional<absl::Status>> ReleaseOnly(
      LockCore& lock, std::shared_ptr<LeaseCore> lease) {
    auto result = std::make_shared<std::optional<absl::Status>>();
    lock.ReleaseOnly(std::move(lease),
                     [result](absl::Status status) { *result = std::move(status); });
    return result;
  }

  static std::shared_ptr<std::optional<AcquireResult>> Detach(LockCore& lock,
                                                              Holder holder = kNobodyKnown) {
    auto result = std::make_shared<std::optional<AcquireResult>>();
    lock.Detach([result](AcquireResult r) { *result = std::move(r); }, holder);
    return result;
  }

  // The lease_ids that were released, in order.
  std::vector<std::string> Released() const {
    std::vector<std::string> ids;
    for (const auto& call : transport_->releases) ids.push_back(call.lease_id);
    return ids;
  }

  FakeWait& last_wait() { return *transport_->waits.back(); }

  FakeRandom random_;
  FakeLoop* loop_;
  FakeTransport* transport_;
  std::shared_ptr<ClientCore> client_;
  bool shut_down_ = false;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LOCK_CORE_FIXTURE_H_
