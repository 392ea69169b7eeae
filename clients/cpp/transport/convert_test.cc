#include "clients/cpp/transport/convert.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include "clients/cpp/core/errors.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "holdfast/error.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

TEST(ConvertTest, DurationsGoThereAndBack) {
  for (const Duration span : {Duration(0), Duration(1ns), Duration(1500ms), Duration(24h * 366),
                              Duration(-1500ms), Duration(-1ns)}) {
    EXPECT_EQ(FromProto(ToProto(span)), span);
  }
  EXPECT_EQ(ToProto(-1500ms).seconds(), -1);
  EXPECT_EQ(ToProto(-1500ms).nanos(), -500'000'000);
}

TEST(ConvertTest, DurationsBeyondOursAreCutOff) {
  google::protobuf::Duration span;
  span.set_seconds(315'576'000'000);  // The largest that is valid: 10,000 years.
  EXPECT_EQ(FromProto(span), Duration::max());
  span.set_seconds(-315'576'000'000);
  EXPECT_EQ(FromProto(span), Duration::min());
}

TEST(ConvertTest, DurationsWithTooManyNanosDoNotOverflow) {
  google::protobuf::Duration span;
  span.set_seconds(9'223'372'035);  // A second less than the most that an int64 holds.
  span.set_nanos(std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(FromProto(span), Duration::max());
  span.set_seconds(-9'223'372'035);
  span.set_nanos(std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(FromProto(span), Duration::min());
}

TEST(ConvertTest, RequestLeavesOutWhatIsAbsent) {
  const v1::AcquireRequest request =
      ToProto(WaitRequest{.key = "k", .lease_id = "id", .tags = {"a", "b"}, .owner = "me"});
  EXPECT_EQ(request.key(), "k");
  EXPECT_EQ(request.lease_id(), "id");
  EXPECT_THAT(request.tags(), testing::ElementsAre("a", "b"));
  EXPECT_EQ(request.owner(), "me");
  EXPECT_FALSE(request.has_expire());
  EXPECT_FALSE(request.has_timeout());
}

TEST(ConvertTest, TimeoutZeroIsNotAbsent) {
  const v1::AcquireRequest request =
      ToProto(WaitRequest{.key = "k", .lease_id = "id", .expire = 30s, .timeout = 0s});
  ASSERT_TRUE(request.has_timeout());
  EXPECT_EQ(request.timeout().seconds(), 0);
  EXPECT_EQ(request.expire().seconds(), 30);
}

TEST(ConvertTest, StatusKeepsItsReason) {
  google::rpc::ErrorInfo info;
  info.set_domain("holdfast");
  info.set_reason("LOCK_HELD");
  (*info.mutable_metadata())["owner"] = "somebody";
  google::rpc::Status details;
  details.add_details()->PackFrom(info);

  const absl::Status status =
      StatusFrom(grpc::Status(grpc::StatusCode::ABORTED, "held", details.SerializeAsString()));
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_EQ(status.message(), "held");
  EXPECT_EQ(ReasonOf(status), ErrorReason::kLockHeld);
  EXPECT_EQ(ErrorMetadata(status)["owner"], "somebody");
}

TEST(ConvertTest, StatusKeepsHowLongToWait) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_nanos(250'000'000);
  const auto delay = [&info] {
    google::rpc::Status details;
    details.add_details()->PackFrom(info);
    return RetryDelayOf(
        StatusFrom(grpc::Status(grpc::StatusCode::UNAVAILABLE, "", details.SerializeAsString())));
  };
  EXPECT_EQ(delay(), 250ms);
  info.mutable_retry_delay()->set_seconds(1'000'000'000'000);
  EXPECT_EQ(delay(), 1min);
  info.mutable_retry_delay()->set_seconds(0);
  info.mutable_retry_delay()->set_nanos(-2'000'000'000);
  EXPECT_EQ(delay(), 0s);
}

TEST(ConvertTest, ReasonsOfOthersAreNotOurs) {
  google::rpc::ErrorInfo info;
  info.set_domain("example.com");
  info.set_reason("LOCK_HELD");
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  details.add_details()->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  details.mutable_details(1)->set_value("\xff\xff");
  const absl::Status status =
      StatusFrom(grpc::Status(grpc::StatusCode::ABORTED, "held", details.SerializeAsString()));
  EXPECT_EQ(status, absl::AbortedError("held"));
}

TEST(ConvertTest, StatusWithoutOrWithBrokenDetailsIsStillAStatus) {
  EXPECT_TRUE(absl::IsUnavailable(
      StatusFrom(grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone", "\xff\xff"))));
  EXPECT_TRUE(StatusFrom(grpc::Status::OK).ok());
}

}  // namespace
}  // namespace holdfast::core
