// ClientCore: what a client asks beside its locks, where user code runs, and what is
// refused.

#include "clients/cpp/core/client_core.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/lock_core_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

class ClientCoreTest : public LockCoreTest {
 protected:
  // A client that differs from the fixture's. Shut down at the end.
  ClientCore& NewClient(ClientOptions options, std::string address = "unix:/nowhere") {
    auto loop = std::make_unique<FakeLoop>();
    Clock* const clock = loop.get();
    ClientCore::Parts parts{.runtime = *Runtime::Create(std::move(loop)),
                            .transport = std::make_unique<FakeTransport>(),
                            .clock = clock,
                            .random = &random_};
    others_.push_back(
        std::make_shared<ClientCore>(std::move(parts), std::move(address), std::move(options)));
    return *others_.back();
  }

  void TearDown() override {
    for (const auto& client : others_) client->Shutdown();
  }

  // What an acquire with a lease that is bound to its process comes to, as far as it was
  // refused at once.
  static std::optional<absl::Status> AcquireBound(ClientCore& client,
                                                  std::optional<Duration> expire) {
    const auto lock = std::make_shared<LockCore>(client.shared_from_this(), "k",
                                                 LockOptions{.expire = expire, .bound = true});
    const auto result = Acquire(*lock);
    if (!result->has_value()) return std::nullopt;
    return (*result)->status();
  }

 private:
  std::vector<std::shared_ptr<ClientCore>> others_;
};

TEST_F(ClientCoreTest, HasAnOwnerIfItIsGivenNone) {
  EXPECT_EQ(NewClient({}).owner(), DefaultOwner());
  EXPECT_EQ(NewClient({.owner = "me"}).owner(), "me");
}

TEST_F(ClientCoreTest, QuestionsAreAskedAgainWhenTheConnectionBreaks) {
  std::optional<absl::StatusOr<LockInfo>> info;
  client_->Get("k", [&](absl::StatusOr<LockInfo> answer) { info = std::move(answer); });
  transport_->gets.at(0).answer(absl::UnavailableError("reset"));
  EXPECT_FALSE(info.has_value());
  loop_->Advance(1s);
  ASSERT_EQ(transport_->gets.size(), 2U);
  transport_->gets[1].answer(LockInfo{.key = "k"});
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ((*info)->key, "k");
}

// Sent again, it could end the lease of whoever comes next.
TEST_F(ClientCoreTest, WhatEndsWhicheverLeaseThereIsIsAskedOnce) {
  const auto force = [this](std::uint64_t token) {
    auto result = std::make_shared<std::optional<absl::Status>>();
    client_->ForceRelease("k", token,
                          [result](const absl::StatusOr<HolderInfo>& r) { *result = r.status(); });
    transport_->forced.back().answer(absl::UnavailableError("reset"));
    loop_->Advance(1s);
    return result;
  };
  const auto any = force(0);
  EXPECT_EQ(transport_->forced.size(), 1U);
  ASSERT_TRUE(any->has_value());
  EXPECT_TRUE(absl::IsUnavailable(**any));
  const auto named = force(7);
  EXPECT_EQ(transport_->forced.size(), 3U);
  EXPECT_FALSE(named->has_value());
}

TEST_F(ClientCoreTest, WhatATransportCannotDoEndsInsteadOfWaiting) {
  std::optional<absl::Status> end;
  const auto take = [&](const auto& answer) { end = answer.status(); };
  client_->List({}, take);
  EXPECT_TRUE(absl::IsUnimplemented(std::exchange(end, {}).value()));
  client_->ReleaseByTag({.tags = "x"}, take);
  EXPECT_TRUE(absl::IsUnimplemented(std::exchange(end, {}).value()));
  transport_->LockTransport::ForceRelease("k", 1, 1s, take);
  EXPECT_TRUE(absl::IsUnimplemented(std::exchange(end, {}).value()));
  transport_->LockTransport::Watch({}, {.on_end = [&](absl::Status why) { end = why; }});
  EXPECT_TRUE(absl::IsUnimplemented(std::exchange(end, {}).value()));
}

TEST_F(ClientCoreTest, QuestionsAfterTheEndAreRefused) {
  Shutdown();
  std::optional<absl::Status> end;
  client_->Get("k", [&](const absl::StatusOr<LockInfo>& info) { end = info.status(); });
  ASSERT_TRUE(end.has_value());
  EXPECT_TRUE(absl::IsFailedPrecondition(*end));
  EXPECT_TRUE(transport_->gets.empty());
}

TEST_F(ClientCoreTest, InATaskNobodyMayBlock) {
  bool may = true;
  std::optional<absl::Status> parted;
  client_->Run([&] {
    may = client_->CheckMayBlock().ok();
    // Returns at once: what it began ends behind this task.
    parted = client_->Part([](auto /*done*/) {});
  });
  EXPECT_FALSE(may);
  EXPECT_TRUE(absl::IsUnavailable(parted.value()));
  EXPECT_TRUE(client_->CheckMayBlock().ok());
}

TEST_F(ClientCoreTest, PartSaysWhatCameInTime) {
  const absl::Status status =
      client_->Part([](auto done) { done(absl::FailedPreconditionError("not held")); });
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
}

TEST_F(ClientCoreTest, ReleaseThatIsNeverAnsweredEndsWithTheClient) {
  auto lock = NewLock();
  Granted(*lock, 5);
  const auto released = Release(*lock);
  EXPECT_FALSE(released->has_value());
  Shutdown();
  ASSERT_TRUE(released->has_value());
  EXPECT_TRUE(absl::IsCancelled(**released));
}

// One that runs things at once does not run them in a task.
TEST_F(ClientCoreTest, AnExecutorRunsTheUsersCode) {
  int given = 0;
  bool may_block = false;
  ClientCore& client = NewClient({.executor = [&](Task task) {
    ++given;
    std::move(task)();
  }});
  client.Run([&] { client.RunUserCode([&] { may_block = client.CheckMayBlock().ok(); }); });
  client.FlushUserCode();
  EXPECT_EQ(given, 1);
  EXPECT_TRUE(may_block);
}

TEST_F(ClientCoreTest, BoundNeedsAnExpireAndASessionOnAUnixSocket) {
  ClientCore& local = NewClient({.session = true});
  EXPECT_EQ(AcquireBound(local, 30s), std::nullopt);
  EXPECT_TRUE(absl::IsInvalidArgument(AcquireBound(local, std::nullopt).value()));
  ClientCore& tcp = NewClient({.session = true}, "127.0.0.1:7650");
  EXPECT_TRUE(absl::IsInvalidArgument(AcquireBound(tcp, 30s).value()));
  ClientCore& without = NewClient({.session = false});
  EXPECT_TRUE(absl::IsInvalidArgument(AcquireBound(without, 30s).value()));
}

TEST(OwnerTest, NamesProgramHostAndProcess) {
  const std::string owner = DefaultOwner();
  EXPECT_THAT(owner, testing::StartsWith(std::string(program_invocation_short_name) + "@"));
  EXPECT_THAT(owner, testing::EndsWith(":" + std::to_string(getpid())));
  EXPECT_LE(owner.size(), 256U);
}

TEST(OwnerTest, BytesOfTheNameThatAreNotPrintableAreReplaced) {
  std::string name = "a !~\x7f\xc3\x1f" + std::string(200, 'b');
  char* const real = std::exchange(program_invocation_short_name, name.data());
  const std::string owner = DefaultOwner();
  program_invocation_short_name = real;
  EXPECT_EQ(owner.substr(0, owner.find('@')), "a?!~???" + std::string(121, 'b'));
}

}  // namespace
}  // namespace holdfast::core
