// Every limit on a field of a request, at n and at n + 1, through the wire. An
// error names the field, and disturbs nobody else.

#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

constexpr std::int64_t k366DaysInSeconds = 366 * 24 * 3600;

google::protobuf::Duration Seconds(std::int64_t seconds, int nanos = 0) {
  google::protobuf::Duration duration;
  duration.set_seconds(seconds);
  duration.set_nanos(nanos);
  return duration;
}

struct Case {
  std::string name;
  std::function<void(v1::AcquireRequest&)> change;
  std::string bad_field;  // Empty: the request is fine.
};

void SetTags(v1::AcquireRequest& request, int count) {
  for (int i = 0; i < count; ++i) request.add_tags("tag-" + std::to_string(i));
}

std::vector<Case> TextCases() {
  using Request = v1::AcquireRequest;
  return {
      {"empty key", [](Request& r) { r.set_key(""); }, "key"},
      {"key of 1 byte", [](Request& r) { r.set_key("k"); }, ""},
      {"key of 512 bytes", [](Request& r) { r.set_key(std::string(512, 'k')); }, ""},
      {"key of 513 bytes", [](Request& r) { r.set_key(std::string(513, 'k')); }, "key"},
      {"key of 513 bytes in 257 characters",
       [](Request& r) {
         std::string key = "k";
         while (key.size() < 513) key += "\xc3\xa4";
         r.set_key(key);
       },
       "key"},
      {"key with a zero byte", [](Request& r) { r.set_key(std::string("a\0b", 3)); }, ""},
      {"key that is not UTF-8", [](Request& r) { r.set_key("\xff\xfe"); }, "key"},
      {"lease_id of 15", [](Request& r) { r.set_lease_id(std::string(15, 'x')); }, "lease_id"},
      {"lease_id of 16", [](Request& r) { r.set_lease_id(std::string(16, 'x')); }, ""},
      {"lease_id of 64", [](Request& r) { r.set_lease_id(std::string(64, 'x')); }, ""},
      {"lease_id of 65", [](Request& r) { r.set_lease_id(std::string(65, 'x')); }, "lease_id"},
      {"lease_id with all that is allowed",
       [](Request& r) { r.set_lease_id("AZaz09._-AZaz09._-"); }, ""},
      {"lease_id with a space", [](Request& r) { r.set_lease_id("0123456789 abcdef"); },
       "lease_id"},
      {"no lease_id", [](Request& r) { r.clear_lease_id(); }, "lease_id"},
      {"owner of 256 bytes", [](Request& r) { r.set_owner(std::string(256, 'o')); }, ""},
      {"owner of 257 bytes", [](Request& r) { r.set_owner(std::string(257, 'o')); }, "owner"},
      {"owner that is not UTF-8", [](Request& r) { r.set_owner("\xc3\x28"); }, "owner"},
      {"16 tags", [](Request& r) { SetTags(r, 16); }, ""},
      {"17 tags", [](Request& r) { SetTags(r, 17); }, "tags"},
      {"empty tag", [](Request& r) { r.add_tags(""); }, "tags[0]"},
      {"tag of 128 bytes", [](Request& r) { r.add_tags(std::string(128, 't')); }, ""},
      {"tag of 129 bytes", [](Request& r) { r.add_tags(std::string(129, 't')); }, "tags[0]"},
      {"repeated tag",
       [](Request& r) {
         SetTags(r, 2);
         r.add_tags("tag-0");
       },
       "tags[2]"},
  };
}

std::vector<Case> DurationCases() {
  using Request = v1::AcquireRequest;
  const auto expire = [](const google::protobuf::Duration& duration) {
    return [duration](Request& r) { *r.mutable_expire() = duration; };
  };
  const auto timeout = [](const google::protobuf::Duration& duration) {
    return [duration](Request& r) { *r.mutable_timeout() = duration; };
  };
  return {
      {"expire of 1 ms less 1 ns", expire(Seconds(0, 999'999)), "expire"},
      {"expire of 1 ms", expire(Seconds(0, 1'000'000)), ""},
      {"expire of 366 days", expire(Seconds(k366DaysInSeconds)), ""},
      {"expire of 366 days and 1 ns", expire(Seconds(k366DaysInSeconds, 1)), "expire"},
      {"expire of zero", expire(Seconds(0)), "expire"},
      {"negative expire", expire(Seconds(-1)), "expire"},
      {"expire with too many nanos", expire(Seconds(1, 1'000'000'000)), "expire"},
      {"expire with signs that differ", expire(Seconds(1, -1)), "expire"},
      {"endless expire", expire(Seconds(std::numeric_limits<std::int64_t>::max())), "expire"},
      {"timeout of zero", timeout(Seconds(0)), ""},
      {"timeout of 366 days", timeout(Seconds(k366DaysInSeconds)), ""},
      {"timeout of 366 days and 1 ns", timeout(Seconds(k366DaysInSeconds, 1)), "timeout"},
      {"timeout of -1 ns", timeout(Seconds(0, -1)), "timeout"},
  };
}

class FieldLimitsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = std::make_unique<StubClient>(server_.address());
  }

  // A request that is fine, for a lock that nobody has.
  v1::AcquireRequest Fresh() {
    ++requests_;
    return ToRequest(
        {.key = "key-" + std::to_string(requests_), .lease_id = Id("fresh", requests_)});
  }

  void ExpectInvalid(const CallStatus& status, const std::string& field) {
    EXPECT_EQ(status.code, grpc::StatusCode::INVALID_ARGUMENT) << status;
    EXPECT_EQ(status.reason, "INVALID_FIELD") << status;
    EXPECT_EQ(status.Get("field"), field) << status;
    EXPECT_NE(status.message.find(field), std::string::npos) << status;
  }

  void CheckAcquire(const std::vector<Case>& cases) {
    for (const Case& test : cases) {
      SCOPED_TRACE(test.name);
      v1::AcquireRequest request = Fresh();
      test.change(request);
      const auto answer = client_->Acquire(request);
      if (test.bad_field.empty()) {
        EXPECT_TRUE(answer.ok()) << answer.status;
        // The shortest leases have lapsed by now.
        const CallStatus released = client_->Release(request.key(), request.lease_id());
        EXPECT_TRUE(released.ok() || released.reason == "LEASE_EXPIRED") << released;
      } else {
        ExpectInvalid(answer.status, test.bad_field);
      }
    }
    EXPECT_TRUE(client_->ListAll().response.empty());
  }

  ServerProcess server_;
  std::unique_ptr<StubClient> client_;
  int requests_ = 0;
};

TEST_F(FieldLimitsTest, OfAcquiresTexts) { CheckAcquire(TextCases()); }

TEST_F(FieldLimitsTest, OfAcquiresDurations) { CheckAcquire(DurationCases()); }

TEST_F(FieldLimitsTest, OfWait) {
  WaitCall call(*client_, {.key = "", .lease_id = Id("waiter")});
  ExpectInvalid(call.AwaitEnd(), "key");
  WaitCall tagged(*client_, {.key = "k", .lease_id = Id("waiter"), .tags = {"a", "a"}});
  ExpectInvalid(tagged.AwaitEnd(), "tags[1]");
}

TEST_F(FieldLimitsTest, OfReleaseAndRenew) {
  ExpectInvalid(client_->Release("", Id("holder")), "key");
  ExpectInvalid(client_->Release(std::string(513, 'k'), Id("holder")), "key");
  ExpectInvalid(client_->Release("k", "short"), "lease_id");
  ExpectInvalid(client_->Renew("", Id("holder")).status, "key");
  ExpectInvalid(client_->Renew("k", std::string(65, 'x')).status, "lease_id");
  ExpectInvalid(client_->Renew("k", Id("holder"), std::chrono::nanoseconds(999'999)).status,
                "expire");
  // What is refused is not taken for a release that came early.
  EXPECT_TRUE(client_->Acquire({.key = "k", .lease_id = Id("holder")}).ok());
}

TEST_F(FieldLimitsTest, OfGetAndList) {
  ExpectInvalid(client_->Get("").status, "key");
  ExpectInvalid(client_->Get("\xff").status, "key");
  v1::ListRequest request;
  request.set_page_size(1000);
  EXPECT_TRUE(client_->List(request).ok());
  request.set_page_size(1001);
  ExpectInvalid(client_->List(request).status, "page_size");
  request.set_page_size(0);
  request.mutable_filter()->set_key_prefix(std::string(512, 'k'));
  EXPECT_TRUE(client_->List(request).ok());
  request.mutable_filter()->set_key_prefix(std::string(513, 'k'));
  ExpectInvalid(client_->List(request).status, "filter.key_prefix");
  request.clear_filter();
  request.set_page_token("made up");
  ExpectInvalid(client_->List(request).status, "page_token");
}

TEST_F(FieldLimitsTest, OtherParametersWithTheSameLeaseIdNameTheField) {
  const AcquireArgs ask{.key = "k",
                        .lease_id = Id("holder"),
                        .expire = std::chrono::minutes(1),
                        .tags = {"a"},
                        .owner = "me"};
  ASSERT_TRUE(client_->Acquire(ask).ok());
  AcquireArgs other_key = ask, other_expire = ask, no_expire = ask, other_tags = ask,
              other_owner = ask;
  other_key.key = "other";
  other_expire.expire = std::chrono::minutes(2);
  no_expire.expire = std::nullopt;
  other_tags.tags = {"a", "b"};
  other_owner.owner = "you";
  for (const auto& [changed, field] :
       {std::pair(other_key, "key"), std::pair(other_expire, "expire"),
        std::pair(no_expire, "expire"), std::pair(other_tags, "tags"),
        std::pair(other_owner, "owner")}) {
    const CallStatus status = client_->Acquire(changed).status;
    EXPECT_EQ(status.code, grpc::StatusCode::INVALID_ARGUMENT) << status;
    EXPECT_EQ(status.reason, "LEASE_MISMATCH") << status;
    EXPECT_EQ(status.Get("field"), field) << status;
  }
}

TEST_F(FieldLimitsTest, UnknownLeaseIdsAreNotFound) {
  const CallStatus released = client_->Release("k", Id("nobody"));
  EXPECT_EQ(released.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(released.reason, "LEASE_NOT_FOUND");
  const CallStatus renewed = client_->Renew("k", Id("nobody-else")).status;
  EXPECT_EQ(renewed.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(renewed.reason, "LEASE_NOT_FOUND");
}

}  // namespace
}  // namespace holdfast
