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

// Under this name a status carries a serialised google.rpc.ErrorInfo, and under
// the other a google.rpc.RetryInfo.
inline constexpr std::string_view kErrorInfoType = "type.googleapis.com/google.rpc.ErrorInfo";
inline constexpr std::string_view kRetryInfoType = "type.googleapis.com/google.rpc.RetryInfo";

// How long the server asks to wait before the next try. Zero: it says nothing.
Duration RetryDelayOf(const absl::Status& status);

// Whether a call that ended with `status` may or may not have had its effect, or
// could succeed later: it should be sent again with the same lease_id.
bool ShouldRetry(const absl::Status& status);

// Whether the server said that a lease is not held any more, or never was.
bool SaysLeaseEnded(const absl::Status& status);

// UNAVAILABLE, for whoever gave up because of `trouble`: that may have any code that
// ShouldRetry accepts, and would mislead as it is.
absl::Status GaveUp(std::string_view what, const absl::Status& trouble);

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_ERRORS_H_
