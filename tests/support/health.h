// Asks grpc.health.v1, as any health probe does.

#ifndef HOLDFAST_TESTS_SUPPORT_HEALTH_H_
#define HOLDFAST_TESTS_SUPPORT_HEALTH_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"

namespace holdfast {

enum class Health { kServing, kNotServing, kNoAnswer };

// Asks once, for the server as a whole (empty `service`) or for one service.
Health AskHealth(const std::shared_ptr<grpc::Channel>& channel, const std::string& service,
                 std::chrono::milliseconds limit);

// Watches the health of the server as a whole over one open call.
// Thread-safe.
class HealthWatch : private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit HealthWatch(const std::shared_ptr<grpc::Channel>& channel);

  // Ends the call.
  ~HealthWatch() override;
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;

  // True once the server has said so; false if the call has ended without it or
  // `limit` has passed.
  bool Await(Health health, std::chrono::milliseconds limit);

 private:
  void OnReadDone(bool ok) override EXCLUDES(mutex_);
  void OnDone(const grpc::Status& status) override EXCLUDES(mutex_);

  // Self-synchronised by gRPC.
  grpc::GenericStub stub_;
  grpc::ClientContext context_;

  // gRPC's alone while they are being written and read.
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;

  Mutex mutex_;
  CondVar changed_;
  std::vector<Health> said_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_HEALTH_H_
