// Forcing locks open, from the stub to the engine and back.

#include "services/lock/rpc/admin_service.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/v1/admin_service.grpc.pb.h"
#include "services/lock/rpc/testing/test_server.h"
#include "tests/support/acquire_args.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::SizeIs;

constexpr std::chrono::minutes kMinute(1);

v1::ReleaseByTagRequest WithTags(const std::vector<std::string>& tags) {
  v1::ReleaseByTagRequest request;
  request.mutable_tags()->Assign(tags.begin(), tags.end());
  return request;
}

std::vector<std::string> KeysOf(const v1::ReleaseByTagResponse& response) {
  std::vector<std::string> keys;
  for (const v1::Lock& lock : response.locks()) keys.push_back(lock.key());
  return keys;
}

class AdminServiceTest : public testing::Test {
 protected:
  std::uint64_t Hold(const std::string& key, const std::vector<std::string>& tags = {}) {
    const auto held = client_.Acquire({.key = key,
                                       .lease_id = Id(key),
                                       .expire = kMinute,
                                       .tags = tags,
                                       .owner = "owner of " + key});
    EXPECT_TRUE(held.ok()) << held.status;
    return held.response.fencing_token();
  }

  void ExpectForced(const std::string& key, const std::string& lease_id) {
    for (const CallStatus& status :
         {client_.Renew(key, lease_id).status, client_.Release(key, lease_id)}) {
      EXPECT_EQ(status.code, StatusCode::FAILED_PRECONDITION) << status;
      EXPECT_EQ(status.reason, "LEASE_FORCED") << status;
    }
    const CallStatus again = client_.Acquire({.key = key, .lease_id = lease_id}).status;
    EXPECT_EQ(again.reason, "LEASE_ENDED") << again;
    EXPECT_EQ(again.Get("ended_by"), "forced") << again;
  }

  bool IsHeld(const std::string& key) { return client_.Get(key).response.holders_size() == 1; }

  static void ExpectNotHeld(const CallStatus& status) {
    EXPECT_EQ(status.code, StatusCode::NOT_FOUND) << status;
    EXPECT_EQ(status.reason, "LOCK_NOT_HELD") << status;
  }

  static void ExpectInvalid(const CallStatus& status, const std::string& field) {
    EXPECT_EQ(status.code, StatusCode::INVALID_ARGUMENT) << status;
    EXPECT_EQ(status.reason, "INVALID_FIELD") << status;
    EXPECT_EQ(status.Get("field"), field) << status;
  }

  TestServer server_;
  StubClient client_{server_.address()};
};

TEST_F(AdminServiceTest, ForceReleaseEndsTheLeaseAndGrantsTheNextWaiter) {
  const std::uint64_t token = Hold("k", {"x"});
  WaitCall next(client_, {.key = "k", .lease_id = Id("next")});
  ASSERT_TRUE(next.AwaitQueued());
  const auto forced = client_.ForceRelease("k");
  ASSERT_TRUE(forced.ok()) << forced.status;
  EXPECT_EQ(forced.response.owner(), "owner of k");
  EXPECT_EQ(forced.response.fencing_token(), token);
  EXPECT_THAT(forced.response.tags(), ElementsAre("x"));
  EXPECT_EQ(FromProto(forced.response.expire()), kMinute);
  EXPECT_LE(FromProto(forced.response.remaining()), kMinute);
  EXPECT_EQ(forced.response.SerializeAsString().find(Id("k")), std::string::npos) << "a secret";

  ASSERT_TRUE(next.AwaitGranted());
  EXPECT_GT(next.lease().fencing_token(), token);
  ExpectForced("k", Id("k"));
  EXPECT_TRUE(IsHeld("k")) << "by the next";
}

TEST_F(AdminServiceTest, ForceReleaseWithATokenEndsThatLeaseAlone) {
  const std::uint64_t other = Hold("other");
  const std::uint64_t token = Hold("k");
  ExpectNotHeld(client_.ForceRelease("k", other).status);
  ExpectNotHeld(client_.ForceRelease("k", token + 1).status);
  EXPECT_TRUE(client_.Renew("k", Id("k")).ok());
  WaitCall next(client_, {.key = "k", .lease_id = Id("next")});
  ASSERT_TRUE(next.AwaitQueued());
  ASSERT_TRUE(client_.ForceRelease("k", token).ok());
  ASSERT_TRUE(next.AwaitGranted());
  ExpectNotHeld(client_.ForceRelease("k", token).status);
  EXPECT_TRUE(client_.Renew("k", Id("next")).ok()) << "sent again it spares the next holder";
}

TEST_F(AdminServiceTest, ALockThatNobodyHoldsCannotBeForced) {
  ExpectNotHeld(client_.ForceRelease("k").status);
  Hold("k");
  ASSERT_TRUE(client_.Release("k", Id("k")).ok());
  ExpectNotHeld(client_.ForceRelease("k").status);
}

TEST_F(AdminServiceTest, ReleaseByTagEndsTheLeasesThatCarryAllTags) {
  Hold("a", {"x", "y"});
  Hold("b", {"x"});
  Hold("c", {"y"});
  Hold("d", {"w", "x", "y"});
  WaitCall next(client_, {.key = "d", .lease_id = Id("next"), .tags = {"x", "y"}});
  ASSERT_TRUE(next.AwaitQueued());
  const auto forced = client_.ReleaseByTag(WithTags({"y", "x"}));
  ASSERT_TRUE(forced.ok()) << forced.status;
  EXPECT_THAT(KeysOf(forced.response), ElementsAre("a", "d"));
  EXPECT_EQ(forced.response.locks(0).holders(0).owner(), "owner of a");
  EXPECT_EQ(forced.response.locks(1).queue_length(), 1u);
  EXPECT_EQ(forced.response.next_page_token(), "");
  ExpectForced("a", Id("a"));
  ExpectForced("d", Id("d"));
  EXPECT_TRUE(next.AwaitGranted());
  EXPECT_TRUE(IsHeld("b"));
  EXPECT_TRUE(IsHeld("c"));
}

TEST_F(AdminServiceTest, ADryRunChangesNothing) {
  Hold("a", {"x"});
  Hold("b", {"x"});
  v1::ReleaseByTagRequest request = WithTags({"x"});
  request.set_dry_run(true);
  for (int i = 0; i < 2; ++i) {
    const auto shown = client_.ReleaseByTag(request);
    ASSERT_TRUE(shown.ok()) << shown.status;
    EXPECT_THAT(KeysOf(shown.response), ElementsAre("a", "b"));
  }
  EXPECT_TRUE(client_.Renew("a", Id("a")).ok());
  EXPECT_TRUE(client_.Release("b", Id("b")).ok());
}

TEST_F(AdminServiceTest, LaterGrantsAreSparedByTheTokenOfAnEarlierAnswer) {
  Hold("a", {"x"});
  v1::ReleaseByTagRequest request = WithTags({"x"});
  request.set_dry_run(true);
  const std::uint64_t seen = client_.ReleaseByTag(request).response.max_fencing_token();
  const std::uint64_t later = Hold("b", {"x"});
  EXPECT_EQ(seen + 1, later);

  request.set_dry_run(false);
  request.set_max_fencing_token(seen);
  const auto forced = client_.ReleaseByTag(request);
  EXPECT_THAT(KeysOf(forced.response), ElementsAre("a"));
  EXPECT_EQ(forced.response.max_fencing_token(), seen);
  EXPECT_TRUE(IsHeld("b"));
  request.set_max_fencing_token(later);
  EXPECT_THAT(KeysOf(client_.ReleaseByTag(request).response), ElementsAre("b"));
}

TEST_F(AdminServiceTest, ManyAreEndedPageByPage) {
  constexpr int kLeases = 1'003;
  for (int i = 0; i < kLeases; ++i) Hold("k" + std::to_string(i), {"x"});
  Hold("other", {"y"});
  v1::ReleaseByTagRequest request = WithTags({"x"});
  std::vector<int> pages;
  do {
    const auto page = client_.ReleaseByTag(request);
    ASSERT_TRUE(page.ok()) << page.status;
    pages.push_back(page.response.locks_size());
    request.set_page_token(page.response.next_page_token());
    request.set_max_fencing_token(page.response.max_fencing_token());
    // Carries the tag, and comes too late, whichever page its key belongs to.
    const std::string newer = "newer" + std::to_string(pages.size());
    Hold(newer, {"x"});
    Hold("z" + newer, {"x"});
  } while (!request.page_token().empty());
  EXPECT_THAT(pages, ElementsAre(500, 500, 3));
  const auto left = client_.ListAll();
  EXPECT_THAT(left.response, SizeIs(1 + 2 * pages.size()));
}

TEST_F(AdminServiceTest, APageTokenBelongsToItsTagsAndToADryRunOrNot) {
  for (int i = 0; i < 501; ++i) Hold("k" + std::to_string(i), {"x", "y"});
  v1::ReleaseByTagRequest request = WithTags({"x", "y"});
  request.set_dry_run(true);
  const std::string token = client_.ReleaseByTag(request).response.next_page_token();
  ASSERT_NE(token, "");
  request = WithTags({"y", "x"});
  request.set_dry_run(true);
  request.set_page_token(token);
  EXPECT_THAT(client_.ReleaseByTag(request).response.locks(), SizeIs(1)) << "in any order";
  request.set_dry_run(false);
  ExpectInvalid(client_.ReleaseByTag(request).status, "page_token");
  request = WithTags({"x"});
  request.set_page_token(token);
  ExpectInvalid(client_.ReleaseByTag(request).status, "page_token");
  request.set_page_token("made up");
  ExpectInvalid(client_.ReleaseByTag(request).status, "page_token");
  EXPECT_EQ(server_.engine().stats().leases, 501u);
}

TEST_F(AdminServiceTest, WhatIsInvalidDoesNotReachTheEngine) {
  Hold("k", {"x"});
  ExpectInvalid(client_.ForceRelease("").status, "key");
  ExpectInvalid(client_.ForceRelease(std::string(513, 'k')).status, "key");
  ExpectInvalid(client_.ReleaseByTag(WithTags({})).status, "tags");
  ExpectInvalid(client_.ReleaseByTag(WithTags({"x", ""})).status, "tags[1]");
  EXPECT_TRUE(IsHeld("k"));
}

TEST_F(AdminServiceTest, NothingIsForcedOnceTheServerDrains) {
  Hold("k", {"x"});
  server_.engine().Drain();
  EXPECT_EQ(client_.ForceRelease("k").status.reason, "SERVER_STOPPING");
  EXPECT_EQ(client_.ReleaseByTag(WithTags({"x"})).status.reason, "SERVER_STOPPING");
  EXPECT_EQ(server_.engine().stats().leases, 1u);
}

}  // namespace
}  // namespace holdfast
