// Which requests a FakeServer refuses for what their fields hold, as a server does.

#ifndef HOLDFAST_CLIENTS_CPP_FAKE_FAKE_LIMITS_H_
#define HOLDFAST_CLIENTS_CPP_FAKE_FAKE_LIMITS_H_

#include <string>

#include "absl/status/status.h"
#include "clients/cpp/core/lock_transport.h"
#include "holdfast/lock_info.h"

namespace holdfast::fake {

// Each: INVALID_ARGUMENT, kInvalidField: the first field that is outside its limits.
absl::Status CheckKey(const std::string& key);
absl::Status CheckIds(const std::string& key, const std::string& lease_id);
absl::Status CheckFilter(const LockFilter& filter);
absl::Status Check(const core::WaitRequest& request);
absl::Status Check(const core::LockTransport::ListRequest& request);
absl::Status Check(const core::LockTransport::ReleaseByTagRequest& request);

// The page of `filter` after `key`; a token of another filter is refused.
std::string PageTokenAfter(const LockFilter& filter, const std::string& key);
// REQUIRES: Check accepts the request. Empty: it is for the first page.
std::string KeyBefore(const core::LockTransport::ListRequest& request);

}  // namespace holdfast::fake

#endif  // HOLDFAST_CLIENTS_CPP_FAKE_FAKE_LIMITS_H_
