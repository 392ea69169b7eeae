// A client of the raw API, as thin as it can be: one connection, blocking calls,
// errors decoded. Nothing is retried and nothing is hidden, so a test sees what
// the server really said.

#ifndef HOLDFAST_TESTS_SUPPORT_STUB_CLIENT_H_
#define HOLDFAST_TESTS_SUPPORT_STUB_CLIENT_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "holdfast/v1/admin_service.grpc.pb.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "tests/support/acquire_args.h"
#include "tests/support/call_status.h"

namespace holdfast {

template <typename Response>
struct Answer {
  CallStatus status;
  Response response{};

  bool ok() const { return status.ok(); }
};

// Thread-safe.
class StubClient {
 public:
  explicit StubClient(const std::string& address);
  explicit StubClient(std::shared_ptr<grpc::Channel> channel);

  // Calls wait for the connection, and every call has a deadline of kWaitLimit
  // (from eventually.h), so that no test hangs.
  Answer<v1::Lease> Acquire(const AcquireArgs& args);
  Answer<v1::Lease> Acquire(const v1::AcquireRequest& request);
  CallStatus Release(const std::string& key, const std::string& lease_id);
  Answer<v1::Lease> Renew(const std::string& key, const std::string& lease_id,
                          std::optional<std::chrono::nanoseconds> expire = {});
  Answer<v1::Lock> Get(const std::string& key);
  Answer<v1::ListResponse> List(const v1::ListRequest& request);

  // Every lock there is, through all pages.
  Answer<std::vector<v1::Lock>> ListAll();

  // Without a token whichever lease there is. Answers with its former holder.
  Answer<v1::Holder> ForceRelease(const std::string& key, std::uint64_t fencing_token = 0);
  Answer<v1::ReleaseByTagResponse> ReleaseByTag(const v1::ReleaseByTagRequest& request);

  v1::LockService::Stub& stub() { return *stub_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::LockService::Stub> stub_;
  const std::unique_ptr<v1::AdminService::Stub> admin_;
};

// Gives a call the deadline that every call of a test has.
void Prepare(grpc::ClientContext& context);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_STUB_CLIENT_H_
