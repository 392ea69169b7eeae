// A client's side of a session, over all of its streams: see session_transport.h.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_H_

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
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
// of `on_end`, if the server knows no sessions.
struct OperationEvents {
  std::shared_ptr<absl::AnyInvocable<void(QueueInfo)>> on_queued{};  // May be null.
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

  // Begins an operation, and returns its id. Without an answer within `limit` it ends with
  // DEADLINE_EXCEEDED. 0: it has ended.
  std::uint64_t Begin(v1::Operation operation, std::optional<Duration> limit,
                      OperationEvents events);

  // Nobody waits for it any more. It is not told of its end.
  void Forget(std::uint64_t operation);

  // The lease leaves the session: it is told until it has been heard.
  void Detach(const std::string& key, const std::string& lease_id);

  // Ends everything, and returns when nothing is called any more.
  void Shutdown();

 private:
  class Stream;

  struct Pending {
    v1::Operation operation;
    OperationEvents events;
    std::unique_ptr<grpc::Alarm> limit;  // Null: there is none.
    bool sent = false;
  };

  // What is to be done when the mutex has been let go of.
  using Calls = std::vector<absl::AnyInvocable<void()>>;

  static void Carry(Calls calls);

  // Of the streams, which say which they are: an old one has nothing to say any more.
  void OnResponse(Stream* stream, const v1::SessionResponse& response);
  void OnWritten(Stream* stream);
  void OnEnded(Stream* stream, const grpc::Status& status);

  void OnLimit(std::uint64_t operation);
  void Open(Calls& calls) REQUIRES(mutex_);
  void List(const std::string& lease_id, const std::string& key) REQUIRES(mutex_);
  void OpenLater() REQUIRES(mutex_);
  void Write(Calls& calls) REQUIRES(mutex_);
  void WriteAttach(v1::SessionRequest& request) REQUIRES(mutex_);
  void Hear(const v1::Event& event, Calls& calls) REQUIRES(mutex_);
  void Leave(const v1::Operation& operation) REQUIRES(mutex_);
  void HearLeaseEnded(const v1::Event::LeaseEnded& ended, Calls& calls) REQUIRES(mutex_);
  static void FallBack(OperationEvents events, Calls& calls);
  static void End(Pending pending, absl::StatusOr<Grant> end, Calls& calls);

  const std::unique_ptr<v1::SessionService::Stub> stub_;
  const std::string session_id_;
  const std::shared_ptr<ServerContact> contact_;
  const std::shared_ptr<CallRegistry> calls_ = std::make_shared<CallRegistry>();

  Mutex mutex_;
  std::shared_ptr<LockTransport::LeaseEndedListener> listener_ GUARDED_BY(mutex_);
  bool shut_down_ GUARDED_BY(mutex_) = false;
  bool unary_ GUARDED_BY(mutex_) = false;  // The server knows no sessions.

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
  std::unique_ptr<grpc::Alarm> reopen_ GUARDED_BY(mutex_);

  std::map<std::uint64_t, Pending> pending_ GUARDED_BY(mutex_);
  std::deque<std::uint64_t> unsent_ GUARDED_BY(mutex_);
  // By their ids: the keys of leases that were granted over the session and not released,
  // and of acquires that were unanswered when their stream broke.
  std::map<std::string, std::string> held_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> doubtful_ GUARDED_BY(mutex_);
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_H_
