#include "clients/cpp/transport/session.h"

#include <chrono>
#include <utility>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::core {
namespace {

// Of the API: operations in a message, and leases in a page of Attach. Fewer of them, so that
// a message stays well within the server's --max-message-bytes, however long the keys.
constexpr int kMostOperations = 64;
constexpr std::size_t kMostListed = 64;
constexpr std::size_t kMostMessageBytes = 32 * 1024;

// Between one stream and the next, if it is only for the leases that are held.
constexpr Duration kReopenPause = std::chrono::milliseconds(200);

gpr_timespec FromNow(Duration span) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(span.count(), GPR_TIMESPAN));
}

absl::Status StatusOf(const google::rpc::Status& failed) {
  return StatusFrom(grpc::Status(static_cast<grpc::StatusCode>(failed.code()), failed.message(),
                                 failed.SerializeAsString()));
}

absl::Status WhyEnded(v1::ErrorReason reason) {
  const bool unknown = reason == v1::LEASE_NOT_FOUND;
  return MakeError(
      unknown ? absl::StatusCode::kNotFound : absl::StatusCode::kFailedPrecondition,
      v1::ErrorReason_IsValid(reason) ? static_cast<ErrorReason>(reason) : ErrorReason::kLeaseEnded,
      "the server has told that the lease has ended");
}

}  // namespace

// One stream. Owns itself, by the registry.
class Session::Stream final
    : public CallRegistry::Call,
      public grpc::ClientBidiReactor<v1::SessionRequest, v1::SessionResponse> {
 public:
  explicit Stream(std::shared_ptr<Session> session) : session_(std::move(session)) {}

  void Start() {
    session_->stub_->async()->Session(&context_, this);
    // Until nothing can be read any more: so long it may be written to.
    AddHold();
    {
      MutexLock lock(mutex_);
      open_ = true;
    }
    StartRead(&response_);
    StartCall();
  }

  // REQUIRES: the one before has been written.
  void Write(v1::SessionRequest request) {
    {
      MutexLock lock(mutex_);
      if (!open_) return;
      AddHold();
    }
    request_ = std::move(request);
    StartWrite(&request_);
    RemoveHold();
  }

  void Cancel() override { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      session_->OnResponse(this, response_);
      StartRead(&response_);
      return;
    }
    {
      MutexLock lock(mutex_);
      open_ = false;
    }
    RemoveHold();  // OnDone comes next, with the reason.
  }

  void OnWriteDone(bool ok) override {
    if (ok) session_->OnWritten(this);
  }

  void OnDone(const grpc::Status& status) override {
    session_->OnEnded(this, status);
    // Frees this object, perhaps.
    const std::shared_ptr<CallRegistry> registry = session_->calls_;
    registry->Remove(this);
  }

  const std::shared_ptr<Session> session_;
  grpc::ClientContext context_;
  v1::SessionRequest request_;
  v1::SessionResponse response_;

  Mutex mutex_;
  bool open_ GUARDED_BY(mutex_) = false;
};

Session::Session(std::unique_ptr<v1::SessionService::Stub> stub, std::string session_id,
                 std::string address)
    : stub_(std::move(stub)),
      session_id_(std::move(session_id)),
      contact_(std::make_shared<ServerContact>(std::move(address))) {}

void Session::OnLeaseEnded(LockTransport::LeaseEndedListener listener) {
  MutexLock lock(mutex_);
  listener_ = std::make_shared<LockTransport::LeaseEndedListener>(std::move(listener));
}

void Session::Carry(Calls calls) {
  for (auto& call : calls) call();
}

std::uint64_t Session::Begin(v1::Operation operation, std::optional<Duration> limit,
                             OperationEvents events) {
  Calls calls;
  std::uint64_t id = 0;
  {
    MutexLock lock(mutex_);
    if (shut_down_) {
      End({.events = std::move(events)}, ClientDestroyed(), calls);
    } else if (unary_) {
      FallBack(std::move(events), calls);
    } else {
      id = ++last_operation_;
      operation.set_id(id);
      Pending& pending = pending_[id];
      pending.operation = std::move(operation);
      pending.events = std::move(events);
      if (limit.has_value()) {
        pending.limit = std::make_unique<grpc::Alarm>();
        pending.limit->Set(FromNow(*limit), [self = shared_from_this(), id](bool rang) {
          if (rang) self->OnLimit(id);
        });
      }
      unsent_.push_back(id);
      if (stream_ == nullptr) Open(calls);
      Write(calls);
    }
  }
  Carry(std::move(calls));
  return id;
}

void Session::Detach(const std::string& key, const std::string& lease_id) {
  v1::Operation operation;
  operation.mutable_detach()->set_key(key);
  operation.mutable_detach()->set_lease_id(lease_id);
  Begin(std::move(operation), std::nullopt,
        {.on_end = [](const absl::StatusOr<Grant>&) {}, .fall_back = [](OperationEvents) {}});
}

void Session::Forget(std::uint64_t operation) {
  Pending forgotten;  // Destroyed outside of the mutex: it may own anything.
  MutexLock lock(mutex_);
  const auto found = pending_.find(operation);
  if (found == pending_.end()) return;
  forgotten = std::move(found->second);
  pending_.erase(found);
}

void Session::Shutdown() {
  Calls calls;
  {
    MutexLock lock(mutex_);
    shut_down_ = true;
    reopen_ = nullptr;
    for (auto& [id, pending] : std::exchange(pending_, {})) {
      End(std::move(pending), ClientDestroyed(), calls);
    }
  }
  Carry(std::move(calls));
  calls_->Shutdown();
}

void Session::OnLimit(std::uint64_t operation) {
  Calls calls;
  {
    MutexLock lock(mutex_);
    auto pending = pending_.extract(operation);
    if (pending.empty()) return;
    End(std::move(pending.mapped()), absl::DeadlineExceededError("no answer in time"), calls);
  }
  Carry(std::move(calls));
}

void Session::Open(Calls& calls) {
  reopen_ = nullptr;
  stream_ = std::make_shared<Stream>(shared_from_this());
  writing_ = false;
  attaching_ = true;
  first_page_sent_ = false;
  attach_id_ = ++last_operation_;
  ++last_stream_;
  received_ = acknowledged_ = 0;
  to_list_.clear();
  // What has outlived a stream: see OnEnded.
  unsent_.clear();
  for (const auto& [id, pending] : pending_) unsent_.push_back(id);
  for (const auto& [lease_id, key] : held_) List(lease_id, key);
  for (const auto& [lease_id, key] : doubtful_) {
    if (!held_.contains(lease_id)) List(lease_id, key);
  }
  calls.push_back([stream = stream_, registry = calls_, self = shared_from_this()] {
    if (registry->Add(stream)) {
      stream->Start();
    } else {
      self->OnEnded(stream.get(), grpc::Status::CANCELLED);
    }
  });
}

void Session::List(const std::string& lease_id, const std::string& key) {
  v1::Operation::HeldLease& lease = to_list_.emplace_back();
  lease.set_key(key);
  lease.set_lease_id(lease_id);
}

void Session::OpenLater() {
  reopen_ = std::make_unique<grpc::Alarm>();
  reopen_->Set(FromNow(kReopenPause), [self = shared_from_this()](bool rang) {
    if (!rang) return;
    Calls calls;
    {
      MutexLock lock(self->mutex_);
      if (self->shut_down_ || self->stream_ != nullptr || self->held_.empty()) return;
      self->Open(calls);
      self->Write(calls);
    }
    Carry(std::move(calls));
  });
}

void Session::Write(Calls& calls) {
  if (writing_ || stream_ == nullptr) return;
  v1::SessionRequest request;
  std::size_t bytes = 0;
  if (attaching_) WriteAttach(request);
  while (!attaching_ && !unsent_.empty() && request.operations_size() < kMostOperations &&
         bytes < kMostMessageBytes) {
    const auto next = pending_.find(unsent_.front());
    unsent_.pop_front();
    if (next == pending_.end()) continue;
    next->second.sent = true;
    bytes += next->second.operation.ByteSizeLong();
    *request.add_operations() = next->second.operation;
  }
  if (request.operations_size() == 0 && acknowledged_ == received_) return;
  acknowledged_ = received_;
  request.set_received(received_);
  writing_ = true;
  calls.push_back([stream = stream_, request = std::move(request)]() mutable {
    stream->Write(std::move(request));
  });
}

void Session::WriteAttach(v1::SessionRequest& request) {
  v1::Operation& operation = *request.add_operations();
  operation.set_id(attach_id_);
  v1::Operation::Attach& attach = *operation.mutable_attach();
  if (!std::exchange(first_page_sent_, true)) {
    attach.set_session_id(session_id_);
    attach.set_stream_number(last_stream_);
  }
  for (std::size_t i = 0; i < kMostListed && !to_list_.empty(); ++i) {
    *attach.add_leases() = std::move(to_list_.front());
    to_list_.pop_front();
  }
  attaching_ = !to_list_.empty();
  attach.set_more(attaching_);
}

void Session::OnWritten(Stream* stream) {
  Calls calls;
  {
    MutexLock lock(mutex_);
    if (stream != stream_.get()) return;
    writing_ = false;
    Write(calls);
  }
  Carry(std::move(calls));
}

void Session::OnResponse(Stream* stream, const v1::SessionResponse& response) {
  contact_->NoteAnswer();
  Calls calls;
  {
    MutexLock lock(mutex_);
    if (stream != stream_.get()) return;
    for (const v1::Event& event : response.events()) Hear(event, calls);
    received_ = response.number();
    Write(calls);
  }
  Carry(std::move(calls));
}

void Session::Hear(const v1::Event& event, Calls& calls) {
  if (event.has_lease_ended()) return HearLeaseEnded(event.lease_ended(), calls);
  if (event.has_attached()) {
    doubtful_.clear();
    return;
  }
  const auto found = pending_.find(event.id());
  if (found == pending_.end()) return;
  if (event.has_queued()) {
    if (const auto& on_queued = found->second.events.on_queued; on_queued != nullptr) {
      calls.push_back([on_queued, info = QueueInfoFrom(event.queued())]() mutable {
        (*on_queued)(std::move(info));
      });
    }
    return;
  }
  Pending pending = std::move(found->second);
  pending_.erase(found);
  const v1::Operation& operation = pending.operation;
  if (event.has_granted()) {
    const v1::AcquireRequest& request = operation.acquire().request();
    held_.emplace(request.lease_id(), request.key());
    End(std::move(pending), GrantFrom(event.granted()), calls);
  } else if (event.has_renewed()) {
    End(std::move(pending), GrantFrom(event.renewed()), calls);
  } else if (event.has_failed()) {
    const absl::Status failed = StatusOf(event.failed());
    if (!ShouldRetry(failed)) Leave(operation);
    End(std::move(pending), failed, calls);
  } else {
    Leave(operation);
    End(std::move(pending), Grant{}, calls);
  }
}

// The answer to `operation` is final.
void Session::Leave(const v1::Operation& operation) {
  if (operation.has_release()) held_.erase(operation.release().lease_id());
  if (operation.has_detach()) held_.erase(operation.detach().lease_id());
}

void Session::HearLeaseEnded(const v1::Event::LeaseEnded& ended, Calls& calls) {
  doubtful_.erase(ended.lease_id());
  if (held_.erase(ended.lease_id()) == 0 || listener_ == nullptr) return;
  calls.push_back([listener = listener_, lease_id = ended.lease_id(),
                   why = WhyEnded(ended.reason())] { (*listener)(lease_id, why); });
}

void Session::OnEnded(Stream* stream, const grpc::Status& status) {
  Calls calls;
  absl::Status why = contact_->StatusOf(status);
  if (why.ok()) why = absl::UnavailableError("the server has ended the session's stream");
  {
    MutexLock lock(mutex_);
    if (stream != stream_.get()) return;
    stream_ = nullptr;
    unsent_.clear();
    unary_ = unary_ || status.error_code() == grpc::StatusCode::UNIMPLEMENTED;
    for (auto& [id, pending] : std::exchange(pending_, {})) {
      if (unary_) {
        FallBack(std::move(pending.events), calls);
        continue;
      }
      if (pending.operation.has_detach() && !shut_down_) {
        pending_.emplace(id, std::move(pending));
        continue;
      }
      if (pending.sent && pending.operation.has_acquire()) {
        const v1::AcquireRequest& request = pending.operation.acquire().request();
        doubtful_.emplace(request.lease_id(), request.key());
      }
      End(std::move(pending), why, calls);
    }
    if (!held_.empty() && !shut_down_ && !unary_) OpenLater();
  }
  Carry(std::move(calls));
}

void Session::FallBack(OperationEvents events, Calls& calls) {
  calls.push_back([events = std::move(events)]() mutable {
    auto fall_back = std::move(events.fall_back);
    fall_back(std::move(events));
  });
}

void Session::End(Pending pending, absl::StatusOr<Grant> end, Calls& calls) {
  calls.push_back([pending = std::move(pending), end = std::move(end)]() mutable {
    pending.limit = nullptr;
    pending.events.on_end(std::move(end));
  });
}

}  // namespace holdfast::core
