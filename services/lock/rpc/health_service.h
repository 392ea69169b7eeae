// grpc.health.v1.Health: whether the server serves. gRPC's own is of its callback API,
// which call_loop.h says no service may be of.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_HEALTH_SERVICE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_HEALTH_SERVICE_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "services/lock/rpc/call_loop.h"
#include "services/lock/rpc/stream_call.h"

namespace holdfast {

using HealthStatus = grpc::health::v1::HealthCheckResponse::ServingStatus;
using RawHealthService = grpc::health::v1::Health::WithRawMethod_Check<
    grpc::health::v1::Health::WithRawMethod_Watch<grpc::health::v1::Health::Service>>;

class HealthWatch;

// Thread-safe.
class HealthServiceImpl final : public RawHealthService {
 public:
  // Knows the server as "" and by these names. It is not serving yet.
  explicit HealthServiceImpl(std::vector<std::string> services);

  void SetServing(bool serving);

  // Ends all watches, and from now on each behind its first message.
  void EndWatches();

  // Lets `loop` serve all methods. It must be stopped before this goes.
  void ServeOn(CallLoop& loop);

 private:
  friend class HealthCheck;
  friend class HealthWatch;

  // Each watch costs memory, and is told of every change.
  static constexpr std::uint32_t kMaxWatches = 1'000;

  // SERVICE_UNKNOWN of other names.
  HealthStatus StatusOf(const std::string& service) const REQUIRES(mutex_);

  const std::vector<std::string> services_;
  OpenStreams open_watches_{kMaxWatches};
  mutable Mutex mutex_;
  bool serving_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::set<HealthWatch*> watches_ GUARDED_BY(mutex_);
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_HEALTH_SERVICE_H_
