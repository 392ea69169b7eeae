#include "services/lock/engine/sessions.h"

#include <utility>

#include "services/lock/engine/lease_ids.h"

namespace holdfast {

void Tell(const Caller& caller, Outcome outcome, std::vector<Delivery>& deliveries) {
  if (caller.session == nullptr) {
    deliveries.push_back({.call = caller.call, .outcome = std::move(outcome)});
  } else {
    deliveries.push_back({.call = caller.call,
                          .outcome = std::move(outcome),
                          .stream = caller.session->stream,
                          .operation = caller.operation,
                          .number = ++caller.session->outcomes});
  }
}

void TellStream(Session& session, Outcome outcome, std::vector<Delivery>& deliveries) {
  Tell({.call = session.stream, .session = &session}, std::move(outcome), deliveries);
}

Session* Sessions::Find(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

Session* Sessions::OfStream(CallId stream) const {
  const auto found = by_stream_.find(stream);
  return found == by_stream_.end() ? nullptr : found->second;
}

Session* Sessions::WithOrdinal(std::uint64_t ordinal) const {
  const auto found = all_.find(ordinal);
  return found == all_.end() ? nullptr : found->second.get();
}

bool Sessions::IsRetired(const std::string& id, std::uint64_t stream_number, Instant now) {
  while (!retired_.empty() && now - retired_.front().since >= LeaseIds::kRetention) {
    DropOldestRetired();
  }
  const auto found = retired_numbers_.find(id);
  return found != retired_numbers_.end() && stream_number <= found->second;
}

Session& Sessions::Add(const std::string& id, const Principal& principal) {
  auto owned = std::make_unique<Session>();
  Session& session = *owned;
  session.ordinal = ++last_ordinal_;
  session.id = id;
  session.principal = principal;
  usage_.Add(principal);
  all_.emplace(session.ordinal, std::move(owned));
  by_id_.emplace(session.id, &session);
  return session;
}

void Sessions::SetStream(Session& session, CallId stream) {
  session.stream = stream;
  by_stream_.emplace(stream, &session);
}

void Sessions::ClearStream(Session& session) {
  by_stream_.erase(session.stream);
  session.stream = {};
}

void Sessions::Forget(Session& session, Instant now) {
  by_id_.erase(session.id);
  usage_.Remove(session.principal);
  session.known = false;
  if (session.has_forgotten_ids) {
    if (retired_.size() >= kMaxRetired) DropOldestRetired();
    retired_.push_back({.id = session.id, .stream_number = session.stream_number, .since = now});
    retired_numbers_.insert_or_assign(session.id, session.stream_number);
  }
  DestroyIfUnused(session);
}

void Sessions::DestroyIfUnused(Session& session) {
  if (!session.known && session.members == 0) all_.erase(session.ordinal);
}

void Sessions::DropOldestRetired() {
  const Retired& oldest = retired_.front();
  const auto found = retired_numbers_.find(oldest.id);
  // It may have been retired again since, with a larger number.
  if (found != retired_numbers_.end() && found->second == oldest.stream_number) {
    retired_numbers_.erase(found);
  }
  retired_.pop_front();
}

}  // namespace holdfast
