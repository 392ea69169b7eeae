// What the client of a session sends: each message is parsed, its operations are checked
// and converted into the engine's commands.
//
// An operation that is wrong in itself fails alone, as the unary call would. What breaks
// the rules of the stream ends it, and nothing of that message is carried out. An id that
// is in use breaks them whatever else is wrong with the operation, because `failed` with
// that id would be taken for the answer to the other.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_SESSION_REQUEST_H_
#define HOLDFAST_SERVICES_LOCK_RPC_SESSION_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/mutex.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "holdfast/v1/session.pb.h"
#include "services/common/clock.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/permission.h"

namespace holdfast {

// The operations of a stream that have no answer yet. Thread-safe.
class OpenOperations {
 public:
  enum class Begun { kYes, kIdInUse, kTooMany };

  explicit OpenOperations(std::size_t most) : most_(most) {}

  // `key`: the lock that it is about, for messages.
  Begun Begin(std::uint64_t id, const std::string& key);

  // For a report that is not the answer. Empty if there is no such operation.
  std::string KeyOf(std::uint64_t id) const;

  // It has its answer. Returns the key.
  std::string End(std::uint64_t id);

 private:
  const std::size_t most_;
  mutable Mutex mutex_;
  absl::flat_hash_map<std::uint64_t, std::string> keys_ GUARDED_BY(mutex_);
};

// An operation that fails without the engine. It is open until its client has been told.
struct FailedOperation {
  std::uint64_t id = 0;
  grpc::Status status;
};

// What one message asks for.
struct SessionWork {
  std::uint64_t received = 0;
  // The first page of what the client holds, and the id of that operation. It comes
  // before all others.
  std::optional<AttachCommand> attach;
  std::uint64_t attach_id = 0;
  std::vector<SessionOperation> operations;
  std::vector<FailedOperation> failed;
};

// Reads the messages of one stream, in their order. Thread-compatible.
class SessionReader {
 public:
  // `open` must outlive this. `local`: see AttachCommand. `caller`: who sends them.
  SessionReader(OpenOperations& open, std::size_t max_message_bytes, bool local,
                CallerIdentity caller = {})
      : open_(open),
        max_message_bytes_(max_message_bytes),
        local_(local),
        caller_(std::move(caller)) {}

  // `now`: when the message came. Anything but OK ends the stream.
  grpc::Status Read(const grpc::ByteBuffer& bytes, Instant now, SessionWork& work);

 private:
  enum class Phase {
    kNew,       // Attach has not come.
    kListing,   // More pages of it are to come.
    kAttached,  // All of it has come.
  };

  grpc::Status ReadOperation(v1::Operation& operation, Instant now, SessionWork& work);
  grpc::Status ReadAttach(v1::Operation& operation, SessionWork& work);
  // Nothing: the operation can be carried out. Otherwise it fails, with `own_status` if
  // that is not OK, or ends the stream.
  std::optional<grpc::Status> Begin(std::uint64_t id, const std::string& key,
                                    grpc::Status own_status, SessionWork& work);
  template <typename Request>
  grpc::Status Accept(std::uint64_t id, Request& request, Instant now, SessionWork& work);

  OpenOperations& open_;
  const std::size_t max_message_bytes_;
  const bool local_;
  const CallerIdentity caller_;
  Phase phase_ = Phase::kNew;
  std::uint64_t attach_id_ = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_SESSION_REQUEST_H_
