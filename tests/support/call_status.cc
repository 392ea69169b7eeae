#include "tests/support/call_status.h"

#include <ostream>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace holdfast {

std::string CallStatus::Get(const std::string& name) const {
  const auto found = metadata.find(name);
  return found == metadata.end() ? "" : found->second;
}

CallStatus Decode(const grpc::Status& status) {
  CallStatus decoded{.code = status.error_code(), .message = status.error_message()};
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return decoded;
  int error_infos = 0;
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::ErrorInfo info;
    if (detail.Is<google::rpc::RetryInfo>()) decoded.has_retry_info = true;
    if (!detail.UnpackTo(&info) || info.domain() != "holdfast") continue;
    ++error_infos;
    decoded.reason = info.reason();
    decoded.metadata = {info.metadata().begin(), info.metadata().end()};
  }
  if (error_infos != 1) decoded.reason.clear();
  return decoded;
}

std::ostream& operator<<(std::ostream& out, const CallStatus& status) {
  out << "code " << status.code << " reason [" << status.reason << "] \"" << status.message << '"';
  for (const auto& [name, value] : status.metadata) out << ' ' << name << '=' << value;
  return out;
}

}  // namespace holdfast
