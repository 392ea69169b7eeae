// A lock server in few lines, behind LockTransport: it answers on threads of its own, as
// gRPC does, and loses some requests and some answers. For tests in which all of the
// client's threads run for real.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_THREADED_SERVER_H_
#define HOLDFAST_CLIENTS_CPP_CORE_THREADED_SERVER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/core/runtime.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/lock_info.h"
#include "holdfast/time.h"

namespace holdfast::core {

// Thread-safe.
class ThreadedServer final : public LockTransport {
 public:
  // One in `loss` requests is lost, and one in `loss` answers.
  ThreadedServer(std::uint64_t seed, unsigned loss);
  ~ThreadedServer() override;

  std::shared_ptr<WaitCall> Wait(const WaitRequest& request, WaitEvents events) override;
  void Renew(const std::string& key, const std::string& lease_id, Duration limit,
             absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) override;
  void Release(const std::string& key, const std::string& lease_id, Duration limit,
               absl::AnyInvocable<void(absl::Status)> done) override;
  void Get(const std::string& key, Duration limit,
           absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) override;
  void Shutdown() override;

  // How many leases and places in queues there are.
  std::size_t left() const EXCLUDES(mutex_);

 private:
  class Call;
  struct Place {
    WaitRequest request;
    std::shared_ptr<Call> call;  // Null: it has broken, or was cancelled.
  };
  struct Lease {
    std::string lease_id;
    Grant grant;
  };
  struct Lock {
    std::optional<Lease> lease;
    std::list<Place> queue;
  };

  void Receive(const std::shared_ptr<Call>& call, const WaitRequest& request) REQUIRES(mutex_);
  void GrantNext(Lock& lock) REQUIRES(mutex_);
  void End(const std::shared_ptr<Call>& call, absl::StatusOr<Grant> end) REQUIRES(mutex_);
  absl::Status Free(const std::string& key, const std::string& lease_id) REQUIRES(mutex_);
  bool IsLost() REQUIRES(mutex_);
  Worker& AnyNetwork() REQUIRES(mutex_);
  // Hands `answer` to `done`, or says that it was lost.
  template <typename Answer>
  void Tell(absl::AnyInvocable<void(Answer)> done, Answer answer) REQUIRES(mutex_);

  // A call's events come in order because one of them carries all.
  const std::array<std::unique_ptr<Worker>, 2> networks_;
  const unsigned loss_;

  mutable Mutex mutex_;
  std::mt19937_64 random_ GUARDED_BY(mutex_);
  std::map<std::string, Lock> locks_ GUARDED_BY(mutex_);
  std::set<std::string> ended_ids_ GUARDED_BY(mutex_);
  std::set<std::shared_ptr<Call>> open_ GUARDED_BY(mutex_);
  std::uint64_t last_token_ GUARDED_BY(mutex_) = 0;
  bool shut_down_ GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_THREADED_SERVER_H_
