// What the rules let whom do.

#include "services/lock/rpc/permission.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/access/rules_in_force.h"
#include "services/lock/rpc/testing/test_server.h"
#include "tests/support/session_stream.h"
#include "tests/support/stub_client.h"
#include "tests/support/watch_stream.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// On its Unix socket everybody is `billing`; over TCP, anonymous.
class PermissionTest : public testing::Test {
 protected:
  // `key`: letters, digits and slashes.
  static std::string Id(std::string key) {
    std::replace(key.begin(), key.end(), '/', '-');
    return "the-only-lease-of-" + key;
  }

  void Rule(const std::string& text) {
    auto rules = Rules::Parse(text);
    ASSERT_TRUE(rules.ok()) << rules.status();
    rules_.Replace(*std::move(rules));
  }
  CallStatus Acquire(StubClient& client, const std::string& key) {
    return client.Acquire({.key = key, .lease_id = Id(key), .tags = {"x"}}).status;
  }
  std::vector<std::string> Listed(StubClient& client) {
    std::vector<std::string> keys;
    const auto locks = client.ListAll();
    EXPECT_TRUE(locks.ok()) << locks.status;
    for (const v1::Lock& lock : locks.response) keys.push_back(lock.key());
    return keys;
  }

  RulesInForce rules_;
  TestServer server_{{.unix_options = ",principal=billing", .rules = &rules_}};
  StubClient billing_{server_.NewChannel()};
  StubClient anonymous_{TestServer::NewChannel(server_.tcp_address())};
};

TEST_F(PermissionTest, WithoutRulesEverybodyMayDoEverything) {
  EXPECT_TRUE(Acquire(anonymous_, "k").ok());
  EXPECT_TRUE(billing_.ForceRelease("k").ok());
}

TEST_F(PermissionTest, WithRulesWhatNoneAllowsIsRefused) {
  Rule("allow billing a/ acquire");
  EXPECT_TRUE(Acquire(billing_, "a/1").ok());
  const CallStatus denied = Acquire(billing_, "b/1");
  EXPECT_EQ(denied.code, grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(denied.reason, "PERMISSION_DENIED");
  EXPECT_EQ(denied.Get("principal"), "billing");
  EXPECT_EQ(denied.Get("permission"), "acquire");
  const CallStatus unknown = Acquire(anonymous_, "a/1");
  EXPECT_EQ(unknown.code, grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(unknown.reason, "UNAUTHENTICATED");
  EXPECT_EQ(billing_.Get("a/1").status.Get("permission"), "inspect");
  EXPECT_EQ(billing_.ForceRelease("a/1").status.Get("permission"), "admin");
}

TEST_F(PermissionTest, WhoMayAcquireMayWaitAndRenew) {
  Rule("allow billing a/ acquire");
  const AcquireArgs args{.key = "a/1", .lease_id = Id("a/1"), .expire = seconds(60)};
  EXPECT_TRUE(billing_.Acquire(args).ok());
  EXPECT_TRUE(billing_.Renew("a/1", Id("a/1")).ok());
  Rule("allow billing b/ acquire");
  EXPECT_EQ(billing_.Renew("a/1", Id("a/1")).status.reason, "PERMISSION_DENIED");
  EXPECT_EQ(billing_.Acquire(args).status.reason, "PERMISSION_DENIED") << "nor sent again";

  grpc::ClientContext context;
  Prepare(context);
  v1::AcquireRequest request;
  request.set_key("a/2");
  request.set_lease_id(Id("a/2"));
  auto wait = billing_.stub().Wait(&context, request);
  v1::WaitEvent event;
  EXPECT_FALSE(wait->Read(&event));
  EXPECT_EQ(Decode(wait->Finish()).reason, "PERMISSION_DENIED");
}

TEST_F(PermissionTest, WhoKnowsALeaseMayAlwaysLetGoOfIt) {
  EXPECT_TRUE(Acquire(billing_, "k").ok());
  Rule("");
  EXPECT_TRUE(anonymous_.Release("k", Id("k")).ok());
  EXPECT_EQ(server_.engine().stats().leases, 0u);
}

TEST_F(PermissionTest, AListShowsWhatOneMayInspect) {
  for (const char* key : {"a/1", "a/2", "b/1"}) ASSERT_TRUE(Acquire(billing_, key).ok());
  Rule("deny * a/2\nallow billing a/ inspect\nallow anonymous b/ acquire");
  EXPECT_THAT(Listed(billing_), ElementsAre("a/1"));
  EXPECT_THAT(Listed(anonymous_), IsEmpty());
  Rule("allow billing * all");
  EXPECT_THAT(Listed(billing_), ElementsAre("a/1", "a/2", "b/1"));
}

TEST_F(PermissionTest, AReleaseByTagEndsWhatOneMayAdminister) {
  for (const char* key : {"a/1", "b/1"}) ASSERT_TRUE(Acquire(billing_, key).ok());
  Rule("allow billing a/ admin");
  v1::ReleaseByTagRequest request;
  request.add_tags("x");
  const auto page = billing_.ReleaseByTag(request);
  ASSERT_EQ(page.response.locks_size(), 1) << page.status;
  EXPECT_EQ(page.response.locks(0).key(), "a/1");
  EXPECT_EQ(anonymous_.ReleaseByTag(request).response.locks_size(), 0);
  EXPECT_EQ(server_.engine().stats().leases, 1u);
}

TEST_F(PermissionTest, AWatchTellsOfWhatOneMayWatch) {
  ASSERT_TRUE(Acquire(billing_, "b/1").ok());
  Rule("allow billing a/ acquire,inspect,watch\nallow billing b/ acquire,inspect");
  WatchStream watch(billing_);
  ASSERT_TRUE(Acquire(billing_, "b/2").ok());
  ASSERT_TRUE(Acquire(billing_, "a/1").ok());
  EXPECT_EQ(watch.Next()->kind(), v1::LeaseEvent::SNAPSHOT_END);
  EXPECT_EQ(watch.Next()->key(), "a/1");
}

TEST_F(PermissionTest, AWatchEndsWhenTheRulesForItsCallerChange) {
  const std::string mine = "allow billing * acquire,inspect,watch\n";
  Rule(mine);
  WatchStream watch(billing_);
  EXPECT_EQ(watch.Next()->kind(), v1::LeaseEvent::SNAPSHOT_END);
  Rule(mine + "allow uid:1 * all");
  ASSERT_TRUE(Acquire(billing_, "a/1").ok());
  EXPECT_EQ(watch.Next()->key(), "a/1") << "what changed is not about its caller";
  Rule("deny * secret/\n" + mine);
  ASSERT_TRUE(Acquire(billing_, "a/2").ok());
  EXPECT_EQ(watch.Next(), std::nullopt);
  EXPECT_EQ(watch.End().reason, "RULES_CHANGED");
}

TEST_F(PermissionTest, AnOperationOfASessionIsRefusedAlone) {
  Rule("allow billing a/ acquire");
  SessionStream session(server_.NewChannel(), "session-0123456789");
  session.Attach();
  const v1::Event denied = session.Await(session.Acquire({.key = "b", .lease_id = Id("b")}));
  EXPECT_EQ(denied.failed().code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(session.Await(session.Acquire({.key = "a/1", .lease_id = Id("a/1")})).has_granted());
  EXPECT_TRUE(session.Await(session.Release("a/1", Id("a/1"))).has_released());
}

TEST_F(PermissionTest, ASessionFindsOutWhatItMayNotRenewAnyMore) {
  Rule("allow billing * acquire");
  const auto channel = server_.NewChannel();
  SessionStream session(channel, "session-0123456789");
  session.Attach();
  for (const char* key : {"a", "b"}) {
    const auto id = session.Acquire({.key = key, .lease_id = Id(key), .expire = seconds(600)});
    EXPECT_TRUE(session.Await(id).has_granted());
  }
  Rule("allow billing a acquire");
  session.RenewAll();
  EXPECT_EQ(session.End().reason, "RULES_CHANGED");

  SessionStream again(channel, "session-0123456789", 2);
  again.Attach({{"a", Id("a")}, {"b", Id("b")}});
  const std::optional<v1::Event> gone = again.Next();
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(gone->lease_ended().key(), "b");
  EXPECT_EQ(gone->lease_ended().reason(), v1::PERMISSION_DENIED);
  EXPECT_EQ(again.Await(again.RenewAll()).renewed_all().leases(), 1u);
  EXPECT_EQ(server_.engine().stats().leases, 2u) << "it runs to its lapse";
}

TEST_F(PermissionTest, ASessionGoesOnIfTheRulesForItsCallerAreTheSame) {
  Rule("allow billing * acquire");
  SessionStream session(server_.NewChannel(), "session-0123456789");
  session.Attach();
  Rule("allow billing * acquire\nallow uid:1 * all\n");
  EXPECT_TRUE(session.Await(session.Acquire({.key = "k", .lease_id = Id("k")})).has_granted());
}

TEST_F(PermissionTest, EachHasItsQuota) {
  Rule("allow * * all\nquota billing leases=1 sessions=1\nquota anonymous leases=2");
  EXPECT_TRUE(Acquire(billing_, "a").ok());
  const CallStatus over = Acquire(billing_, "b");
  EXPECT_EQ(over.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(over.Get("limit"), "quota_leases");
  EXPECT_TRUE(Acquire(anonymous_, "b").ok());
  EXPECT_TRUE(Acquire(anonymous_, "c").ok());
  EXPECT_FALSE(Acquire(anonymous_, "d").ok());
  SessionStream first(server_.NewChannel(), "session-number-1");
  first.Attach();
  SessionStream second(server_.NewChannel(), "session-number-2");
  second.Attach();
  EXPECT_EQ(second.End().Get("limit"), "quota_sessions");
}

}  // namespace
}  // namespace holdfast
