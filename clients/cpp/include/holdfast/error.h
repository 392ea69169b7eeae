// Why a call failed.
//
// Every function of this library that can fail returns an absl::Status. The
// status code gives the kind of failure; ReasonOf() gives the exact reason, if
// the lock service sent one:
//
//     absl::StatusOr<holdfast::Lease> lease = lock.Acquire();
//     if (holdfast::ReasonOf(lease.status()) == holdfast::ErrorReason::kLockHeld) {
//       std::cerr << "held by " << holdfast::ErrorMetadata(lease.status())["owner"] << '\n';
//     }
//
// All functions here are thread-safe.

#ifndef HOLDFAST_ERROR_H_
#define HOLDFAST_ERROR_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace holdfast {

// The same names and numbers as holdfast.v1.ErrorReason of the API.
enum class ErrorReason {
  // The status is OK, or comes from elsewhere: the network, this library's own
  // checks, or a server that is newer than this library.
  kUnspecified = 0,
  // ABORTED. The lock is held, and the call does not wait. Metadata: owner,
  // held_since, remaining_ms, fencing_token, queue_length.
  kLockHeld = 1,
  // DEADLINE_EXCEEDED. The lock stayed held for the whole timeout. Metadata as
  //   for kLockHeld, if known.
  kWaitTimeout = 2,
  // FAILED_PRECONDITION. The lease lapsed, on the server or by this process's
  // own conservative clock.
  kLeaseExpired = 3,
  // FAILED_PRECONDITION. An administrator ended the lease.
  kLeaseForced = 4,
  // FAILED_PRECONDITION. The lease_id has ended and cannot be used again.
  //   Metadata: ended_by.
  kLeaseEnded = 5,
  // NOT_FOUND. The server does not know this lease_id.
  kLeaseNotFound = 6,
  // FAILED_PRECONDITION. The lease_id is still waiting.
  kLeaseWaiting = 7,
  // INVALID_ARGUMENT. The lease_id is in use with other parameters.
  kLeaseMismatch = 8,
  // INVALID_ARGUMENT. A field is outside its limits. Metadata: field.
  kInvalidField = 9,
  // INVALID_ARGUMENT. The request could not be parsed.
  kMalformedRequest = 10,
  // RESOURCE_EXHAUSTED. Metadata: limit.
  kLimitExceeded = 11,
  // UNAVAILABLE. The server is loading its records.
  kServerStarting = 12,
  // UNAVAILABLE. The server is about to exit.
  kServerStopping = 13,
  // NOT_FOUND. Nobody holds the lock that was to be released by force, or not
  // with that token.
  kLockNotHeld = 14,
  // ABORTED. A newer stream has taken the session over; the library tries again there.
  kSessionReplaced = 15,
  // PERMISSION_DENIED. The server's rules do not let this caller do this with the lock.
  // Metadata: principal, permission.
  kPermissionDenied = 16,
  // UNAUTHENTICATED. As kPermissionDenied, to a caller of whom the server knows nothing.
  kUnauthenticated = 17,
  // UNAVAILABLE. What the caller may do has changed; the library asks again.
  kRulesChanged = 18,
};

// The reason that `status` carries.
ErrorReason ReasonOf(const absl::Status& status);

// As in the API: "LOCK_HELD".
std::string_view ErrorReasonName(ErrorReason reason);

// The details of `status`, by name; see ErrorReason. Empty if it has none.
std::map<std::string, std::string> ErrorMetadata(const absl::Status& status);

}  // namespace holdfast

#endif  // HOLDFAST_ERROR_H_
