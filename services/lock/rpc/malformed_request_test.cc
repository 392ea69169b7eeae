// What comes over the wire and is no request: each gets an error that says what
// is wrong, on every method, and the connection goes on.

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/v1/lock_service.pb.h"
#include "services/lock/rpc/testing/raw_call.h"
#include "services/lock/rpc/testing/test_server.h"
#include "tests/support/call_status.h"

namespace holdfast {
namespace {

using grpc::StatusCode;

// A field of a message on the wire: length-delimited, numbers below 16.
std::string Field(int number, const std::string& content) {
  EXPECT_LT(content.size(), 128u);
  return std::string(1, static_cast<char>(number << 3 | 2)) +
         std::string(1, static_cast<char>(content.size())) + content;
}

constexpr char kNotUtf8[] = "\xc3(";
const char* const kLeaseId = "0123456789abcdef";

class RawRequestTest : public testing::Test {
 protected:
  // Of a stream that does not end by itself, the first message is enough.
  CallStatus Send(const std::string& method, const std::optional<std::string>& bytes) {
    const bool admin = method == "ForceRelease" || method == "ReleaseByTag";
    const std::string service = admin ? "AdminService" : "LockService";
    const std::string path = "/holdfast.v1." + service + "/" + method;
    return Decode(
        (method == "Watch" ? RawCall(channel_, path, bytes, 1) : RawCall(channel_, path, bytes))
            .status);
  }

  // The field that an INVALID_FIELD names; what came instead otherwise.
  std::string InvalidField(const std::string& method, const std::string& bytes) {
    const CallStatus status = Send(method, bytes);
    EXPECT_EQ(status.code, StatusCode::INVALID_ARGUMENT);
    return status.reason == "INVALID_FIELD" ? status.Get("field") : status.reason;
  }

  std::string Reason(const std::string& method, const std::optional<std::string>& bytes) {
    return Send(method, bytes).reason;
  }

  TestServer server_;
  const std::shared_ptr<grpc::Channel> channel_ = server_.NewChannel();
};

class MalformedRequestTest : public RawRequestTest,
                             public testing::WithParamInterface<std::string> {};

INSTANTIATE_TEST_SUITE_P(Methods, MalformedRequestTest,
                         testing::Values("Acquire", "Wait", "Release", "Renew", "Get", "List",
                                         "Watch", "ForceRelease", "ReleaseByTag"),
                         [](const auto& test) { return test.param; });

TEST_P(MalformedRequestTest, RandomBytesAreMalformed) {
  for (const std::string bytes : {"\xff\xff\xff", "\x0a\x7f", "\x07", "{\"key\": \"k\"}"}) {
    EXPECT_EQ(Reason(GetParam(), bytes), "MALFORMED_REQUEST") << testing::PrintToString(bytes);
    EXPECT_EQ(Send(GetParam(), bytes).code, StatusCode::INVALID_ARGUMENT);
  }
}

TEST_P(MalformedRequestTest, NoMessageAtAllIsAnError) {
  const CallStatus status = Send(GetParam(), std::nullopt);
  EXPECT_FALSE(status.ok());
}

TEST_P(MalformedRequestTest, TheConnectionGoesOn) {
  Send(GetParam(), "\xff\xff\xff");
  EXPECT_TRUE(Send("Get", Field(1, "k")).ok());
}

TEST_P(MalformedRequestTest, MessagesUpToTheLimitAreRead) {
  // Within an unknown field, which is no error by itself.
  const bool all_optional = GetParam() == "List" || GetParam() == "Watch";
  const std::string valid = all_optional ? "" : Field(1, "k") + Field(2, kLeaseId);
  const auto padded_to = [&](std::size_t bytes) {
    const std::size_t rest = bytes - valid.size() - 4;
    return valid + "\x7a" + static_cast<char>((rest & 0x7f) | 0x80) +
           static_cast<char>((rest >> 7 & 0x7f) | 0x80) + static_cast<char>(rest >> 14) +
           std::string(rest, 'x');
  };
  ASSERT_EQ(padded_to(65'536).size(), 65'536u);
  EXPECT_NE(Send(GetParam(), padded_to(65'536)).code, StatusCode::RESOURCE_EXHAUSTED);
  const CallStatus status = Send(GetParam(), padded_to(65'537));
  EXPECT_EQ(status.code, StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.Get("limit"), "max_message_bytes");
}

class Utf8Test : public MalformedRequestTest {};

INSTANTIATE_TEST_SUITE_P(Acquiring, Utf8Test, testing::Values("Acquire", "Wait"),
                         [](const auto& test) { return test.param; });

TEST_P(Utf8Test, NamesEachFieldThatIsNotUtf8) {
  EXPECT_EQ(InvalidField(GetParam(), Field(1, kNotUtf8)), "key");
  EXPECT_EQ(InvalidField(GetParam(), Field(1, "k") + Field(2, kNotUtf8)), "lease_id");
  EXPECT_EQ(InvalidField(GetParam(), Field(4, "a") + Field(4, "b") + Field(4, kNotUtf8)),
            "tags[2]");
  EXPECT_EQ(InvalidField(GetParam(), Field(5, kNotUtf8)), "owner");
}

TEST_P(Utf8Test, RefusesEveryKindOfInvalidUtf8) {
  for (const char* bytes : {
           "\x80",              // Continues nothing.
           "\xc3",              // Is not continued.
           "\xc0\xaf",          // Longer than need be.
           "\xed\xa0\x80",      // Half of a UTF-16 pair.
           "\xf4\x90\x80\x80",  // Above U+10FFFF.
           "\xff",
       }) {
    EXPECT_EQ(InvalidField(GetParam(), Field(1, bytes)), "key") << testing::PrintToString(bytes);
  }
}

TEST_F(RawRequestTest, NamesNestedFieldsThatAreNotUtf8) {
  EXPECT_EQ(InvalidField("List", Field(1, Field(1, kNotUtf8))), "filter.key_prefix");
  EXPECT_EQ(InvalidField("List", Field(1, Field(2, "a") + Field(2, kNotUtf8))), "filter.tags[1]");
  EXPECT_EQ(InvalidField("List", Field(3, kNotUtf8)), "page_token");
  EXPECT_EQ(InvalidField("Watch", Field(1, Field(1, kNotUtf8))), "filter.key_prefix");
  EXPECT_EQ(InvalidField("Watch", Field(1, Field(2, kNotUtf8))), "filter.tags[0]");
}

TEST_F(RawRequestTest, NamesTheFieldsOfAdminsThatAreNotUtf8) {
  EXPECT_EQ(InvalidField("ForceRelease", Field(1, kNotUtf8)), "key");
  EXPECT_EQ(InvalidField("ReleaseByTag", Field(1, "x") + Field(1, kNotUtf8)), "tags[1]");
  EXPECT_EQ(InvalidField("ReleaseByTag", Field(1, "x") + Field(4, kNotUtf8)), "page_token");
}

TEST_F(RawRequestTest, TheHealthServiceRefusesWhatItCannotRead) {
  for (const std::string method : {"Check", "Watch"}) {
    const RawResult result = RawCall(channel_, "/grpc.health.v1.Health/" + method, "\x0a\x7f");
    EXPECT_EQ(Decode(result.status).reason, "MALFORMED_REQUEST") << method;
  }
}

TEST_F(RawRequestTest, RandomBytesWithinANestedMessageIsMalformed) {
  EXPECT_EQ(Reason("List", Field(1, "\xff\xff")), "MALFORMED_REQUEST");
  EXPECT_EQ(Reason("Acquire", Field(3, "\xff")), "MALFORMED_REQUEST");
}

TEST_F(RawRequestTest, UnknownFieldsAreIgnored) {
  EXPECT_TRUE(Send("Get", Field(1, "k") + Field(15, kNotUtf8)).ok());
}

}  // namespace
}  // namespace holdfast
