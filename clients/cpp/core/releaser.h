// Gives leases back, and takes abandoned acquires out of the queue.
//
// One thing cleans up after whatever happened to an acquire: Release with its
// lease_id. The releaser sends it until the server has answered, long after the
// caller has gone on; the caller is told how it went, or that it is taking long.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_RELEASER_H_
#define HOLDFAST_CLIENTS_CPP_CORE_RELEASER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "clients/cpp/core/environment.h"
#include "clients/cpp/core/retrying_call.h"
#include "holdfast/time.h"

namespace holdfast::core {

// Single-threaded: used in tasks alone. Outlives its calls: see Shutdown.
class Releaser {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  explicit Releaser(const Environment& env) : env_(env) {}

  // Releases a lease that was held. Tells `done` once: the server's answer, or
  // UNAVAILABLE if there is none within `patience`. Goes on for as long as the lease
  // can last: for `expire`, but no longer than five minutes.
  void Release(const std::string& key, const std::string& lease_id, std::optional<Duration> expire,
               Duration patience, Done done);

  // Releases a lease_id whose acquire was given up or failed. Nobody waits for the answer.
  // Within seconds the server gives up on it by itself.
  void Abandon(const std::string& key, const std::string& lease_id);

  // How many releases the server has not yet answered.
  std::size_t pending() const { return calls_.size(); }

  // Calls `idle` when none is pending any more. At most one at a time is remembered.
  void WhenIdle(absl::AnyInvocable<void()> idle);

  // Ends all that is under way: its callers are told CANCELLED.
  void Shutdown();

 private:
  struct Released {};
  using Call = RetryingCall<Released>;

  void Send(const std::string& key, const std::string& lease_id, Duration useful_for,
            Duration patience, Done done);
  void OnAnswered(std::uint64_t id);

  const Environment env_;
  std::map<std::uint64_t, std::shared_ptr<Call>> calls_;
  std::uint64_t last_id_ = 0;
  absl::AnyInvocable<void()> idle_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_RELEASER_H_
