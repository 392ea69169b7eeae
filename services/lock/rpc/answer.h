// The answer to a unary call, from the engine's outcome.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_ANSWER_H_
#define HOLDFAST_SERVICES_LOCK_RPC_ANSWER_H_

#include <cstdint>
#include <string>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "holdfast/v1/admin_service.pb.h"
#include "holdfast/v1/lock_service.pb.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/rpc/page_token.h"

namespace holdfast {

// What an answer needs of its request.
struct Subject {
  std::string key;                       // For messages. Empty where there is none.
  std::uint64_t filter_fingerprint = 0;  // Of what it selects, for the page token.
};

template <typename Request>
Subject SubjectOf(const Request& request) {
  return {.key = request.key()};
}
inline Subject SubjectOf(const v1::ListRequest& request) {
  return {.filter_fingerprint = Fingerprint(request.filter())};
}
inline Subject SubjectOf(const v1::ReleaseByTagRequest& request) {
  return {.filter_fingerprint = Fingerprint(request.tags())};
}

struct UnaryAnswer {
  grpc::Status status;
  grpc::ByteBuffer message;  // Where the status is OK.
};

// REQUIRES: IsFinal(outcome).
UnaryAnswer ToAnswer(Outcome&& outcome, const Subject& subject);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_ANSWER_H_
