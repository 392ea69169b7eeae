// A client's side of a session, over all of its streams: see session_transport.h.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_H_

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/transport/call_registry.h"
#include "clients/cpp/transport/server_contact.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/time.h"
#include "holdfast/v1/session.grpc.pb.h"

namespace holdfast::core {

// What one operation comes to. Exactly one of both is called last, once; `fall_back` instead
// of `on_end`, if the server has no session for this client.
struct OperationEvents {
  std::shared_ptr<absl::AnyInvocable<void(QueueInfo)>> on_queued{};  // May be null.
  std::shared_ptr<std::uint64_t> renewed{};  // Of RenewAll: how many leases, before on_end.
  absl::AnyInvocable<void(absl::StatusOr<Grant>)> on_end;
  absl::AnyInvocable<void(OperationEvents)> fall_back;
};

// Thread-safe. Its callbacks come on gRPC's threads, or before the function returns that
// they are given to.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::unique_ptr<v1::SessionService::Stub> stub, std::string session_id,
          std::string address);

  void OnLeaseEnded(LockTransport::LeaseEndedListener listener);

  // Begins an operation, and returns its id. Falls back also if the session is full. Without an
  // answer within `limit` it ends with DEADLINE_EXCEEDED. 0: it has ended.
  std::uint64_t Begin(v1::Operation operation, std::optional<Duration> limit,
                      OperationEvents events);

  // Nobody waits for it any more. It is not told of its end.
  void Forget(std::uint64_t operation);

  // The lease leaves the session: it is told until it has been heard.
  void Detach(const std::string& key, const std::string& lease_id);

  // Ends everything, and returns when nothing is called any more. Before that it waits a moment
  // until the server has heard of what was detached: the end of the stream ends bound leases.
  void Shutdown();

 private:
  class Stream;  // session_stream.h

  // Timers: the limit of an operation by its id, and these.
  static constexpr std::uint64_t kAcknowledge = 0;
  static constexpr std::uint64_t kReopen = std::numeric_limits<std::uint64_t>::max();

  // As the server names it.
  static constexpr std::string_view kMessageLimit = "max_message_bytes";

  struct Pending {
    v1::Operation operation;
    OperationEvents events;
    MonotonicTime limit = MonotonicTime::max();  // When it ends without an answer.
    bool sent = false;
  };

  // What is to be done when the mutex has been let go of.
  using Calls = std::vector<absl::AnyInvocable<void()>>;

  static void Carry(Calls calls);

  // Of the streams, which say which they are: an old one has nothing to say any more.
  void OnResponse(Stream* stream, const v1::SessionResponse& response);
  void OnWritten(Stream* stream);
  void OnEnded(Stream* stream, const grpc::Status& status);

  void SetTimer(std::uint64_t what, MonotonicTime when) REQUIRES(mutex_);
  void Arm() REQUIRES(mutex_);
  void OnAlarm();
  void Fire(std::uint64_t what, Calls& calls) REQUIRES(mutex_);

  // What is sent: session_writing.cc.
  void Open(Calls& calls) REQUIRES(mutex_);
  void List(const std::string& lease_id, const std::string& key) REQUIRES(mutex_);
  void Write(Calls& calls) REQUIRES(mutex_);
  void LearnRoom(std::uint32_t max_message_bytes) REQUIRES(mutex_);
  std::size_t Room() const REQUIRES(mutex_);
  void WriteAttach(v1::SessionRequest& request, std::size_t& room) REQUIRES(mutex_);
  void WriteOperations(v1::SessionRequest& request, std::size_t room, Calls& calls)
      REQUIRES(mutex_);

  absl::Status WhyEnded(const grpc::Status& status) REQUIRES(mutex_);
  void Hear(const v1::Event& event, Calls& calls) REQUIRES(mutex_);
  void Leave(const v1::Operation& operation) REQUIRES(mutex_);
  void HearLeaseEnded(const v1::Event::LeaseEnded& ended, Calls& calls) REQUIRES(mutex_);
  void FallBack(Pending pending, Calls& calls) REQUIRES(mutex_);
  void End(Pending pending, absl::StatusOr<Grant> end, Calls& calls) REQUIRES(mutex_);
  void NoLongerPending(const Pending& pending) REQUIRES(mutex_);

  const std::unique_ptr<v1::SessionService::Stub> stub_;
  const std::string session_id_;
  const std::shared_ptr<ServerContact> contact_;
  const std::shared_ptr<CallRegistry> calls_ = std::make_shared<CallRegistry>();

  Mutex mutex_;
  std::shared_ptr<LockTransport::LeaseEndedListener> listener_ GUARDED_BY(mutex_);
  bool shut_down_ GUARDED_BY(mutex_) = false;
  bool unary_ GUARDED_BY(mutex_) = false;  // The server has no session for this client.
  std::size_t max_message_bytes_ GUARDED_BY(mutex_) = 0;  // The server's. 0: not known.

  std::shared_ptr<Stream> stream_ GUARDED_BY(mutex_);  // Null: there is none.
  bool writing_ GUARDED_BY(mutex_) = false;
  bool attaching_ GUARDED_BY(mutex_) = false;  // Pages are still to be sent.
  bool first_page_sent_ GUARDED_BY(mutex_) = false;
  std::uint64_t attach_id_ GUARDED_BY(mutex_) = 0;
  std::deque<v1::Operation::HeldLease> to_list_ GUARDED_BY(mutex_);
  std::uint64_t last_stream_ GUARDED_BY(mutex_) = 0;
  std::uint64_t last_operation_ GUARDED_BY(mutex_) = 0;
  std::uint64_t received_ GUARDED_BY(mutex_) = 0;
  std::uint64_t acknowledged_ GUARDED_BY(mutex_) = 0;
  bool acknowledge_soon_ GUARDED_BY(mutex_) = false;  // Its timer is set.
  bool acknowledge_now_ GUARDED_BY(mutex_) = false;

  // What is to happen when.
  std::set<std::pair<MonotonicTime, std::uint64_t>> timers_ GUARDED_BY(mutex_);
  MonotonicTime armed_for_ GUARDED_BY(mutex_) = MonotonicTime::max();
  std::unique_ptr<grpc::Alarm> alarm_ GUARDED_BY(mutex_);

  std::map<std::uint64_t, Pending> pending_ GUARDED_BY(mutex_);
  std::deque<std::uint64_t> unsent_ GUARDED_BY(mutex_);
  std::size_t detaching_ GUARDED_BY(mutex_) = 0;  // Of `pending_`.
  CondVar detached_;
  // By their ids: the keys of leases that were granted over the session and not released,
  // and of acquires that were unanswered when their stream broke.
  std::map<std::string, std::string> held_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> doubtful_ GUARDED_BY(mutex_);
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_H_
