// One stream of a session, as gRPC has it.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_STREAM_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <memory>
#include <utility>

#include "clients/cpp/transport/call_registry.h"
#include "clients/cpp/transport/session.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/v1/session.grpc.pb.h"

namespace holdfast::core {

// Owns itself, by the registry. Thread-safe.
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

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_STREAM_H_
