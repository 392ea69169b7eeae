// grpc.reflection.v1.ServerReflection: what the server offers, for tools such as grpcurl.
// gRPC 1.51 itself has only its predecessor, v1alpha, which the server offers beside it.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_REFLECTION_SERVICE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_REFLECTION_SERVICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "services/lock/rpc/call_loop.h"
#include "services/lock/rpc/stream_call.h"

namespace holdfast {

using RawReflectionService =
    grpc::reflection::v1::ServerReflection::WithRawMethod_ServerReflectionInfo<
        grpc::reflection::v1::ServerReflection::Service>;

// Thread-safe.
class ReflectionServiceImpl final : public RawReflectionService {
 public:
  // `services`: the full names of those that it lists.
  explicit ReflectionServiceImpl(std::vector<std::string> services)
      : services_(std::move(services)) {}

  // Lets `loop` serve all methods. It must be stopped before this goes.
  void ServeOn(CallLoop& loop);

 private:
  // Each costs memory for as long as its client likes.
  static constexpr std::uint32_t kMaxStreams = 100;

  const std::vector<std::string> services_;
  OpenStreams open_streams_{kMaxStreams};
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_REFLECTION_SERVICE_H_
