#include "clients/cpp/transport/session_transport.h"

#include <chrono>
#include <optional>
#include <utility>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/transport/channel.h"
#include "clients/cpp/transport/convert.h"
#include "clients/cpp/transport/session.h"

namespace holdfast::core {
namespace {

constexpr Duration kLongestPause = std::chrono::seconds(1);

// A wait over the session, or over a call of its own if it has fallen back to that.
class SessionWait final : public LockTransport::WaitCall {
 public:
  void Cancel() override {
    std::shared_ptr<LockTransport::WaitCall> unary;
    std::shared_ptr<Session> session;
    std::uint64_t operation = 0;
    {
      MutexLock lock(mutex_);
      cancelled_ = true;
      unary = unary_;
      session = session_;
      operation = operation_;
    }
    if (session != nullptr) session->Forget(operation);
    if (unary != nullptr) unary->Cancel();
  }

  void IsOperation(std::shared_ptr<Session> session, std::uint64_t operation) {
    MutexLock lock(mutex_);
    session_ = std::move(session);
    operation_ = operation;
  }

  void HasFallenBack(std::shared_ptr<LockTransport::WaitCall> unary) {
    {
      MutexLock lock(mutex_);
      unary_ = unary;
      if (!cancelled_) return;
    }
    if (unary != nullptr) unary->Cancel();
  }

 private:
  Mutex mutex_;
  bool cancelled_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<Session> session_ GUARDED_BY(mutex_);
  std::uint64_t operation_ GUARDED_BY(mutex_) = 0;
  std::shared_ptr<LockTransport::WaitCall> unary_ GUARDED_BY(mutex_);
};

// A server on this machine that is gone closes its socket. And a process that was stopped
// for longer than the answer may take would end its own connection when it goes on, and be
// taken for dead, with the leases that are bound to it.
Keepalive KeepaliveFor(std::string_view address) {
  return address.starts_with("unix:") ? Keepalive::kOff : Keepalive::kOn;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SessionTransport>> SessionTransport::Create(std::string_view address,
                                                                           std::string session_id) {
  auto unary = GrpcTransport::Create(address);
  if (!unary.ok()) return unary.status();
  return std::unique_ptr<SessionTransport>(
      new SessionTransport(*std::move(unary), std::string(address), std::move(session_id)));
}

SessionTransport::SessionTransport(std::shared_ptr<GrpcTransport> unary, const std::string& address,
                                   std::string session_id)
    : unary_(std::move(unary)),
      session_(std::make_shared<Session>(
          v1::SessionService::NewStub(OpenChannel(address, kLongestPause, KeepaliveFor(address))),
          std::move(session_id), address)) {}

SessionTransport::~SessionTransport() { Shutdown(); }

void SessionTransport::Detach(const std::string& key, const std::string& lease_id) {
  if (session_ != nullptr) session_->Detach(key, lease_id);
}

void SessionTransport::OnLeaseEnded(LeaseEndedListener listener) {
  session_->OnLeaseEnded(std::move(listener));
}

std::shared_ptr<LockTransport::WaitCall> SessionTransport::Wait(const WaitRequest& request,
                                                                WaitEvents events) {
  if (session_ == nullptr) {
    events.on_end(ClientDestroyed());
    return nullptr;
  }
  const auto call = std::make_shared<SessionWait>();
  v1::Operation operation;
  *operation.mutable_acquire()->mutable_request() = ToProto(request);
  operation.mutable_acquire()->set_report_queue(true);
  const std::uint64_t id = session_->Begin(
      std::move(operation), std::nullopt,
      {.on_queued =
           std::make_shared<absl::AnyInvocable<void(QueueInfo)>>(std::move(events.on_queued)),
       .on_end = std::move(events.on_end),
       .fall_back = [call, request, unary = unary_](OperationEvents taken) {
         WaitEvents again;
         again.on_queued = [on_queued = taken.on_queued](QueueInfo info) {
           (*on_queued)(std::move(info));
         };
         again.on_end = std::move(taken.on_end);
         if (request.bound) {
           // A server that knows no sessions would grant it, and not know what bound means.
           again.on_end(absl::FailedPreconditionError(
               "the server has no session for this client, so a lease cannot be bound"));
           return;
         }
         call->HasFallenBack(unary->Wait(request, std::move(again)));
       }});
  call->IsOperation(session_, id);
  return call;
}

void SessionTransport::Renew(const std::string& key, const std::string& lease_id, Duration limit,
                             absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) {
  if (session_ == nullptr) {
    done(ClientDestroyed());
    return;
  }
  v1::Operation operation;
  operation.mutable_renew()->set_key(key);
  operation.mutable_renew()->set_lease_id(lease_id);
  session_->Begin(std::move(operation), limit,
                  {.on_end = std::move(done),
                   .fall_back = [key, lease_id, limit, unary = unary_](OperationEvents taken) {
                     unary->Renew(key, lease_id, limit, std::move(taken.on_end));
                   }});
}

void SessionTransport::RenewAll(Duration limit,
                                absl::AnyInvocable<void(absl::StatusOr<std::uint64_t>)> done) {
  if (session_ == nullptr) {
    done(ClientDestroyed());
    return;
  }
  v1::Operation operation;
  operation.mutable_renew_all();
  const auto renewed = std::make_shared<std::uint64_t>(0);
  session_->Begin(std::move(operation), limit,
                  {.renewed = renewed,
                   .on_end =
                       [renewed, done = std::move(done)](const absl::StatusOr<Grant>& end) mutable {
                         if (end.ok()) {
                           done(*renewed);
                         } else {
                           done(end.status());
                         }
                       },
                   .fall_back =
                       [](OperationEvents taken) {
                         taken.on_end(absl::UnimplementedError("there is no session"));
                       }});
}

void SessionTransport::Release(const std::string& key, const std::string& lease_id, Duration limit,
                               absl::AnyInvocable<void(absl::Status)> done) {
  if (session_ == nullptr) {
    done(ClientDestroyed());
    return;
  }
  v1::Operation operation;
  operation.mutable_release()->set_key(key);
  operation.mutable_release()->set_lease_id(lease_id);
  session_->Begin(std::move(operation), limit,
                  {.on_end = [done = std::move(done)](
                                 const absl::StatusOr<Grant>& end) mutable { done(end.status()); },
                   .fall_back =
                       [key, lease_id, limit, unary = unary_](OperationEvents taken) {
                         unary->Release(
                             key, lease_id, limit,
                             [on_end = std::move(taken.on_end)](absl::Status status) mutable {
                               if (status.ok()) {
                                 on_end(Grant{});
                               } else {
                                 on_end(std::move(status));
                               }
                             });
                       }});
}

void SessionTransport::Get(const std::string& key, Duration limit,
                           absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  unary_->Get(key, limit, std::move(done));
}

void SessionTransport::List(const ListRequest& request, Duration limit,
                            absl::AnyInvocable<void(absl::StatusOr<LockPage>)> done) {
  unary_->List(request, limit, std::move(done));
}

void SessionTransport::ForceRelease(const std::string& key, std::uint64_t fencing_token,
                                    Duration limit,
                                    absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done) {
  unary_->ForceRelease(key, fencing_token, limit, std::move(done));
}

void SessionTransport::ReleaseByTag(
    const ReleaseByTagRequest& request, Duration limit,
    absl::AnyInvocable<void(absl::StatusOr<ReleaseByTagPage>)> done) {
  unary_->ReleaseByTag(request, limit, std::move(done));
}

std::shared_ptr<LockTransport::WatchCall> SessionTransport::Watch(const LockFilter& filter,
                                                                  WatchEvents events) {
  return unary_->Watch(filter, std::move(events));
}

void SessionTransport::Shutdown() {
  if (session_ != nullptr) session_->Shutdown();
  unary_->Shutdown();
}

void SessionTransport::Disconnect() {
  session_ = nullptr;
  unary_->Disconnect();
}

}  // namespace holdfast::core
