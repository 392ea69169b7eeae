#include "services/lock/rpc/health_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "services/lock/rpc/server_call.h"
#include "services/lock/rpc/status.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

class HealthCheck final : public UnaryServerCall {
 public:
  explicit HealthCheck(const HealthServiceImpl& health) : health_(health) {}

 private:
  ~HealthCheck() override = default;

  void OnStart() override {
    HealthCheckRequest request;
    if (const grpc::Status status = ParseMessage(this->request(), request); !status.ok()) {
      Finish(grpc::ByteBuffer(), status);
      return;
    }
    HealthCheckResponse response;
    {
      MutexLock lock(health_.mutex_);
      response.set_status(health_.StatusOf(request.service()));
    }
    const bool known = response.status() != HealthCheckResponse::SERVICE_UNKNOWN;
    Finish(SerializeMessage(response),
           known ? grpc::Status::OK : grpc::Status(grpc::StatusCode::NOT_FOUND, "no such service"));
  }

  void OnCancel() override {}
  void OnDone() override { delete this; }

  const HealthServiceImpl& health_;
};

// A stream of the states of one service, each when it has changed.
class HealthWatch final : public StreamCall<WriteServerCall, HealthCheckResponse> {
 public:
  explicit HealthWatch(HealthServiceImpl& health) : health_(health) {}

  // Of the service that is watched. REQUIRES: the caller holds the service's mutex, so
  // that the object is not gone.
  void Tell(HealthStatus status) {
    Step step;
    {
      MutexLock lock(mutex_);
      status_ = status;
      step = TakeStep();
    }
    CarryOut(std::move(step));
  }

  // The server stops. REQUIRES: as Tell.
  void End() { EndWith(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server is stopping")); }

  const std::string& service() const { return service_; }

 private:
  ~HealthWatch() override = default;

  void OnStart() override {
    HealthCheckRequest request;
    if (const grpc::Status status = ParseMessage(this->request(), request); !status.ok()) {
      Finish(status);
      return;
    }
    place_ = health_.open_watches_.TryOpen();
    if (place_ == nullptr) {
      Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many watches of the health"));
      return;
    }
    service_ = request.service();
    MutexLock lock(health_.mutex_);
    health_.watches_.insert(this);
    Tell(health_.StatusOf(service_));
    if (health_.ended_) End();
  }

  void OnCancel() override {
    if (place_ == nullptr) return;  // It has been finished.
    EndWith(grpc::Status::CANCELLED);
  }

  // The first reason counts.
  void EndWith(const grpc::Status& status) {
    Step step;
    {
      MutexLock lock(mutex_);
      if (end_.has_value()) return;
      end_ = status;
      step = TakeStep();
    }
    CarryOut(std::move(step));
  }

  void OnDone() override {
    {
      MutexLock lock(health_.mutex_);
      health_.watches_.erase(this);
    }
    delete this;
  }

  Step NextStep() override REQUIRES(mutex_) {
    Step step;
    if (status_ != told_) {
      told_ = status_;
      step.message.emplace().set_status(*told_);
    }
    step.end = end_;
    return step;
  }

  HealthServiceImpl& health_;
  // Set by OnStart.
  OpenStreams::Place place_;
  std::string service_;

  std::optional<HealthStatus> status_ GUARDED_BY(mutex_);
  std::optional<HealthStatus> told_ GUARDED_BY(mutex_);
  std::optional<grpc::Status> end_ GUARDED_BY(mutex_);
};

HealthServiceImpl::HealthServiceImpl(std::vector<std::string> services)
    : services_(std::move(services)) {}

void HealthServiceImpl::SetServing(bool serving) {
  MutexLock lock(mutex_);
  serving_ = serving;
  for (HealthWatch* watch : watches_) watch->Tell(StatusOf(watch->service()));
}

void HealthServiceImpl::EndWatches() {
  MutexLock lock(mutex_);
  ended_ = true;
  for (HealthWatch* watch : watches_) watch->End();
}

HealthStatus HealthServiceImpl::StatusOf(const std::string& service) const {
  if (!service.empty() &&
      std::find(services_.begin(), services_.end(), service) == services_.end()) {
    return HealthCheckResponse::SERVICE_UNKNOWN;
  }
  return serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

void HealthServiceImpl::ServeOn(CallLoop& loop) {
  loop.Accept(*this, &HealthServiceImpl::RequestCheck, [this] { return new HealthCheck(*this); });
  loop.Accept(*this, &HealthServiceImpl::RequestWatch, [this] { return new HealthWatch(*this); });
}

}  // namespace holdfast
