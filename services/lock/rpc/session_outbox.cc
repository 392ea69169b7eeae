#include "services/lock/rpc/session_outbox.h"

#include <iterator>
#include <string>
#include <utility>
#include <variant>

#include "holdfast/v1/session.pb.h"
#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/message_arena.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {
namespace {

// About how many bytes an event takes beside the strings in it.
constexpr std::size_t kPlainEvent = 64;
constexpr std::size_t kError = 256;

std::size_t BytesOf(const HolderView& holder) {
  std::size_t bytes = kPlainEvent + holder.owner.size() + holder.principal.name().size();
  for (const std::string& tag : holder.tags) bytes += tag.size();
  return bytes;
}

std::size_t BytesOf(const Outcome& outcome) {
  if (const Refused* refused = std::get_if<Refused>(&outcome)) {
    // The owner is named in the message, too.
    if (!refused->holder.has_value()) return kError;
    return kError + 2 * refused->holder->owner.size() + refused->holder->principal.name().size();
  }
  if (const Queued* queued = std::get_if<Queued>(&outcome)) {
    std::size_t bytes = kPlainEvent;
    for (const HolderView& holder : queued->holders) bytes += BytesOf(holder);
    return bytes;
  }
  if (const LeaseGone* gone = std::get_if<LeaseGone>(&outcome)) {
    return kPlainEvent + gone->key.size() + gone->lease_id.size();
  }
  return kPlainEvent;
}

std::size_t BytesOf(const SessionOutcome& outcome) { return BytesOf(outcome.outcome); }

std::size_t BytesOf(const FailedOperation& operation) {
  return kPlainEvent + operation.status.error_details().size();
}

bool IsPlace(const SessionOutcome& outcome) {
  return std::holds_alternative<Queued>(outcome.outcome);
}

}  // namespace

grpc::ByteBuffer SerializeMessage(SessionMessage& message) {
  MessageArena arena;
  auto& response = arena.Create<v1::SessionResponse>();
  response.set_number(message.number);
  for (SessionEvents& events : message.events) {
    for (SessionOutcome& outcome : events.outcomes) {
      v1::Event& event = *response.add_events();
      event.set_id(outcome.operation);
      const bool answered = outcome.operation != 0 && !IsPlace(outcome);
      const std::string key = answered ? message.open->End(outcome.operation) : "";
      SetEvent(std::move(outcome.outcome), key, event);
      if (event.has_attached()) {
        event.mutable_attached()->set_max_message_bytes(message.max_message_bytes);
      }
    }
    for (const FailedOperation& operation : events.failed) {
      message.open->End(operation.id);
      v1::Event& event = *response.add_events();
      event.set_id(operation.id);
      SetFailed(operation.status, event);
    }
  }
  return SerializeMessage(response);
}

void SentMessages::Add(std::uint64_t number, std::uint64_t through) {
  if (sent_.size() == kMost) {
    for (std::size_t i = 0; i < kMost / 2; ++i) sent_[i] = sent_[2 * i + 1];
    sent_.resize(kMost / 2);
  }
  sent_.push_back({.number = number, .through = through});
}

std::optional<std::uint64_t> SentMessages::Acknowledge(std::uint64_t number) {
  std::optional<std::uint64_t> through;
  while (!sent_.empty() && sent_.front().number <= number) {
    through = sent_.front().through;
    sent_.pop_front();
  }
  return through;
}

void SessionOutbox::Add(std::vector<SessionOutcome> outcomes) {
  KeepNewestPlaces(outcomes);
  AddInPieces(std::move(outcomes), &SessionEvents::outcomes);
}

void SessionOutbox::Add(std::vector<FailedOperation> failed) {
  AddInPieces(std::move(failed), &SessionEvents::failed);
}

// Those of `outcomes` that are newer places of operations which have not been told the
// one before move there.
void SessionOutbox::KeepNewestPlaces(std::vector<SessionOutcome>& outcomes) {
  if (places_.empty()) return;
  auto kept = outcomes.begin();
  for (SessionOutcome& outcome : outcomes) {
    const auto older = IsPlace(outcome) ? places_.find(outcome.operation) : places_.end();
    if (older != places_.end()) {
      // Its number stays, so that the numbers within a message increase.
      older->second->outcome = std::move(outcome.outcome);
      continue;
    }
    if (&*kept != &outcome) *kept = std::move(outcome);
    ++kept;
  }
  outcomes.erase(kept, outcomes.end());
}

template <typename Event>
void SessionOutbox::AddInPieces(std::vector<Event> events,
                                std::vector<Event> SessionEvents::*member) {
  std::size_t begin = 0;
  while (begin < events.size()) {
    std::size_t bytes = BytesOf(events[begin]);
    std::size_t end = begin + 1;
    while (end < events.size() && bytes + BytesOf(events[end]) <= kMessageBytes) {
      bytes += BytesOf(events[end++]);
    }
    const bool is_all = begin == 0 && end == events.size();
    Waiting& waiting = waiting_.emplace_back();
    waiting.bytes = bytes;
    waiting_bytes_ += bytes;
    if (is_all) {
      waiting.events.*member = std::move(events);
    } else {
      const auto at = [&](std::size_t i) {
        return std::make_move_iterator(events.begin() + static_cast<std::ptrdiff_t>(i));
      };
      (waiting.events.*member).assign(at(begin), at(end));
    }
    for (SessionOutcome& outcome : waiting.events.outcomes) {
      if (IsPlace(outcome)) places_[outcome.operation] = &outcome;
    }
    if (is_all) return;
    begin = end;
  }
}

SessionMessage SessionOutbox::Take() {
  SessionMessage message{
      .number = ++last_number_, .open = &open_, .max_message_bytes = max_message_bytes_};
  std::uint64_t through = 0;
  do {
    Waiting& waiting = waiting_.front();
    for (const SessionOutcome& outcome : waiting.events.outcomes) {
      if (places_.empty()) break;
      if (IsPlace(outcome)) places_.erase(outcome.operation);
    }
    if (!waiting.events.outcomes.empty()) through = waiting.events.outcomes.back().number;
    taken_bytes_ += waiting.bytes;
    waiting_bytes_ -= waiting.bytes;
    message.events.push_back(std::move(waiting.events));
    waiting_.pop_front();
  } while (!waiting_.empty() && taken_bytes_ + waiting_.front().bytes <= kMessageBytes);
  if (through != 0) {
    sent_.Add(message.number, through);
    sent_through_ = through;
  }
  return message;
}

void SessionOutbox::Drop() {
  waiting_.clear();
  places_.clear();
  waiting_bytes_ = 0;
}

}  // namespace holdfast
