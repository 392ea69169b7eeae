// What is known about whether there is a server at an address.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_SERVER_CONTACT_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_SERVER_CONTACT_H_

#include <grpcpp/support/status.h>

#include <atomic>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace holdfast::core {

// Thread-safe.
class ServerContact {
 public:
  explicit ServerContact(std::string address) : address_(std::move(address)) {}

  // The server has answered.
  void NoteAnswer() { answered_ = true; }

  // What a call has come to. PERMISSION_DENIED rather than UNAVAILABLE where waiting for
  // the server is in vain (CheckMayConnect). But once a server has answered, it is taken
  // to come back: one that starts makes its socket first and opens it to others then.
  absl::Status StatusOf(const grpc::Status& status);

 private:
  const std::string address_;
  std::atomic<bool> answered_{false};
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_SERVER_CONTACT_H_
