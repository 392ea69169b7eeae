#include "tests/chaos/replaying_proxy.h"

#include <cstdio>
#include <cstdlib>

#include "grpcpp/client_context.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "tests/support/channel.h"

namespace holdfast::chaos {
namespace {

using std::chrono::milliseconds;

// A request that is passed on again later comes after most leases of the run have
// ended, and before the run does.
constexpr int kLatestMs = 2000;

// How long a Wait stream lasts at most that is to be cut.
constexpr int kLatestCutMs = 400;

grpc::Status Lost() { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "lost by the proxy"); }

// Whether a release with this answer leaves its lease_id ended.
bool HasEnded(const grpc::Status& released) {
  return released.ok() || released.error_code() == grpc::StatusCode::NOT_FOUND ||
         released.error_code() == grpc::StatusCode::FAILED_PRECONDITION;
}

}  // namespace

ReplayingProxy::ReplayingProxy(const std::string& server, std::uint64_t seed)
    : stub_(v1::LockService::NewStub(OwnChannel(server))),
      admin_stub_(v1::AdminService::NewStub(OwnChannel(server))),
      admin_(*this),
      random_(seed) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
  builder.RegisterService(this);
  builder.RegisterService(&admin_);
  server_ = builder.BuildAndStart();
  if (server_ != nullptr) return;
  std::fprintf(stderr, "the proxy cannot listen on %s\n", address().c_str());
  std::abort();
}

ReplayingProxy::~ReplayingProxy() {
  delayed_tasks_.Finish();
  // Cancels what is still open.
  server_->Shutdown(std::chrono::system_clock::now());
}

void ReplayingProxy::Finish() {
  {
    MutexLock lock(mutex_);
    harmless_ = true;
  }
  delayed_tasks_.Finish();
}

ReplayingProxy::Figures ReplayingProxy::figures() const {
  MutexLock lock(mutex_);
  return figures_;
}

int ReplayingProxy::Between(int least, int most) {
  MutexLock lock(mutex_);
  return std::uniform_int_distribution<int>(least, most)(random_);
}

void ReplayingProxy::Count(std::uint64_t Figures::*figure) {
  MutexLock lock(mutex_);
  ++(figures_.*figure);
}

ReplayingProxy::Fate ReplayingProxy::Draw() {
  const int drawn = Between(1, 100);
  MutexLock lock(mutex_);
  ++figures_.calls;
  if (harmless_) return Fate::kPass;
  return drawn <= 7    ? Fate::kLoseRequest
         : drawn <= 17 ? Fate::kLoseAnswer
         : drawn <= 25 ? Fate::kTwiceAtOnce
         : drawn <= 35 ? Fate::kAgainLater
         : drawn <= 41 ? Fate::kLate
                       : Fate::kPass;
}

bool ReplayingProxy::DrawCut() {
  const bool cut = Between(1, 100) <= 30;
  MutexLock lock(mutex_);
  return cut && !harmless_;
}

grpc::Status ReplayingProxy::Acquire(grpc::ServerContext* context,
                                     const v1::AcquireRequest* request,
                                     v1::AcquireResponse* response) {
  return Unary(*context, *request, *response);
}

grpc::Status ReplayingProxy::Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                                   v1::RenewResponse* response) {
  return Unary(*context, *request, *response);
}

grpc::Status ReplayingProxy::Release(grpc::ServerContext* context,
                                     const v1::ReleaseRequest* request,
                                     v1::ReleaseResponse* response) {
  return Unary(*context, *request, *response);
}

grpc::Status ReplayingProxy::Get(grpc::ServerContext* context, const v1::GetRequest* request,
                                 v1::GetResponse* response) {
  const auto onward = grpc::ClientContext::FromServerContext(*context);
  return stub_->Get(onward.get(), *request, response);
}

template <typename Request, typename Response>
grpc::Status ReplayingProxy::Unary(grpc::ServerContext& context, const Request& request,
                                   Response& response) {
  const Fate fate = Draw();
  if (fate == Fate::kLoseRequest) {
    Count(&Figures::requests_lost);
    return Lost();
  }
  if (fate == Fate::kLate) {
    Count(&Figures::late);
    SendCopy<Request, Response>(request, Span(1, kLatestMs / 2));
    return Lost();
  }
  if (fate == Fate::kTwiceAtOnce) SendCopy<Request, Response>(request, milliseconds(0));
  // The client's cancellation goes on to the server.
  const auto onward = grpc::ClientContext::FromServerContext(context);
  const grpc::Status status = CallOnce(*onward, request, response);
  if (fate == Fate::kAgainLater) SendCopy<Request, Response>(request, Span(1, kLatestMs));
  if (fate == Fate::kTwiceAtOnce || fate == Fate::kAgainLater) Count(&Figures::repeated);
  if (fate != Fate::kLoseAnswer) return status;
  Count(&Figures::answers_lost);
  return Lost();
}

template <typename Request, typename Response>
void ReplayingProxy::SendCopy(const Request& request, milliseconds after) {
  delayed_tasks_.Schedule(after, [this, request] {
    grpc::ClientContext onward;
    Response response;
    CallOnce(onward, request, response);
  });
}

grpc::Status ReplayingProxy::CallOnce(grpc::ClientContext& context,
                                      const v1::AcquireRequest& request,
                                      v1::AcquireResponse& response) {
  const AnswerChecker::Sent sent = answers_.OnSend(request.lease_id());
  const grpc::Status status = stub_->Acquire(&context, request, &response);
  if (status.ok()) answers_.OnHeld(sent, response.lease().fencing_token());
  return status;
}

grpc::Status ReplayingProxy::CallOnce(grpc::ClientContext& context, const v1::RenewRequest& request,
                                      v1::RenewResponse& response) {
  const AnswerChecker::Sent sent = answers_.OnSend(request.lease_id());
  const grpc::Status status = stub_->Renew(&context, request, &response);
  if (status.ok()) answers_.OnHeld(sent, response.lease().fencing_token());
  return status;
}

grpc::Status ReplayingProxy::CallOnce(grpc::ClientContext& context,
                                      const v1::ReleaseRequest& request,
                                      v1::ReleaseResponse& response) {
  const AnswerChecker::Sent sent = answers_.OnSend(request.lease_id());
  const grpc::Status status = stub_->Release(&context, request, &response);
  if (HasEnded(status)) answers_.OnEnded(sent);
  return status;
}

grpc::Status ReplayingProxy::CallOnce(grpc::ClientContext& context,
                                      const v1::ForceReleaseRequest& request,
                                      v1::ForceReleaseResponse& response) {
  return admin_stub_->ForceRelease(&context, request, &response);
}

grpc::Status ReplayingProxy::Wait(grpc::ServerContext* context, const v1::AcquireRequest* request,
                                  grpc::ServerWriter<v1::WaitEvent>* writer) {
  const Fate fate = Draw();
  if (fate == Fate::kLoseRequest) {
    Count(&Figures::requests_lost);
    return Lost();
  }
  if (fate == Fate::kLate) {
    Count(&Figures::late);
    SendWaitCopy(*request, Span(1, kLatestMs / 2));
    return Lost();
  }
  if (fate == Fate::kTwiceAtOnce) SendWaitCopy(*request, milliseconds(0));
  const auto onward = grpc::ClientContext::FromServerContext(*context);
  const bool cut = DrawCut();
  if (cut) onward->set_deadline(std::chrono::system_clock::now() + Span(0, kLatestCutMs));
  bool grant_lost = false;
  const grpc::Status status = WaitOnce(*onward, *request, [&](const v1::WaitEvent& event) {
    grant_lost = fate == Fate::kLoseAnswer && event.has_granted();
    return !grant_lost && writer->Write(event);
  });
  if (fate == Fate::kAgainLater) SendWaitCopy(*request, Span(1, kLatestMs));
  if (fate == Fate::kTwiceAtOnce || fate == Fate::kAgainLater) Count(&Figures::repeated);
  if (grant_lost) Count(&Figures::grants_lost);
  const bool was_cut = cut && status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED &&
                       status.error_details().empty();
  if (was_cut) Count(&Figures::streams_cut);
  return grant_lost || was_cut ? Lost() : status;
}

void ReplayingProxy::SendWaitCopy(const v1::AcquireRequest& request, milliseconds after) {
  delayed_tasks_.Schedule(after, [this, request] {
    grpc::ClientContext onward;
    onward.set_deadline(std::chrono::system_clock::now() + Span(0, kLatestCutMs));
    WaitOnce(onward, request, [](const v1::WaitEvent& /*event*/) { return true; });
  });
}

grpc::Status ReplayingProxy::WaitOnce(grpc::ClientContext& context,
                                      const v1::AcquireRequest& request,
                                      const std::function<bool(const v1::WaitEvent&)>& tell) {
  const AnswerChecker::Sent sent = answers_.OnSend(request.lease_id());
  const auto stream = stub_->Wait(&context, request);
  v1::WaitEvent event;
  while (stream->Read(&event)) {
    if (event.has_queued()) answers_.OnQueued(sent, event.queued().queue_sequence());
    if (event.has_granted()) answers_.OnHeld(sent, event.granted().lease().fencing_token());
    if (!tell(event)) context.TryCancel();
  }
  return stream->Finish();
}

}  // namespace holdfast::chaos
