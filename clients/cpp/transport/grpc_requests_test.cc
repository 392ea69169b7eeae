// What each call of the transport asks a server, and what it makes of the answer.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/grpc_transport.h"
#include "clients/cpp/transport/testing/played_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Field;

class GrpcRequestsTest : public testing::Test {
 protected:
  // What a call comes to; `start` gets the function that is told.
  template <typename Result>
  static Result Await(const std::function<void(absl::AnyInvocable<void(Result)>)>& start) {
    Handover<Result> answer;
    start([&](Result result) { answer.Set(std::move(result)); });
    return answer.Wait();
  }

  absl::StatusOr<Grant> Renew() {
    return Await<absl::StatusOr<Grant>>(
        [&](auto done) { transport_->Renew("k", "id", 10s, std::move(done)); });
  }
  absl::Status Release() {
    return Await<absl::Status>(
        [&](auto done) { transport_->Release("k", "id", 10s, std::move(done)); });
  }
  absl::StatusOr<LockInfo> Get() {
    return Await<absl::StatusOr<LockInfo>>(
        [&](auto done) { transport_->Get("k", 10s, std::move(done)); });
  }
  absl::StatusOr<LockPage> List() {
    const LockTransport::ListRequest request{
        .filter = {.key_prefix = "a/", .tags = "x"}, .page_token = "from here", .page_size = 7};
    return Await<absl::StatusOr<LockPage>>(
        [&](auto done) { transport_->List(request, 10s, std::move(done)); });
  }
  absl::StatusOr<HolderInfo> ForceRelease() {
    return Await<absl::StatusOr<HolderInfo>>(
        [&](auto done) { transport_->ForceRelease("k", 42, 10s, std::move(done)); });
  }
  absl::StatusOr<LockTransport::ReleaseByTagPage> ReleaseByTag() {
    const LockTransport::ReleaseByTagRequest request{
        .tags = {"x", "y"},
        .options = {.dry_run = true, .max_fencing_token = 42},
        .page_token = "from here"};
    return Await<absl::StatusOr<LockTransport::ReleaseByTagPage>>(
        [&](auto done) { transport_->ReleaseByTag(request, 10s, std::move(done)); });
  }

  PlayedServer server_;
  const std::unique_ptr<GrpcTransport> transport_ = *GrpcTransport::Create(server_.address());
};

TEST_F(GrpcRequestsTest, Renew) {
  server_.locks.on_renew = [](auto&, const v1::RenewRequest& request, v1::RenewResponse& response) {
    EXPECT_EQ(request.key(), "k");
    EXPECT_EQ(request.lease_id(), "id");
    EXPECT_FALSE(request.has_expire());  // It stays what it was.
    response.mutable_lease()->set_fencing_token(42);
    response.mutable_lease()->mutable_remaining()->set_seconds(30);
    return grpc::Status::OK;
  };
  const absl::StatusOr<Grant> grant = Renew();
  ASSERT_TRUE(grant.ok()) << grant.status();
  EXPECT_EQ(grant->fencing_token, 42U);
  EXPECT_EQ(grant->remaining, 30s);
}

TEST_F(GrpcRequestsTest, Release) {
  server_.locks.on_release = [](auto&, const v1::ReleaseRequest& request, auto&) {
    EXPECT_EQ(request.key(), "k");
    EXPECT_EQ(request.lease_id(), "id");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Release(), absl::OkStatus());
  server_.locks.on_release = [](auto&, auto&, auto&) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such lease");
  };
  EXPECT_EQ(Release(), absl::NotFoundError("no such lease"));
}

TEST_F(GrpcRequestsTest, Get) {
  server_.locks.on_get = [](auto&, const v1::GetRequest& request, v1::GetResponse& response) {
    EXPECT_EQ(request.key(), "k");
    response.mutable_lock()->set_key("k");
    response.mutable_lock()->set_queue_length(3);
    return grpc::Status::OK;
  };
  const absl::StatusOr<LockInfo> lock = Get();
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_EQ(lock->key, "k");
  EXPECT_EQ(lock->queue_length, 3U);
}

TEST_F(GrpcRequestsTest, List) {
  server_.locks.on_list = [](auto&, const v1::ListRequest& request, v1::ListResponse& response) {
    EXPECT_EQ(request.filter().key_prefix(), "a/");
    EXPECT_THAT(request.filter().tags(), ElementsAre("x"));
    EXPECT_EQ(request.page_token(), "from here");
    EXPECT_EQ(request.page_size(), 7U);
    response.add_locks()->set_key("a/1");
    response.set_next_page_token("on");
    return grpc::Status::OK;
  };
  const absl::StatusOr<LockPage> page = List();
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->locks, ElementsAre(Field(&LockInfo::key, "a/1")));
  EXPECT_EQ(page->next_page_token, "on");
}

TEST_F(GrpcRequestsTest, ForceRelease) {
  server_.admin.on_force_release = [](auto&, const v1::ForceReleaseRequest& request,
                                      v1::ForceReleaseResponse& response) {
    EXPECT_EQ(request.key(), "k");
    EXPECT_EQ(request.fencing_token(), 42U);
    response.mutable_former_holder()->set_owner("somebody");
    return grpc::Status::OK;
  };
  const absl::StatusOr<HolderInfo> former = ForceRelease();
  ASSERT_TRUE(former.ok()) << former.status();
  EXPECT_EQ(former->owner, "somebody");
}

TEST_F(GrpcRequestsTest, ReleaseByTag) {
  server_.admin.on_release_by_tag = [](auto&, const v1::ReleaseByTagRequest& request,
                                       v1::ReleaseByTagResponse& response) {
    EXPECT_THAT(request.tags(), ElementsAre("x", "y"));
    EXPECT_TRUE(request.dry_run());
    EXPECT_EQ(request.max_fencing_token(), 42U);
    EXPECT_EQ(request.page_token(), "from here");
    response.add_locks()->set_key("k");
    response.set_max_fencing_token(41);
    response.set_next_page_token("on");
    return grpc::Status::OK;
  };
  const auto page = ReleaseByTag();
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->released.locks, ElementsAre(Field(&LockInfo::key, "k")));
  EXPECT_EQ(page->released.max_fencing_token, 41U);
  EXPECT_EQ(page->next_page_token, "on");
}

TEST_F(GrpcRequestsTest, AnswerOfTheGreatestSizeIsRead) {
  // A page of locks with keys, owners and tags of the greatest length.
  server_.locks.on_list = [](auto&, auto&, v1::ListResponse& response) {
    for (int i = 0; i < 1'000; ++i) {
      v1::Lock& lock = *response.add_locks();
      lock.set_key(std::string(512, 'k'));
      v1::Holder& holder = *lock.add_holders();
      holder.set_owner(std::string(256, 'o'));
      for (int tag = 0; tag < 16; ++tag)
        holder.add_tags(std::to_string(tag) + std::string(126, 't'));
    }
    return grpc::Status::OK;
  };
  const absl::StatusOr<LockPage> page = List();
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->locks.size(), 1'000U);
}

TEST_F(GrpcRequestsTest, CallAfterTheConnectionsWereGivenUpIsCancelled) {
  transport_->Shutdown();
  transport_->Disconnect();
  EXPECT_TRUE(absl::IsCancelled(Renew().status()));
  EXPECT_TRUE(absl::IsCancelled(Release()));
  EXPECT_TRUE(absl::IsCancelled(Get().status()));
  EXPECT_TRUE(absl::IsCancelled(List().status()));
  EXPECT_TRUE(absl::IsCancelled(ForceRelease().status()));
  EXPECT_TRUE(absl::IsCancelled(ReleaseByTag().status()));

  std::optional<absl::Status> end;
  LockTransport::WaitEvents wait_events;
  wait_events.on_end = [&](const absl::StatusOr<Grant>& grant) { end = grant.status(); };
  EXPECT_EQ(transport_->Wait({.key = "k"}, std::move(wait_events)), nullptr);
  EXPECT_TRUE(absl::IsCancelled(*end));
  end.reset();
  LockTransport::WatchEvents watch_events;
  watch_events.on_end = [&](absl::Status why) { end = std::move(why); };
  EXPECT_EQ(transport_->Watch({}, std::move(watch_events)), nullptr);
  EXPECT_TRUE(absl::IsCancelled(*end));
}

}  // namespace
}  // namespace holdfast::core
