// What SyncLock::lock() throws for what a server answers.

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <memory>
#include <string>
#include <system_error>

#include "gtest/gtest.h"
#include "holdfast/client.h"
#include "holdfast/sync_lock.h"
#include "holdfast/v1/lock_service.grpc.pb.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

// Refuses every acquire.
class RefusingService final : public v1::LockService::Service {
 public:
  grpc::Status Wait(grpc::ServerContext*, const v1::AcquireRequest*,
                    grpc::ServerWriter<v1::WaitEvent>*) override {
    return {code, "refused"};
  }

  grpc::StatusCode code = grpc::StatusCode::OK;
};

TEST(LockErrorsTest, EachKindOfRefusalHasItsErrorCode) {
  RefusingService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto client =
      *Client::Create("127.0.0.1:" + std::to_string(port), {.connect_timeout = 10s});
  SyncLock lock(*client, "k", {.timeout = 0s});

  using enum grpc::StatusCode;
  const struct {
    grpc::StatusCode code;
    std::errc error;
  } cases[] = {
      {PERMISSION_DENIED, std::errc::permission_denied},
      {FAILED_PRECONDITION, std::errc::operation_not_permitted},
      {INVALID_ARGUMENT, std::errc::invalid_argument},
      {UNAVAILABLE, std::errc::host_unreachable},
      {RESOURCE_EXHAUSTED, std::errc::resource_unavailable_try_again},
  };
  for (const auto& [code, error] : cases) {
    service.code = code;
    try {
      lock.lock();
      FAIL() << "it was refused with " << code;
    } catch (const std::system_error& thrown) {
      EXPECT_EQ(thrown.code(), error) << code;
    }
  }
}

}  // namespace
}  // namespace holdfast
