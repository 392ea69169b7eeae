#include "clients/cpp/transport/call_registry.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "clients/cpp/core/runtime.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

// Tells when it is cancelled and when it goes.
class WatchedCall final : public CallRegistry::Call {
 public:
  WatchedCall(std::function<void(WatchedCall*)> on_cancel, std::function<void()> on_gone)
      : on_cancel_(std::move(on_cancel)), on_gone_(std::move(on_gone)) {}
  ~WatchedCall() override { on_gone_(); }

  void Cancel() override { on_cancel_(this); }

 private:
  const std::function<void(WatchedCall*)> on_cancel_;
  const std::function<void()> on_gone_;
};

class CallRegistryTest : public testing::Test {
 protected:
  // A call that leaves the registry when it is cancelled.
  std::shared_ptr<WatchedCall> NewCall() {
    return std::make_shared<WatchedCall>(
        [this](WatchedCall* call) {
          ++cancelled_;
          registry_.Remove(call);
        },
        [this] { ++gone_; });
  }

  std::atomic<int> cancelled_{0};
  std::atomic<int> gone_{0};
  CallRegistry registry_;
};

TEST_F(CallRegistryTest, CallLivesUntilItIsRemoved) {
  auto call = NewCall();
  const WatchedCall* const name = call.get();
  EXPECT_TRUE(registry_.Add(std::move(call)));
  EXPECT_EQ(gone_, 0);
  registry_.Remove(name);
  EXPECT_EQ(gone_, 1);
  EXPECT_EQ(cancelled_, 0);
  registry_.Shutdown();
}

TEST_F(CallRegistryTest, CallThatIsNotThereIsRemovedWithoutEffect) {
  const auto call = NewCall();
  registry_.Remove(call.get());
  EXPECT_TRUE(registry_.Add(call));
  registry_.Remove(call.get());
  registry_.Remove(call.get());
  registry_.Shutdown();
  EXPECT_EQ(gone_, 0);
}

TEST_F(CallRegistryTest, CallMayUseTheRegistryWhenItGoes) {
  const auto other = NewCall();
  auto call = std::make_shared<WatchedCall>([](auto*) {}, [&] { registry_.Add(other); });
  const WatchedCall* const name = call.get();
  EXPECT_TRUE(registry_.Add(std::move(call)));
  registry_.Remove(name);
  registry_.Shutdown();
  EXPECT_EQ(cancelled_, 1);
}

TEST_F(CallRegistryTest, ShutdownCancelsAllAndLetsNoneIn) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(registry_.Add(NewCall()));
  registry_.Shutdown();
  EXPECT_EQ(cancelled_, 3);
  EXPECT_EQ(gone_, 3);
  EXPECT_FALSE(registry_.Add(NewCall()));
  EXPECT_EQ(gone_, 4);
  registry_.Shutdown();
  EXPECT_EQ(cancelled_, 3);
}

TEST_F(CallRegistryTest, ShutdownWaitsUntilTheLastCallHasGone) {
  Handover<bool> shut_down;
  Handover<WatchedCall*> ending;
  auto call = std::make_shared<WatchedCall>([&](WatchedCall* self) { ending.Set(self); },
                                            [&] {
                                              // Long enough for a Shutdown that does not wait.
                                              EXPECT_EQ(shut_down.WaitFor(50ms), std::nullopt);
                                              ++gone_;
                                            });
  const std::weak_ptr<WatchedCall> observed = call;
  EXPECT_TRUE(registry_.Add(std::move(call)));
  std::thread shutdown([&] {
    registry_.Shutdown();
    EXPECT_EQ(gone_, 1);
    shut_down.Set(true);
  });
  WatchedCall* const name = ending.Wait();
  // Shutdown has let go of it, so that it goes on this thread.
  while (observed.use_count() > 1) std::this_thread::yield();
  registry_.Remove(name);
  shutdown.join();
}

}  // namespace
}  // namespace holdfast::core
