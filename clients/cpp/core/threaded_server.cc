#include "clients/cpp/core/threaded_server.h"

#include <algorithm>
#include <utility>

#include "clients/cpp/core/errors.h"

namespace holdfast::core {
namespace {

absl::Status Lost() { return absl::UnavailableError("lost on its way"); }

absl::Status Ended() {
  return MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseEnded, "it has ended");
}

absl::Status ShutDown() { return absl::CancelledError("the transport was shut down"); }

}  // namespace

class ThreadedServer::Call final : public WaitCall, public std::enable_shared_from_this<Call> {
 public:
  Call(ThreadedServer& server, Worker& network, WaitEvents events)
      : server_(server), network_(network), events_(std::move(events)) {}

  void Cancel() override {
    MutexLock lock(server_.mutex_);
    server_.End(shared_from_this(), absl::CancelledError("cancelled"));
  }

  void SayQueued() {
    network_.Post([self = shared_from_this()] { self->events_.on_queued({.position = 1}); });
  }
  void SayEnd(absl::StatusOr<Grant> end) {
    network_.Post([self = shared_from_this(), end = std::move(end)]() mutable {
      self->events_.on_end(std::move(end));
      self->events_ = {};
    });
  }

 private:
  ThreadedServer& server_;
  Worker& network_;
  WaitEvents events_;  // Of the network's thread.
};

ThreadedServer::ThreadedServer(std::uint64_t seed, unsigned loss)
    : networks_{*Worker::Create("network-0"), *Worker::Create("network-1")},
      loss_(loss),
      random_(seed) {}

ThreadedServer::~ThreadedServer() { Shutdown(); }

std::shared_ptr<LockTransport::WaitCall> ThreadedServer::Wait(const WaitRequest& request,
                                                              WaitEvents events) {
  MutexLock lock(mutex_);
  const auto call = std::make_shared<Call>(*this, AnyNetwork(), std::move(events));
  open_.insert(call);
  if (shut_down_) {
    End(call, ShutDown());
  } else if (IsLost()) {
    End(call, Lost());
  } else {
    Receive(call, request);
  }
  return call;
}

void ThreadedServer::Receive(const std::shared_ptr<Call>& call, const WaitRequest& request) {
  Lock& lock = locks_[request.key];
  if (ended_ids_.contains(request.lease_id)) {
    End(call, Ended());
    return;
  }
  if (lock.lease.has_value() && lock.lease->lease_id == request.lease_id) {
    End(call, lock.lease->grant);
    return;
  }
  const auto place = std::find_if(
      lock.queue.begin(), lock.queue.end(),
      [&request](const Place& waiting) { return waiting.request.lease_id == request.lease_id; });
  if (place != lock.queue.end()) {
    place->call = call;
  } else if (lock.lease.has_value() && request.timeout == Duration::zero()) {
    ended_ids_.insert(request.lease_id);
    End(call, MakeError(absl::StatusCode::kAborted, ErrorReason::kLockHeld, "it is held"));
    return;
  } else {
    lock.queue.push_back({.request = request, .call = call});
  }
  if (lock.lease.has_value()) {
    call->SayQueued();
  } else {
    GrantNext(lock);
  }
}

void ThreadedServer::GrantNext(Lock& lock) {
  const auto next = std::find_if(lock.queue.begin(), lock.queue.end(),
                                 [](const Place& place) { return place.call != nullptr; });
  if (next == lock.queue.end()) return;
  lock.lease = {.lease_id = next->request.lease_id,
                .grant = {.fencing_token = ++last_token_, .remaining = next->request.expire}};
  const std::shared_ptr<Call> call = std::move(next->call);
  lock.queue.erase(next);
  if (IsLost()) {
    End(call, Lost());
  } else {
    End(call, lock.lease->grant);
  }
}

void ThreadedServer::End(const std::shared_ptr<Call>& call, absl::StatusOr<Grant> end) {
  if (open_.erase(call) == 0) return;
  for (auto& [key, lock] : locks_) {
    for (Place& place : lock.queue) {
      if (place.call == call) place.call = nullptr;
    }
  }
  call->SayEnd(std::move(end));
}

void ThreadedServer::Renew(const std::string& key, const std::string& lease_id, Duration,
                           absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) {
  MutexLock lock(mutex_);
  const std::optional<Lease>& lease = locks_[key].lease;
  if (lease.has_value() && lease->lease_id == lease_id) {
    Tell<absl::StatusOr<Grant>>(std::move(done), lease->grant);
  } else {
    Tell<absl::StatusOr<Grant>>(std::move(done), Ended());
  }
}

void ThreadedServer::Release(const std::string& key, const std::string& lease_id, Duration,
                             absl::AnyInvocable<void(absl::Status)> done) {
  MutexLock lock(mutex_);
  if (shut_down_ || IsLost()) {
    Tell<absl::Status>(std::move(done), Lost());
  } else {
    Tell<absl::Status>(std::move(done), Free(key, lease_id));
  }
}

absl::Status ThreadedServer::Free(const std::string& key, const std::string& lease_id) {
  Lock& lock = locks_[key];
  const bool known = !ended_ids_.insert(lease_id).second;
  if (lock.lease.has_value() && lock.lease->lease_id == lease_id) {
    lock.lease.reset();
    GrantNext(lock);
    return absl::OkStatus();
  }
  const auto gone =
      std::find_if(lock.queue.begin(), lock.queue.end(),
                   [&lease_id](const Place& place) { return place.request.lease_id == lease_id; });
  if (gone != lock.queue.end()) {
    const std::shared_ptr<Call> call = gone->call;
    lock.queue.erase(gone);
    if (call != nullptr) End(call, Ended());
    return absl::OkStatus();
  }
  if (known) return absl::OkStatus();
  return MakeError(absl::StatusCode::kNotFound, ErrorReason::kLeaseNotFound, "it is not known");
}

void ThreadedServer::Get(const std::string& key, Duration,
                         absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  MutexLock lock(mutex_);
  LockInfo info{.key = key};
  if (locks_[key].lease.has_value()) info.holders.emplace_back();
  info.queue_length = static_cast<std::uint32_t>(locks_[key].queue.size());
  Tell<absl::StatusOr<LockInfo>>(std::move(done), std::move(info));
}

void ThreadedServer::Shutdown() {
  {
    MutexLock lock(mutex_);
    shut_down_ = true;
    for (const std::shared_ptr<Call>& call : std::set(open_)) End(call, ShutDown());
  }
  for (const auto& network : networks_) network->Flush();
}

std::size_t ThreadedServer::left() const {
  MutexLock lock(mutex_);
  std::size_t left = 0;
  for (const auto& [key, one] : locks_) left += one.queue.size() + (one.lease ? 1 : 0);
  return left;
}

bool ThreadedServer::IsLost() { return random_() % loss_ == 0; }

Worker& ThreadedServer::AnyNetwork() { return *networks_[random_() % networks_.size()]; }

template <typename Answer>
void ThreadedServer::Tell(absl::AnyInvocable<void(Answer)> done, Answer answer) {
  if (shut_down_) {
    answer = ShutDown();
  } else if (IsLost()) {
    answer = Lost();
  }
  AnyNetwork().Post(
      [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

}  // namespace holdfast::core
