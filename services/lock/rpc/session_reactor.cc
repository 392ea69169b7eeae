#include "services/lock/rpc/session_reactor.h"

#include <string>
#include <utility>
#include <variant>

#include "services/lock/rpc/call_loop.h"
#include "services/lock/rpc/status.h"

namespace holdfast {

void SessionReactor::OnStart() {
  place_ = open_streams_.TryOpen();
  if (place_ == nullptr) {
    Finish(LimitExceeded("max_sessions"));
    return;
  }
  // As the kernel names the other end of the connection: nothing that a client sends can
  // make one over TCP look like this.
  const std::string peer = context().peer();
  local_ = peer.starts_with("unix");
  connection_ = shared_.connections.Find(peer);
  caller_ = shared_.callers.Of(context());
  reader_.emplace(open_, shared_.max_message_bytes, local_, caller_);
  opened_ = shared_.engine.clock().Read().monotonic;
  if (!shared_.stalled.Watch(*this)) return EndIfUnknown();
  StartRead(&incoming_);
}

// If the connection is not known it is over, and nobody can tell why.
void SessionReactor::EndedByClient(const grpc::Status& status) {
  End(status, /*by_client=*/local_ && connection_ != nullptr && !connection_->cut());
}

void SessionReactor::OnReadDone(bool ok) {
  if (!ok) return EndedByClient(grpc::Status::OK);
  // With another stream its client finds out which leases it may still renew.
  if (!shared_.callers.IsCurrent(caller_)) return End(RulesChanged(), /*by_client=*/false);
  const Instant now = shared_.engine.clock().Read().monotonic;
  SessionWork work;
  grpc::Status status = reader_->Read(incoming_, now, work);
  incoming_.Clear();
  if (status.ok()) status = CarryOutWork(std::move(work));
  if (!status.ok()) return End(status, /*by_client=*/false);
  ReadOn();
}

void SessionReactor::OnCancel() {
  if (place_ == nullptr) return;  // It has been finished.
  EndedByClient(grpc::Status::CANCELLED);
}

grpc::Status SessionReactor::CarryOutWork(SessionWork work) {
  std::optional<std::uint64_t> acknowledged;
  {
    MutexLock lock(mutex_);
    if (work.received > outbox_.last_number()) {
      return ToStatus(FieldError{"received", "must be the number of a message that was sent"});
    }
    acknowledged = outbox_.Acknowledge(work.received);
  }
  if (work.attach.has_value()) Open(*std::move(work.attach), work.attach_id);
  if (acknowledged.has_value()) {
    // Before the operations: one of them may be a RenewAll.
    work.operations.insert(work.operations.begin(),
                           {.body = AcknowledgeCommand{.through = *acknowledged}});
  }
  Submit(std::move(work.operations), std::move(work.failed));
  return grpc::Status::OK;
}

void SessionReactor::Open(AttachCommand first_page, std::uint64_t operation) {
  {
    MutexLock lock(mutex_);
    if (known_ != Known::kNotYet) return;
    known_ = Known::kOpening;
  }
  const CallId stream = shared_.engine.OpenStream(std::move(first_page), operation, this,
                                                  LockEngine::Begin::kAtTakeTurn);
  bool end = false;
  bool by_client = false;
  std::uint64_t sent_through = 0;
  {
    MutexLock lock(mutex_);
    stream_ = stream;
    if (known_ == Known::kOpening) {
      known_ = Known::kOpen;
      // It had no name yet by which it could be ended.
      end = own_end_.has_value();
      by_client = by_client_;
      sent_through = outbox_.sent_through();
    }
  }
  if (end) shared_.engine.EndStream(stream, by_client, sent_through);
}

void SessionReactor::Submit(std::vector<SessionOperation> operations,
                            std::vector<FailedOperation> failed) {
  std::optional<CallId> stream;
  {
    MutexLock lock(mutex_);
    stream = stream_;
  }
  if (!stream.has_value()) return;
  if (!operations.empty() &&
      !shared_.engine.SubmitOperations(*stream, operations, LockEngine::Begin::kAtTakeTurn) &&
      Refuse(*stream, std::move(operations), failed)) {
    return;
  }
  if (failed.empty()) return;
  bool filled = false;
  Step step;
  {
    MutexLock lock(mutex_);
    if (own_end_.has_value()) return;
    outbox_.Add(std::move(failed));
    filled = HasFilled();
    step = TakeStep();
  }
  if (filled) shared_.stalled.Watch(*this);
  CarryOut(std::move(step));
}

// The mailbox has no room for them. It always has for what has no answer.
bool SessionReactor::Refuse(CallId stream, std::vector<SessionOperation> operations,
                            std::vector<FailedOperation>& failed) {
  const grpc::Status status = LimitExceeded("max_pending_commands");
  bool has_page = false;
  std::vector<SessionOperation> without_answer;
  for (SessionOperation& operation : operations) {
    has_page = has_page || std::holds_alternative<AttachPageCommand>(operation.body);
    if (operation.id == 0) {
      without_answer.push_back(std::move(operation));
    } else {
      failed.push_back({.id = operation.id, .status = status});
    }
  }
  if (!without_answer.empty()) {
    shared_.engine.SubmitOperations(stream, without_answer, LockEngine::Begin::kAtTakeTurn);
  }
  // A list with a page missing would end the leases on it.
  if (has_page) End(status, /*by_client=*/false);
  return has_page;
}

void SessionReactor::ReadOn() {
  {
    MutexLock lock(mutex_);
    if (own_end_.has_value() || known_ == Known::kEnded) return;
    paused_ = IsFull();
    if (paused_) return;
  }
  StartRead(&incoming_);
}

void SessionReactor::OnWritten() {
  bool read_on = false;
  {
    MutexLock lock(mutex_);
    outbox_.Written();
    // It has taken something, so if it is still full, that counts from now.
    full_since_.reset();
    HasFilled();
    read_on = paused_ && !IsFull() && !own_end_.has_value() && known_ != Known::kEnded;
    if (read_on) paused_ = false;
  }
  if (read_on) StartRead(&incoming_);
}

// Whether it is full now, and was not before: then it is to be watched.
bool SessionReactor::HasFilled() {
  if (!IsFull() || full_since_.has_value()) return false;
  full_since_ = shared_.engine.clock().Read().monotonic;
  return true;
}

bool SessionReactor::EndIfStalled(Instant now) {
  const char* limit = "session_backlog";
  {
    MutexLock lock(mutex_);
    if (own_end_.has_value()) return false;
    if (known_ == Known::kNotYet) {
      if (now - opened_ < kAttachLimit) return true;
      limit = "session_attach";
    } else {
      if (!full_since_.has_value()) return false;
      if (now - *full_since_ < kStallLimit) return true;
    }
  }
  End(LimitExceeded(limit), /*by_client=*/false);
  return false;
}

void SessionReactor::EndIfUnknown() {
  {
    MutexLock lock(mutex_);
    if (known_ != Known::kNotYet) return;
  }
  End(ToStatus(Refused{.reason = Refusal::kStopping}, /*key=*/""), /*by_client=*/false);
}

void SessionReactor::OnOutcomes(std::vector<SessionOutcome> outcomes) {
  bool filled = false;
  bool too_much = false;
  bool due = false;
  {
    MutexLock lock(mutex_);
    if (own_end_.has_value() || broken()) return;
    outbox_.Add(std::move(outcomes));
    filled = HasFilled();
    too_much = outbox_.unwritten_bytes() > kMostUnwrittenBytes;
    due = Defer();
  }
  if (filled) shared_.stalled.Watch(*this);
  if (too_much) End(LimitExceeded("session_backlog"), /*by_client=*/false);
  if (due) ResumeSoon();
}

void SessionReactor::OnEnded(const Refused& reason) {
  bool due = false;
  {
    MutexLock lock(mutex_);
    known_ = Known::kEnded;
    final_ = own_end_.has_value() ? *own_end_ : ToStatus(reason, /*key=*/"");
    // What a server that stops has done is still to be told, but not to a client that
    // has another stream by now.
    if (reason.reason == Refusal::kSessionReplaced) outbox_.Drop();
    due = Defer();
  }
  if (due) ResumeSoon();
}

// Not now, because whoever has the engine's turn keeps everybody waiting. The engine's own
// thread has the next commit to begin with after it; a loop's thread has time then, and to
// wake another would cost more than to write.
void SessionReactor::ResumeSoon() {
  if (CallLoop::DoAfterTurn([this] { Resume(); })) return;
  shared_.writer.Post([this] { Resume(); });
}

void SessionReactor::OnDone() {
  shared_.stalled.Remove(*this);
  delete this;
}

// The first reason counts. Does nothing if the engine has ended the stream.
void SessionReactor::End(const grpc::Status& status, bool by_client) {
  std::optional<CallId> stream;
  std::uint64_t sent_through = 0;
  bool due = false;
  {
    MutexLock lock(mutex_);
    if (own_end_.has_value() || known_ == Known::kEnded) return;
    own_end_ = status;
    by_client_ = by_client;
    outbox_.Drop();
    // Nothing is taken from now on.
    sent_through = outbox_.sent_through();
    if (known_ == Known::kOpen) stream = stream_;
    if (known_ == Known::kNotYet) {
      known_ = Known::kEnded;
      final_ = status;
      due = Defer();
    }
  }
  if (stream.has_value()) shared_.engine.EndStream(*stream, by_client, sent_through);
  if (due) ResumeSoon();
}

SessionReactor::Step SessionReactor::NextStep() {
  Step step;
  if (broken()) outbox_.Drop();
  if (!outbox_.empty()) step.message = outbox_.Take();
  if (outbox_.empty()) step.end = std::exchange(final_, std::nullopt);
  return step;
}

}  // namespace holdfast
