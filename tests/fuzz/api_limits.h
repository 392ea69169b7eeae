// The limits of the API's fields as protos/holdfast/v1/lock_service.proto promises
// them, written down a second time: whoever changes one without the other breaks a
// promise, and the fuzz target of requests. Pure functions.

#ifndef HOLDFAST_TESTS_FUZZ_API_LIMITS_H_
#define HOLDFAST_TESTS_FUZZ_API_LIMITS_H_

#include <string_view>

#include "holdfast/v1/admin_service.pb.h"
#include "holdfast/v1/lock_service.pb.h"

namespace holdfast::fuzz {

// Whether every field keeps to its limits; but for page tokens, of which only the
// server knows which it has made.
bool ObeysLimits(const v1::AcquireRequest& request);
bool ObeysLimitsInSession(const v1::AcquireRequest& request);
bool ObeysLimits(const v1::ReleaseRequest& request);
bool ObeysLimits(const v1::RenewRequest& request);
bool ObeysLimits(const v1::GetRequest& request);
bool ObeysLimits(const v1::ListRequest& request);
bool ObeysLimits(const v1::WatchRequest& request);
bool ObeysLimits(const v1::ForceReleaseRequest& request);
bool ObeysLimits(const v1::ReleaseByTagRequest& request);

// As Unicode defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_API_LIMITS_H_
