// LockTransport over a session: one stream carries all waits, renewals and releases, and
// tells at once when a lease has ended. Everything else goes over unary calls, as does all
// of it where the server knows no sessions, or has none left.
//
//   operation ──▶ unsent ──▶ one message with all that has gathered ──▶ server
//   answer    ◀── by its operation's id ◀── one message with all that has gathered there
//
// The stream is opened when something is to be sent, and again while leases are held. What
// is unanswered when it breaks fails, as calls over a connection that breaks do: the lease
// table sends it again. The new stream lists the leases that were granted over the session,
// and the ids of acquires that had no answer, because a grant may have been on its way: of
// the leases of a session the server ends those that are not listed.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_TRANSPORT_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_TRANSPORT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/transport/grpc_transport.h"

namespace holdfast::core {

class Session;

// Thread-safe.
class SessionTransport final : public LockTransport {
 public:
  // To the server at `address`; `session_id` is a secret, and new. See GrpcTransport.
  static absl::StatusOr<std::unique_ptr<SessionTransport>> Create(std::string_view address,
                                                                  std::string session_id);

  // Calls Shutdown.
  ~SessionTransport() override;

  std::shared_ptr<WaitCall> Wait(const WaitRequest& request, WaitEvents events) override;
  void Renew(const std::string& key, const std::string& lease_id, Duration limit,
             absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) override;
  void RenewAll(Duration limit,
                absl::AnyInvocable<void(absl::StatusOr<std::uint64_t>)> done) override;
  void Release(const std::string& key, const std::string& lease_id, Duration limit,
               absl::AnyInvocable<void(absl::Status)> done) override;
  void Get(const std::string& key, Duration limit,
           absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) override;
  void List(const ListRequest& request, Duration limit,
            absl::AnyInvocable<void(absl::StatusOr<LockPage>)> done) override;
  void ForceRelease(const std::string& key, std::uint64_t fencing_token, Duration limit,
                    absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done) override;
  void ReleaseByTag(const ReleaseByTagRequest& request, Duration limit,
                    absl::AnyInvocable<void(absl::StatusOr<ReleaseByTagPage>)> done) override;
  std::shared_ptr<WatchCall> Watch(const LockFilter& filter, WatchEvents events) override;
  void Detach(const std::string& key, const std::string& lease_id) override;
  void OnLeaseEnded(LeaseEndedListener listener) override;
  void Shutdown() override;
  void Disconnect() override;

 private:
  SessionTransport(std::shared_ptr<GrpcTransport> unary, const std::string& address,
                   std::string session_id);

  const std::shared_ptr<GrpcTransport> unary_;
  std::shared_ptr<Session> session_;  // Null once disconnected.
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_SESSION_TRANSPORT_H_
