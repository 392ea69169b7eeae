#include "services/lock/rpc/session_request.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/field_limits.h"
#include "services/lock/rpc/message_arena.h"
#include "services/lock/rpc/status.h"
#include "services/lock/rpc/validate.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {
namespace {

using v1::Operation;

const std::string& KeyOf(const Operation::AcquireOperation& acquire) {
  return acquire.request().key();
}
const std::string& KeyOf(const v1::ReleaseRequest& release) { return release.key(); }
const std::string& KeyOf(const v1::RenewRequest& renew) { return renew.key(); }
const std::string& KeyOf(const Operation::Detach& detach) { return detach.key(); }
const std::string& KeyOf(const Operation::RenewAll& /*renew_all*/) {
  static const std::string none;
  return none;
}

// `field`: of an operation of the message.
grpc::Status BrokenRule(std::string field, std::string problem) {
  return ToStatus(FieldError{"operations." + std::move(field), std::move(problem)});
}

}  // namespace

OpenOperations::Begun OpenOperations::Begin(std::uint64_t id, const std::string& key) {
  MutexLock lock(mutex_);
  if (keys_.size() >= most_) return keys_.contains(id) ? Begun::kIdInUse : Begun::kTooMany;
  return keys_.try_emplace(id, key).second ? Begun::kYes : Begun::kIdInUse;
}

std::string OpenOperations::KeyOf(std::uint64_t id) const {
  MutexLock lock(mutex_);
  const auto found = keys_.find(id);
  return found == keys_.end() ? "" : found->second;
}

std::string OpenOperations::End(std::uint64_t id) {
  MutexLock lock(mutex_);
  const auto found = keys_.find(id);
  if (found == keys_.end()) return "";
  std::string key = std::move(found->second);
  keys_.erase(found);
  return key;
}

grpc::Status SessionReader::Read(const grpc::ByteBuffer& bytes, Instant now, SessionWork& work) {
  if (bytes.Length() > max_message_bytes_) return LimitExceeded("max_message_bytes");
  MessageArena arena;
  auto& request = arena.Create<v1::SessionRequest>();
  if (grpc::Status status = ParseMessage(bytes, request); !status.ok()) return status;
  if (request.operations_size() > kMaxOperations) {
    return ToStatus(FieldError{"operations", absl::StrCat("must be at most ", kMaxOperations,
                                                          ", not ", request.operations_size())});
  }
  work.received = request.received();
  work.operations.reserve(static_cast<std::size_t>(request.operations_size()));
  for (Operation& operation : *request.mutable_operations()) {
    grpc::Status status = ReadOperation(operation, now, work);
    if (!status.ok()) return status;
  }
  return grpc::Status::OK;
}

grpc::Status SessionReader::ReadOperation(Operation& operation, Instant now, SessionWork& work) {
  const std::uint64_t id = operation.id();
  if (id == 0) return BrokenRule("id", "must not be 0");
  if (operation.has_attach()) return ReadAttach(operation, work);
  if (phase_ == Phase::kNew) return BrokenRule("attach", "must come before all others");
  if (phase_ == Phase::kListing && !operation.has_acquire()) {
    return BrokenRule("attach", "must be complete before all others but acquire");
  }
  switch (operation.operation_case()) {
    case Operation::kAcquire:
      return Accept(id, *operation.mutable_acquire(), now, work);
    case Operation::kRelease:
      return Accept(id, *operation.mutable_release(), now, work);
    case Operation::kRenew:
      return Accept(id, *operation.mutable_renew(), now, work);
    case Operation::kRenewAll:
      return Accept(id, *operation.mutable_renew_all(), now, work);
    case Operation::kDetach:
      return Accept(id, *operation.mutable_detach(), now, work);
    case Operation::kAttach:
    case Operation::OPERATION_NOT_SET:
      break;
  }
  // Absent, or of a kind that only newer servers know.
  const FieldError unknown{"operation", "must be one that this server knows"};
  return Begin(id, /*key=*/"", ToStatus(unknown), work).value_or(grpc::Status::OK);
}

// One that is wrong leaves the stream without a session, so it ends the stream.
grpc::Status SessionReader::ReadAttach(Operation& operation, SessionWork& work) {
  Operation::Attach& attach = *operation.mutable_attach();
  const bool first_page = phase_ == Phase::kNew;
  if (phase_ == Phase::kAttached) return BrokenRule("attach", "must come once only");
  if (!first_page && operation.id() != attach_id_) {
    return BrokenRule("id", "must be the same for all pages of attach");
  }
  if (std::optional<FieldError> error = ValidatePage(attach, first_page)) {
    return BrokenRule("attach." + std::move(error->field), std::move(error->problem));
  }
  phase_ = attach.more() ? Phase::kListing : Phase::kAttached;
  if (first_page) {
    attach_id_ = operation.id();
    open_.Begin(attach_id_, /*key=*/"");
    work.attach_id = attach_id_;
    work.attach = ToCommand(std::move(attach), local_);
    Permit(caller_, *work.attach);
  } else {
    AttachPageCommand page = ToPageCommand(std::move(attach));
    Permit(caller_, page);
    work.operations.push_back({.id = attach_id_, .body = std::move(page)});
  }
  return grpc::Status::OK;
}

template <typename Request>
grpc::Status SessionReader::Accept(std::uint64_t id, Request& request, Instant now,
                                   SessionWork& work) {
  static const std::string none;
  if (const std::optional<FieldError> error = Validate(request)) {
    return *Begin(id, none, ToStatus(*error), work);
  }
  const std::string key = KeyOf(request);
  auto command = ToCommand(std::move(request), now);
  const std::optional<grpc::Status> begun = Begin(id, key, Permit(caller_, command), work);
  if (begun.has_value()) return *begun;
  work.operations.push_back({.id = id, .body = std::move(command)});
  return grpc::Status::OK;
}

// Has a value if `own_status` is not OK.
std::optional<grpc::Status> SessionReader::Begin(std::uint64_t id, const std::string& key,
                                                 grpc::Status own_status, SessionWork& work) {
  switch (open_.Begin(id, key)) {
    case OpenOperations::Begun::kIdInUse:
      return BrokenRule("id", "must not be that of an operation without an answer");
    case OpenOperations::Begun::kTooMany:
      own_status = LimitExceeded("max_session_operations");
      break;
    case OpenOperations::Begun::kYes:
      if (own_status.ok()) return std::nullopt;
      break;
  }
  work.failed.push_back({.id = id, .status = std::move(own_status)});
  return grpc::Status::OK;
}

}  // namespace holdfast
