// Two servers cannot share a data directory, a socket or a port: the second one
// says so and ends, and the first does not notice.

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

constexpr ExitStatus kDataInUse{.code = ToInt(ExitCode::kDataInUse)};
constexpr ExitStatus kAddressUnavailable{.code = ToInt(ExitCode::kAddressUnavailable)};

class ExclusiveUseTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(first_.Start(), absl::OkStatus());
    client_ = std::make_unique<StubClient>(first_.address());
    ASSERT_TRUE(client_->Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  }

  void ExpectFirstIsUndisturbed() {
    EXPECT_TRUE(client_->Renew("k", Id("holder")).ok());
    // New connections reach it, too.
    StubClient newcomer(first_.address());
    const auto lock = newcomer.Get("k");
    EXPECT_EQ(lock.response.holders_size(), 1) << lock.status;
    EXPECT_TRUE(client_->Release("k", Id("holder")).ok());
  }

  ServerProcess first_{{.flags = {"--listen=127.0.0.1:0"}}};
  std::unique_ptr<StubClient> client_;
};

TEST_F(ExclusiveUseTest, OfADataDirectory) {
  ServerProcess second({.data_dir = first_.data_dir()});
  ASSERT_EQ(second.Launch(), absl::OkStatus());
  EXPECT_EQ(second.WaitForExit(kWaitLimit), kDataInUse) << second.Log();
  EXPECT_THAT(second.Log(), HasSubstr(first_.data_dir()));
  ExpectFirstIsUndisturbed();
}

TEST_F(ExclusiveUseTest, OfAUnixSocket) {
  ServerProcess second({.flags = {"--listen=" + first_.address()}});
  ASSERT_EQ(second.Launch(), absl::OkStatus());
  EXPECT_EQ(second.WaitForExit(kWaitLimit), kAddressUnavailable) << second.Log();
  EXPECT_THAT(second.Log(), HasSubstr(first_.address()));
  ExpectFirstIsUndisturbed();
}

TEST_F(ExclusiveUseTest, OfAPort) {
  const std::string address = first_.TcpAddress();
  ServerProcess second({.flags = {"--listen=" + address}});
  ASSERT_EQ(second.Launch(), absl::OkStatus());
  EXPECT_EQ(second.WaitForExit(kWaitLimit), kAddressUnavailable) << second.Log();
  EXPECT_THAT(second.Log(), HasSubstr(address));
  StubClient by_tcp(address);
  EXPECT_EQ(by_tcp.Get("k").response.holders_size(), 1);
  ExpectFirstIsUndisturbed();
}

}  // namespace
}  // namespace holdfast
