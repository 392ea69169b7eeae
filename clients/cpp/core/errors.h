// The errors that this library makes and tells apart.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_ERRORS_H_
#define HOLDFAST_CLIENTS_CPP_CORE_ERRORS_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "holdfast/error.h"
#include "holdfast/time.h"

namespace holdfast::core {

// A status that carries a reason, as one from the server would.
absl::Status MakeError(absl::StatusCode code, ErrorReason reason, std::string_view message,
                       const std::map<std::string, std::string>& metadata = {});

// Has `status` carry the reason, which a newer server may have more of, and the details.
void SetReason(absl::Status& status, std::string_view reason,
               const std::map<std::string, std::string>& metadata);

// How long the server asks to wait before the next try: zero to a minute, whatever is set.
// Zero: it says nothing.
void SetRetryDelay(absl::Status& status, Duration delay);
Duration RetryDelayOf(const absl::Status& status);

// Whether a call that ended with `status` may or may not have had its effect, or
// could succeed later: it should be sent again with the same lease_id.
bool ShouldRetry(const absl::Status& status);

// Whether the server said that a lease is not held any more, or never was.
bool SaysLeaseEnded(const absl::Status& status);

// The message and the reason, for people: "the lock is held (LOCK_HELD)".
std::string Describe(const absl::Status& status);

// CANCELLED, for whatever is under way when the client goes.
absl::Status ClientDestroyed();

// UNAVAILABLE, for whoever gave up because of `trouble`: that may have any code that
// ShouldRetry accepts, and would mislead as it is.
absl::Status GaveUp(std::string_view what, const absl::Status& trouble);

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_ERRORS_H_
