// What a program sees of a server through the library, asked of holdfastd and of the fake
// that stands in for it in tests, over calls and over a session. What only one of the servers
// does is no part of this.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/async_lock.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "holdfast/sync_lock.h"
#include "holdfast/testing/fake_server.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Key;
using testing::UnorderedElementsAre;

class Server {
 public:
  virtual ~Server() = default;
  absl::StatusOr<std::unique_ptr<Client>> NewClient(ClientOptions options) {
    options.session = session_;
    return MakeClient(std::move(options));
  }
  // Lets time pass until `condition` holds; false if that takes too long.
  virtual bool Until(const std::function<bool()>& condition) = 0;

 protected:
  explicit Server(bool session) : session_(session) {}

 private:
  virtual absl::StatusOr<std::unique_ptr<Client>> MakeClient(ClientOptions options) = 0;

  const bool session_;
};

class RealServer final : public Server {
 public:
  explicit RealServer(bool session) : Server(session) {
    EXPECT_EQ(process_.Start(), absl::OkStatus());
  }
  bool Until(const std::function<bool()>& condition) override { return Eventually(condition); }

 private:
  absl::StatusOr<std::unique_ptr<Client>> MakeClient(ClientOptions options) override {
    return Client::Create(process_.address(), std::move(options));
  }

  ServerProcess process_;
};

class FakedServer final : public Server {
 public:
  explicit FakedServer(bool session) : Server(session) {}
  bool Until(const std::function<bool()>& condition) override {
    for (int i = 0; i < 1'000; ++i) {
      if (condition()) return true;
      fake_.Advance(10ms);
    }
    return false;
  }

 private:
  absl::StatusOr<std::unique_ptr<Client>> MakeClient(ClientOptions options) override {
    return fake_.NewClient(std::move(options));
  }

  FakeServer fake_;
};

struct Asked {
  bool real = false;
  bool session = false;
};

class ContractTest : public testing::TestWithParam<Asked> {
 protected:
  ContractTest() {
    if (GetParam().real) {
      server_ = std::make_unique<RealServer>(GetParam().session);
    } else {
      server_ = std::make_unique<FakedServer>(GetParam().session);
    }
    client_ = *server_->NewClient({.owner = "test"});
  }

  bool QueueIs(std::uint32_t length) {
    return server_->Until([&] { return client_->Get("k")->queue_length == length; });
  }

  // Client before server: the fake wants its clients gone.
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
};

std::string FieldOf(const absl::Status& status) {
  if (!absl::IsInvalidArgument(status) || ReasonOf(status) != ErrorReason::kInvalidField) {
    return "not refused for a field: " + status.ToString();
  }
  return ErrorMetadata(status)["field"];
}

TEST_P(ContractTest, WaitersAreGrantedInTheirOrderWithRisingTokens) {
  SyncLock holder(*client_, "k");
  std::vector<std::uint64_t> tokens = {holder.Acquire()->fencing_token()};
  std::vector<std::unique_ptr<AsyncLock>> waiters;
  std::vector<std::size_t> granted;
  Mutex mutex;
  for (std::size_t i = 0; i < 3; ++i) {
    waiters.push_back(std::make_unique<AsyncLock>(*client_, "k"));
    waiters.back()->AcquireScopedThen([&, i](absl::StatusOr<ScopedLease> lease) {
      MutexLock lock(mutex);
      granted.push_back(i);
      tokens.push_back((*lease)->fencing_token());
    });
    ASSERT_TRUE(QueueIs(static_cast<std::uint32_t>(i + 1)));
  }
  EXPECT_EQ(holder.Release(), absl::OkStatus());
  const auto all_granted = [&] {
    MutexLock lock(mutex);
    return granted.size() == 3;
  };
  ASSERT_TRUE(server_->Until(all_granted));
  MutexLock lock(mutex);
  EXPECT_THAT(granted, ElementsAre(0, 1, 2));
  for (std::size_t i = 1; i < tokens.size(); ++i) EXPECT_LT(tokens[i - 1], tokens[i]);
}

TEST_P(ContractTest, LeaseLapsesWithoutARenewal) {
  SyncLock lock(*client_, "k", {.expire = 100ms});
  const Lease lease = *lock.Acquire();
  EXPECT_TRUE(server_->Until([&] { return !*lock.Locked(); }));
  EXPECT_EQ(lease.state(), LeaseState::kLost);
  EXPECT_EQ(ReasonOf(client_->Release("k", lease.lease_id())), ErrorReason::kLeaseExpired);
  EXPECT_EQ(ReasonOf(lock.Release()), ErrorReason::kLeaseExpired);
}

TEST_P(ContractTest, WhoDoesNotGetTheLockLearnsWhoHoldsItAndLeavesTheQueue) {
  SyncLock holder(*client_, "k", {.expire = 1h});
  const Lease held = *holder.Acquire();
  for (const auto& [timeout, reason] : std::map<Duration, ErrorReason>{
           {0ms, ErrorReason::kLockHeld}, {50ms, ErrorReason::kWaitTimeout}}) {
    AsyncLock lock(*client_, "k", {.timeout = timeout});
    Mutex mutex;
    std::optional<absl::Status> status;
    lock.AcquireThen([&](const absl::StatusOr<Lease>& lease) {
      MutexLock guard(mutex);
      status = lease.status();
    });
    const auto ended = [&] {
      MutexLock guard(mutex);
      return status.has_value();
    };
    ASSERT_TRUE(server_->Until(ended));
    MutexLock guard(mutex);
    EXPECT_EQ(ReasonOf(*status), reason) << *status;
    auto metadata = ErrorMetadata(*status);
    EXPECT_THAT(metadata,
                UnorderedElementsAre(Key("owner"), Key("principal"), Key("fencing_token"),
                                     Key("queue_length"), Key("held_since"), Key("remaining_ms")));
    EXPECT_EQ(metadata["owner"], "test");
    EXPECT_EQ(metadata["fencing_token"], std::to_string(held.fencing_token()));
    EXPECT_GT(std::stoll(metadata["remaining_ms"]), 3'000'000);
    EXPECT_LE(std::stoll(metadata["remaining_ms"]), 3'600'000);
    EXPECT_TRUE(metadata["held_since"].ends_with("+00:00")) << metadata["held_since"];
  }
  EXPECT_TRUE(QueueIs(0));
}

TEST_P(ContractTest, ForcedLeaseIsGoneAndItsHolderLearnsOfIt) {
  SyncLock lock(*client_, "k", {.expire = 1h});
  const Lease lease = *lock.Acquire();
  EXPECT_EQ(ReasonOf(client_->ForceRelease("k", lease.fencing_token() + 1).status()),
            ErrorReason::kLockNotHeld);
  EXPECT_EQ(client_->ForceRelease("k", lease.fencing_token())->owner, "test");
  EXPECT_EQ(ReasonOf(client_->ForceRelease("k", 0).status()), ErrorReason::kLockNotHeld);
  EXPECT_FALSE(*lock.Locked());
  if (GetParam().session) {
    EXPECT_TRUE(server_->Until([&] { return lease.lost().stop_requested(); }));
    EXPECT_EQ(ReasonOf(lease.status()), ErrorReason::kLeaseForced);
  }
  EXPECT_EQ(ReasonOf(lock.Release()), ErrorReason::kLeaseForced);
}

TEST_P(ContractTest, LeasesThatAreRenewedLast) {
  std::vector<std::unique_ptr<SyncLock>> locks;
  std::vector<Lease> leases;
  for (int i = 0; i < 3; ++i) {
    locks.push_back(std::make_unique<SyncLock>(*client_, "k" + std::to_string(i),
                                               LockOptions{.expire = 2s, .auto_renew = true}));
    leases.push_back(*locks.back()->Acquire());
  }
  const MonotonicTime first = leases.back().deadline();
  EXPECT_TRUE(server_->Until([&] {
    return std::all_of(leases.begin(), leases.end(),
                       [&](const Lease& lease) { return lease.deadline() > first + 1s; });
  }));
  for (std::size_t i = 0; i < locks.size(); ++i) {
    EXPECT_TRUE(leases[i].valid());
    EXPECT_EQ(locks[i]->Release(), absl::OkStatus());
  }
}

// With others that are renewed, it is not.
TEST_P(ContractTest, LeaseThatIsNotRenewedLapsesAmongOthers) {
  SyncLock a(*client_, "a", {.expire = 3s, .auto_renew = true});
  SyncLock b(*client_, "b", {.expire = 3s, .auto_renew = true});
  SyncLock c(*client_, "c", {.expire = 2s});
  ASSERT_TRUE(a.Acquire().ok());
  ASSERT_TRUE(b.Acquire().ok());
  const Lease lapsing = *c.Acquire();
  EXPECT_TRUE(server_->Until([&] { return lapsing.lost().stop_requested(); }));
  EXPECT_TRUE(server_->Until([&] { return !*c.Locked(); }));
  EXPECT_TRUE(*a.Locked());
  EXPECT_TRUE(*b.Locked());
}

TEST_P(ContractTest, LongestHoldEndsALeaseThatIsRenewed) {
  SyncLock lock(*client_, "k", {.expire = 300ms, .auto_renew = true, .max_hold = 500ms});
  const Lease lease = *lock.Acquire();
  EXPECT_TRUE(server_->Until([&] { return lease.lost().stop_requested(); }));
  EXPECT_TRUE(server_->Until([&] { return !*lock.Locked(); }));
}

TEST_P(ContractTest, BoundLeaseNeedsASessionAndGoesWithItsClient) {
  auto other = *server_->NewClient({});
  {
    SyncLock lock(*other, "k", {.expire = 1h, .bound = true});
    const absl::StatusOr<Lease> lease = lock.Acquire();
    EXPECT_EQ(lease.ok(), GetParam().session) << lease.status();
    EXPECT_EQ(client_->Get("k")->holders.size(), GetParam().session ? 1U : 0U);
    EXPECT_EQ(absl::IsInvalidArgument(lease.status()), !GetParam().session);
    other = nullptr;
  }
  EXPECT_TRUE(server_->Until([&] { return client_->Get("k")->holders.empty(); }));
}

TEST_P(ContractTest, LeaseIsReleasedByItsIdUnderItsKeyOnce) {
  SyncLock lock(*client_, "k", {.expire = 1h});
  ASSERT_TRUE(lock.Acquire().ok());
  const std::string id = lock.Detach()->lease_id();
  const absl::Status mismatch = client_->Release("another", id);
  EXPECT_EQ(ReasonOf(mismatch), ErrorReason::kLeaseMismatch) << mismatch;
  EXPECT_EQ(ErrorMetadata(mismatch)["field"], "key");
  EXPECT_TRUE(*lock.Locked());
  EXPECT_EQ(client_->Release("k", id), absl::OkStatus());
  EXPECT_FALSE(*lock.Locked());
  EXPECT_EQ(client_->Release("k", id), absl::OkStatus());
  EXPECT_EQ(ReasonOf(client_->Release("k", "an-id-that-nobody-has")), ErrorReason::kLeaseNotFound);
}

TEST_P(ContractTest, TagsSelectTheLeasesThatCarryAllOfThem) {
  SyncLock a(*client_, "a", {.tags = {"x", "y"}});
  SyncLock b(*client_, "b", {.tags = "x"});
  ASSERT_TRUE(a.Acquire().ok());
  ASSERT_TRUE(b.Acquire().ok());
  EXPECT_EQ(client_->List({.tags = "x"})->locks.size(), 2U);
  EXPECT_EQ(client_->ReleaseByTag({"x", "y"}, {.dry_run = true})->locks.at(0).key, "a");
  EXPECT_EQ(client_->ReleaseByTag({"x", "y"})->locks.size(), 1U);
  EXPECT_FALSE(*a.Locked());
  EXPECT_TRUE(*b.Locked());
  EXPECT_TRUE(client_->ReleaseByTag("unheard-of")->locks.empty());
}

TEST_P(ContractTest, PagesFollowOneAnotherForTheSameFilter) {
  SyncLock a(*client_, "a");
  SyncLock b(*client_, "b");
  ASSERT_TRUE(a.Acquire().ok());
  ASSERT_TRUE(b.Acquire().ok());
  const LockPage page = *client_->List({}, "", 1);
  EXPECT_EQ(page.locks.at(0).key, "a");
  const LockPage last = *client_->List({}, page.next_page_token, 1);
  EXPECT_EQ(last.locks.at(0).key, "b");
  EXPECT_EQ(last.next_page_token, "");
  EXPECT_EQ(FieldOf(client_->List({.key_prefix = "b"}, page.next_page_token).status()),
            "page_token");
  EXPECT_EQ(FieldOf(client_->List({}, "a").status()), "page_token");
}

TEST_P(ContractTest, FieldsOutsideTheirLimitsAreRefused) {
  const std::string long_key(513, 'k');
  const std::string long_tag(129, 't');
  const std::string id(16, 'i');
  const auto acquire = [&](std::string key, LockOptions options) {
    options.timeout = options.timeout == kForever ? 0s : options.timeout;
    return SyncLock(*client_, std::move(key), std::move(options)).Acquire().status();
  };
  EXPECT_EQ(FieldOf(acquire("", {})), "key");
  EXPECT_EQ(FieldOf(acquire(long_key, {})), "key");
  EXPECT_EQ(FieldOf(acquire("k", {.tags = ""})), "tags[0]");
  EXPECT_EQ(FieldOf(acquire("k", {.tags = {"a", long_tag}})), "tags[1]");
  EXPECT_EQ(FieldOf(acquire("k", {.owner = std::string(257, 'o')})), "owner");
  Tags many;
  for (int i = 0; i < 17; ++i) many.Insert(std::to_string(i));
  EXPECT_EQ(FieldOf(acquire("k", {.tags = many})), "tags");
  EXPECT_EQ(FieldOf(client_->Get("").status()), "key");
  EXPECT_EQ(FieldOf(client_->Release("", id)), "key");
  EXPECT_EQ(FieldOf(client_->Release("k", "short")), "lease_id");
  EXPECT_EQ(FieldOf(client_->Release("k", id + "/")), "lease_id");
  EXPECT_EQ(FieldOf(client_->ForceRelease("", 0).status()), "key");
  EXPECT_EQ(FieldOf(client_->List({.key_prefix = long_key}).status()), "filter.key_prefix");
  EXPECT_EQ(FieldOf(client_->List({.tags = ""}).status()), "filter.tags[0]");
  EXPECT_EQ(FieldOf(client_->List({}, "", 1'001).status()), "page_size");
  EXPECT_EQ(FieldOf(client_->ReleaseByTag({"a", ""}).status()), "tags[0]");
}

TEST_P(ContractTest, ReleaseByNoTagReleasesNothing) {
  SyncLock lock(*client_, "k");
  ASSERT_TRUE(lock.Acquire().ok());
  EXPECT_EQ(FieldOf(client_->ReleaseByTag({}).status()), "tags");
  EXPECT_TRUE(*lock.Locked());
}

TEST_P(ContractTest, ClientsTimeoutsArePositive) {
  EXPECT_TRUE(absl::IsInvalidArgument(server_->NewClient({.call_timeout = 0s}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(server_->NewClient({.connect_timeout = -1s}).status()));
}

std::string ServerName(const testing::TestParamInfo<Asked>& server) {
  return std::string(server.param.real ? "Real" : "Fake") +
         (server.param.session ? "OverASession" : "OverCalls");
}

INSTANTIATE_TEST_SUITE_P(Servers, ContractTest,
                         testing::Values(Asked{.real = false, .session = false},
                                         Asked{.real = false, .session = true},
                                         Asked{.real = true, .session = false},
                                         Asked{.real = true, .session = true}),
                         ServerName);

}  // namespace
}  // namespace holdfast
