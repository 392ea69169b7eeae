// One renewal of a lease, as a call that is sent again until it is known how it
// ended.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_RENEWAL_H_
#define HOLDFAST_CLIENTS_CPP_CORE_RENEWAL_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "clients/cpp/core/environment.h"
#include "clients/cpp/core/lease_times.h"
#include "clients/cpp/core/retrying_call.h"
#include "holdfast/time.h"

namespace holdfast::core {

using Renewal = RetryingCall<LeaseTimes>;

// Pauses and time limits that leave a lease of length `expire` room for several
// attempts.
RetryPolicy RenewalPolicy(Duration expire, MonotonicTime give_up_at);

// A renewal of the lease, not started. It brings the times that hold from then on.
std::shared_ptr<Renewal> MakeRenewal(const Environment& env, std::string key, std::string lease_id,
                                     const RetryPolicy& policy,
                                     absl::AnyInvocable<void(const absl::Status&)> on_trouble,
                                     Renewal::Answer done);

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_RENEWAL_H_
