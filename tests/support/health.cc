#include "tests/support/health.h"

#include <algorithm>
#include <future>
#include <utility>

#include "tests/support/eventually.h"

namespace holdfast {
namespace {

// Debian has no package with stubs for grpc.health.v1, and the two messages are
// small enough to be written by hand:
//   HealthCheckRequest { string service = 1; }
//   HealthCheckResponse { ServingStatus status = 1; }  with SERVING = 1.
grpc::ByteBuffer EncodeRequest(const std::string& service) {
  std::string bytes;
  if (!service.empty()) bytes = std::string("\x0a") + static_cast<char>(service.size()) + service;
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

constexpr char kServingResponse[] = "\x08\x01";

std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

Health DecodeResponse(const grpc::ByteBuffer& response) {
  return Flatten(response) == kServingResponse ? Health::kServing : Health::kNotServing;
}

}  // namespace

Health AskHealth(const std::shared_ptr<grpc::Channel>& channel, const std::string& service,
                 std::chrono::milliseconds limit) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + limit);
  const grpc::ByteBuffer request = EncodeRequest(service);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  grpc::GenericStub stub(channel);
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  if (!status.ok()) return Health::kNoAnswer;
  return DecodeResponse(response);
}

HealthWatch::HealthWatch(const std::shared_ptr<grpc::Channel>& channel)
    : stub_(channel), request_(EncodeRequest("")) {
  stub_.PrepareBidiStreamingCall(&context_, "/grpc.health.v1.Health/Watch", grpc::StubOptions(),
                                 this);
  StartWriteLast(&request_, grpc::WriteOptions());
  StartRead(&response_);
  StartCall();
}

HealthWatch::~HealthWatch() {
  context_.TryCancel();
  MutexLock lock(mutex_);
  while (!ended_) changed_.Wait(mutex_);
}

bool HealthWatch::Await(Health health, std::chrono::milliseconds limit) {
  const Stopwatch watch;
  MutexLock lock(mutex_);
  const auto has_said = [&](const std::vector<Health>& said) {
    return std::find(said.begin(), said.end(), health) != said.end();
  };
  while (!has_said(said_) && !ended_ && watch.Elapsed() < limit) {
    changed_.WaitFor(mutex_, limit - watch.Elapsed());
  }
  return has_said(said_);
}

void HealthWatch::OnReadDone(bool ok) {
  if (!ok) return;  // OnDone follows.
  {
    MutexLock lock(mutex_);
    said_.push_back(DecodeResponse(response_));
    changed_.NotifyAll();
  }
  StartRead(&response_);
}

void HealthWatch::OnDone(const grpc::Status& /*status*/) {
  // Notified under the lock, because the destructor may return right after it.
  MutexLock lock(mutex_);
  ended_ = true;
  changed_.NotifyAll();
}

}  // namespace holdfast
