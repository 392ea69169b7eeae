// Calls of a method by its name, with bytes in and out: what a client can send
// that no generated stub would.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_TESTING_RAW_CALL_H_
#define HOLDFAST_SERVICES_LOCK_RPC_TESTING_RAW_CALL_H_

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "grpcpp/support/status.h"

namespace holdfast {

struct RawResult {
  grpc::Status status;
  std::vector<std::string> messages;  // All that were received.
};

// Sends one message, or none, and says that there are no more; then reads until
// the end, or cancels the call after so many messages. Works for every kind of
// method. Ends after ten seconds at the latest.
RawResult RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                  const std::optional<std::string>& request,
                  std::size_t most_messages = std::numeric_limits<std::size_t>::max());

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_TESTING_RAW_CALL_H_
