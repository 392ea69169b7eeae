// How a server is named: `unix:/path` or `host:port`.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_ADDRESS_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_ADDRESS_H_

#include <string_view>

#include "absl/status/status.h"

namespace holdfast::core {

// INVALID_ARGUMENT, with what is wrong, unless `address` has one of the two forms.
// Whether there is such a server is another question.
absl::Status CheckAddress(std::string_view address);

// PERMISSION_DENIED if `address` is a Unix socket that this process may not connect to:
// waiting does not help then. OK otherwise, whether or not there is a server. Does not
// block.
absl::Status CheckMayConnect(std::string_view address);

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_ADDRESS_H_
