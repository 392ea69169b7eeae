#include "clients/cpp/core/renewal.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/status/statusor.h"

namespace holdfast::core {

RetryPolicy RenewalPolicy(Duration expire, MonotonicTime give_up_at) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  // A renewal begins with two thirds of the lease left: time for four attempts that
  // hang, or for many that fail at once.
  const Duration attempt = std::clamp<Duration>(expire / 6, milliseconds(1), seconds(5));
  return {.attempt_limit = attempt,
          .give_up_at = give_up_at,
          .first_pause = std::min<Duration>(milliseconds(50), attempt / 2),
          .longest_pause = std::min<Duration>(seconds(1), attempt)};
}

std::shared_ptr<Renewal> MakeRenewal(const Environment& env, std::string key, std::string lease_id,
                                     const RetryPolicy& policy,
                                     absl::AnyInvocable<void(const absl::Status&)> on_trouble,
                                     Renewal::Answer done) {
  auto send = [env, key = std::move(key), lease_id = std::move(lease_id)](Duration limit,
                                                                          Renewal::Answer answer) {
    const MonotonicTime sent = env.scheduler.Now();
    env.transport.Renew(key, lease_id, limit,
                        [sent, answer = std::move(answer)](absl::StatusOr<Grant> grant) mutable {
                          if (!grant.ok()) {
                            answer(grant.status());
                          } else {
                            answer(ComputeLeaseTimes(sent, grant->elapsed, grant->remaining));
                          }
                        });
  };
  return std::make_shared<Renewal>(
      env, policy,
      Renewal::Hooks{
          .send = std::move(send), .on_trouble = std::move(on_trouble), .done = std::move(done)});
}

}  // namespace holdfast::core
