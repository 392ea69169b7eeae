#include "clients/cpp/transport/server_contact.h"

#include "clients/cpp/transport/address.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::core {

absl::Status ServerContact::StatusOf(const grpc::Status& status) {
  absl::Status converted = StatusFrom(status);
  if (converted.code() == absl::StatusCode::kUnavailable && !answered_) {
    if (absl::Status denied = CheckMayConnect(address_); !denied.ok()) return denied;
  }
  if (converted.ok()) NoteAnswer();
  return converted;
}

}  // namespace holdfast::core
