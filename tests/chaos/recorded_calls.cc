#include "tests/chaos/recorded_calls.h"

#include <map>
#include <utility>

#include "clients/cpp/core/lease_times.h"
#include "common/mutex.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"
#include "tests/support/call_status.h"
#include "tests/support/channel.h"
#include "tests/support/eventually.h"

namespace holdfast::chaos {
namespace {

using history::Reason;

history::Time ValidUntil(history::Time sent, const v1::Lease& lease) {
  std::optional<Duration> remaining;
  if (lease.has_remaining()) remaining = FromProto(lease.remaining());
  return core::ComputeLeaseTimes(MonotonicTime(sent), FromProto(lease.elapsed()), remaining)
      .deadline.time_since_epoch();
}

// Without a reason of holdfast's it was not the server that ended the call, or not one
// that has decided anything.
CallEnd EndOf(const grpc::Status& status) {
  static const std::map<std::string, Reason> kReasons = {
      {"LOCK_HELD", Reason::kLockHeld},           {"WAIT_TIMEOUT", Reason::kWaitTimeout},
      {"LEASE_EXPIRED", Reason::kLeaseExpired},   {"LEASE_FORCED", Reason::kLeaseForced},
      {"LEASE_ENDED", Reason::kLeaseEnded},       {"LEASE_NOT_FOUND", Reason::kLeaseNotFound},
      {"LEASE_WAITING", Reason::kLeaseWaiting},   {"LOCK_NOT_HELD", Reason::kLockNotHeld},
      {"LEASE_MISMATCH", Reason::kLeaseMismatch}, {"LIMIT_EXCEEDED", Reason::kLimitExceeded},
      {"INVALID_FIELD", Reason::kInvalid},        {"MALFORMED_REQUEST", Reason::kInvalid},
      {"SERVER_STARTING", Reason::kUnavailable},  {"SERVER_STOPPING", Reason::kUnavailable},
  };
  const auto found = kReasons.find(Decode(status).reason);
  if (found == kReasons.end()) return history::Unanswered{};
  return history::Refused{.reason = found->second};
}

history::What ToWhat(const CallEnd& end) {
  return std::visit([](const auto& what) { return history::What(what); }, end);
}

// A call on its way. It is shared with gRPC, which may end it after its caller has
// given up.
template <typename Request, typename Response>
struct PendingCall {
  Request request;
  Response response;
  grpc::ClientContext context;

  Mutex mutex;
  CondVar changed;
  std::optional<grpc::Status> status GUARDED_BY(mutex);

  void End(grpc::Status how) EXCLUDES(mutex) {
    MutexLock lock(mutex);
    status = std::move(how);
    changed.NotifyAll();
  }

  std::optional<grpc::Status> Await(std::chrono::milliseconds time_limit) EXCLUDES(mutex) {
    const Stopwatch watch;
    MutexLock lock(mutex);
    while (!status.has_value() && watch.Elapsed() < time_limit) {
      changed.WaitFor(mutex, time_limit - watch.Elapsed());
    }
    return status;
  }
};

}  // namespace

RecordedCalls::RecordedCalls(const std::string& address, Recorder& recorder, std::uint32_t client)
    : recorder_(recorder),
      client_(client),
      locks_(v1::LockService::NewStub(OwnChannel(address))),
      admin_(v1::AdminService::NewStub(OwnChannel(address))) {}

template <typename Response, typename Request, typename Start, typename Read>
CallEnd RecordedCalls::Unary(history::What called, const Request& request,
                             std::chrono::milliseconds time_limit, const Start& start,
                             const Read& read) {
  auto call = std::make_shared<PendingCall<Request, Response>>();
  call->request = request;
  const history::Time sent = recorder_.Record(client_, ++operation_, std::move(called));
  start(call->context, call->request, call->response,
        [call](grpc::Status status) { call->End(std::move(status)); });
  const std::optional<grpc::Status> status = call->Await(time_limit);
  CallEnd end = history::Unanswered{};
  if (status.has_value()) end = status->ok() ? read(sent, call->response) : EndOf(*status);
  recorder_.Record(client_, operation_, ToWhat(end));
  if (!status.has_value()) call->context.TryCancel();
  return end;
}

CallEnd RecordedCalls::Acquire(const AcquireArgs& args, std::chrono::milliseconds time_limit) {
  return Unary<v1::AcquireResponse>(
      history::AcquireCalled{.key = args.key,
                             .lease_id = args.lease_id,
                             .expire = args.expire,
                             .timeout = args.timeout.value_or(Duration::zero())},
      ToRequest(args), time_limit,
      [this](grpc::ClientContext& context, const auto& request, auto& response, auto done) {
        locks_->async()->Acquire(&context, &request, &response, std::move(done));
      },
      [](history::Time sent, const v1::AcquireResponse& response) -> CallEnd {
        const v1::Lease& lease = response.lease();
        return history::Granted{.fencing_token = lease.fencing_token(),
                                .valid_until = ValidUntil(sent, lease)};
      });
}

CallEnd RecordedCalls::Renew(const std::string& key, const std::string& lease_id,
                             std::chrono::milliseconds time_limit) {
  v1::RenewRequest renew;
  renew.set_key(key);
  renew.set_lease_id(lease_id);
  return Unary<v1::RenewResponse>(
      history::RenewCalled{.key = key, .lease_id = lease_id}, renew, time_limit,
      [this](grpc::ClientContext& context, const auto& request, auto& response, auto done) {
        locks_->async()->Renew(&context, &request, &response, std::move(done));
      },
      [](history::Time sent, const v1::RenewResponse& response) -> CallEnd {
        const v1::Lease& lease = response.lease();
        return history::Renewed{.fencing_token = lease.fencing_token(),
                                .valid_until = ValidUntil(sent, lease)};
      });
}

CallEnd RecordedCalls::Release(const std::string& key, const std::string& lease_id,
                               std::chrono::milliseconds time_limit) {
  v1::ReleaseRequest release;
  release.set_key(key);
  release.set_lease_id(lease_id);
  return Unary<v1::ReleaseResponse>(
      history::ReleaseCalled{.key = key, .lease_id = lease_id}, release, time_limit,
      [this](grpc::ClientContext& context, const auto& request, auto& response, auto done) {
        locks_->async()->Release(&context, &request, &response, std::move(done));
      },
      [](history::Time /*sent*/, const v1::ReleaseResponse& /*response*/) -> CallEnd {
        return history::Released{};
      });
}

CallEnd RecordedCalls::Get(const std::string& key, std::chrono::milliseconds time_limit) {
  v1::GetRequest get;
  get.set_key(key);
  return Unary<v1::GetResponse>(
      history::GetCalled{.key = key}, get, time_limit,
      [this](grpc::ClientContext& context, const auto& request, auto& response, auto done) {
        locks_->async()->Get(&context, &request, &response, std::move(done));
      },
      [](history::Time /*sent*/, const v1::GetResponse& response) -> CallEnd {
        const v1::Lock& lock = response.lock();
        return history::Shown{
            .fencing_token = lock.holders().empty() ? 0 : lock.holders(0).fencing_token(),
            .queue_length = lock.queue_length()};
      });
}

CallEnd RecordedCalls::ForceRelease(const std::string& key, std::uint64_t fencing_token,
                                    std::chrono::milliseconds time_limit) {
  v1::ForceReleaseRequest force;
  force.set_key(key);
  force.set_fencing_token(fencing_token);
  return Unary<v1::ForceReleaseResponse>(
      history::ForceReleaseCalled{.key = key, .fencing_token = fencing_token}, force, time_limit,
      [this](grpc::ClientContext& context, const auto& request, auto& response, auto done) {
        admin_->async()->ForceRelease(&context, &request, &response, std::move(done));
      },
      [](history::Time /*sent*/, const v1::ForceReleaseResponse& response) -> CallEnd {
        return history::Forced{.fencing_token = response.former_holder().fencing_token()};
      });
}

void RecordedCalls::RecordLost(const std::string& key, const std::string& lease_id) {
  recorder_.Record(client_, history::Lost{.key = key, .lease_id = lease_id});
}

// Records what comes as it comes. It keeps itself until gRPC has ended the call, which
// after a grant may be later than the caller's interest in it: to cancel a call whose
// grant has just arrived would tell the server that it has not.
class RecordedCalls::WaitStream : private grpc::ClientReadReactor<v1::WaitEvent> {
 public:
  static std::shared_ptr<WaitStream> Start(RecordedCalls& calls, const AcquireArgs& args) {
    std::shared_ptr<WaitStream> stream(new WaitStream(calls, args));
    stream->self_ = stream;
    calls.locks_->async()->Wait(&stream->context_, &stream->request_, stream.get());
    stream->StartRead(&stream->event_);
    stream->StartCall();
    return stream;
  }

  CallEnd Await(std::chrono::milliseconds time_limit) EXCLUDES(mutex_) {
    const Stopwatch watch;
    MutexLock lock(mutex_);
    while (!end_.has_value() && watch.Elapsed() < time_limit) {
      changed_.WaitFor(mutex_, time_limit - watch.Elapsed());
    }
    if (!end_.has_value()) {
      End(history::Unanswered{});
      context_.TryCancel();
    }
    return *end_;
  }

 private:
  WaitStream(RecordedCalls& calls, const AcquireArgs& args)
      : recorder_(calls.recorder_),
        client_(calls.client_),
        operation_(++calls.operation_),
        request_(ToRequest(args)),
        sent_(recorder_.Record(client_, operation_,
                               history::AcquireCalled{.key = args.key,
                                                      .lease_id = args.lease_id,
                                                      .expire = args.expire,
                                                      .timeout = args.timeout})) {}

  void OnReadDone(bool ok) override EXCLUDES(mutex_) {
    if (!ok) return;  // OnDone follows.
    {
      MutexLock lock(mutex_);
      if (!end_.has_value()) Take(event_);
    }
    StartRead(&event_);
  }

  void OnDone(const grpc::Status& status) override EXCLUDES(mutex_) {
    // Lives to the end of this function, and the lock with it.
    const std::shared_ptr<WaitStream> self = std::move(self_);
    MutexLock lock(mutex_);
    if (!end_.has_value()) End(EndOf(status));
  }

  void Take(const v1::WaitEvent& event) REQUIRES(mutex_) {
    if (event.has_queued()) {
      recorder_.Record(client_, operation_,
                       history::Queued{.queue_sequence = event.queued().queue_sequence(),
                                       .position = event.queued().position()});
    } else if (event.has_granted()) {
      const v1::Lease& lease = event.granted().lease();
      End(history::Granted{.fencing_token = lease.fencing_token(),
                           .valid_until = ValidUntil(sent_, lease)});
    }
  }

  void End(const CallEnd& end) REQUIRES(mutex_) {
    recorder_.Record(client_, operation_, ToWhat(end));
    end_ = end;
    changed_.NotifyAll();
  }

  // Constant after construction.
  Recorder& recorder_;
  const std::uint32_t client_;
  const std::uint64_t operation_;
  const v1::AcquireRequest request_;
  const history::Time sent_;

  // gRPC's alone.
  grpc::ClientContext context_;
  v1::WaitEvent event_;
  std::shared_ptr<WaitStream> self_;

  Mutex mutex_;
  CondVar changed_;
  std::optional<CallEnd> end_ GUARDED_BY(mutex_);
};

CallEnd RecordedCalls::Wait(const AcquireArgs& args, std::chrono::milliseconds time_limit) {
  return WaitStream::Start(*this, args)->Await(time_limit);
}

bool MustRepeat(const CallEnd& end) {
  return std::holds_alternative<history::Unanswered>(end) ||
         RefusedFor(end) == Reason::kUnavailable;
}

std::optional<Reason> RefusedFor(const CallEnd& end) {
  const auto* refused = std::get_if<history::Refused>(&end);
  if (refused == nullptr) return std::nullopt;
  return refused->reason;
}

}  // namespace holdfast::chaos
