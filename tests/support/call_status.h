// How a call ended, with the details that every holdfast error carries decoded.

#ifndef HOLDFAST_TESTS_SUPPORT_CALL_STATUS_H_
#define HOLDFAST_TESTS_SUPPORT_CALL_STATUS_H_

#include <iosfwd>
#include <map>
#include <string>

#include "grpcpp/support/status.h"

namespace holdfast {

struct CallStatus {
  grpc::StatusCode code = grpc::StatusCode::UNKNOWN;
  std::string message{};

  // Of the one google.rpc.ErrorInfo. Empty when there is none, or not exactly
  // one of the domain "holdfast".
  std::string reason{};
  std::map<std::string, std::string> metadata{};

  bool has_retry_info = false;

  bool ok() const { return code == grpc::StatusCode::OK; }

  // The metadata entry, or empty.
  std::string Get(const std::string& name) const;
};

CallStatus Decode(const grpc::Status& status);

std::ostream& operator<<(std::ostream& out, const CallStatus& status);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CALL_STATUS_H_
