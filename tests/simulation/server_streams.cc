// The part of the simulated server that is about the streams of sessions.

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include "tests/simulation/server.h"

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;

}  // namespace

CallId Server::OpenStream(AttachCommand attach, std::uint64_t operation, StreamReplies replies) {
  const CallId stream{++last_call_};
  if (state_ != State::kServing) {
    replies.on_ended(Refusal::kStopping);
    return stream;
  }
  streams_[stream].replies = std::move(replies);
  // Who lists a lease knows of its grant.
  for (const ListedLease& lease : attach.leases) ++deliveries_[lease.lease_id];
  Put(stream, std::move(attach), stream, operation);
  return stream;
}

void Server::Operate(CallId stream, std::vector<StreamOperation> operations) {
  if (state_ != State::kServing) return;
  for (StreamOperation& operation : operations) {
    AddWhatTheServerKnows(operation.body);
    if (const auto* page = std::get_if<AttachPageCommand>(&operation.body)) {
      for (const ListedLease& lease : page->leases) ++deliveries_[lease.lease_id];
    }
    Put(CallId{++last_call_}, std::move(operation.body), stream, operation.id);
  }
}

void Server::EndStream(CallId stream, bool by_client) {
  const auto found = streams_.find(stream);
  // It was refused while the server was starting, or has been ended already.
  if (found == streams_.end() || found->second.ending) return;
  found->second.ending = true;  // Nothing is sent from now on.
  for (const StreamOutcome& unsent : std::exchange(found->second.outcomes, {})) {
    const auto* granted = std::get_if<Granted>(&unsent.outcome);
    if (granted == nullptr) continue;
    const std::string& lease_id = granted->lease.lease.spec.lease_id;
    --deliveries_[lease_id];
    if (GrantedInVain(lease_id)) ExpectTakenBack(lease_id);
  }
  Put({},
      EndStreamCommand{
          .stream = stream, .by_client = by_client, .sent_through = found->second.sent_through});
}

void Server::DeliverToStream(const Delivery& delivery) {
  const auto found = streams_.find(delivery.stream);
  // What an older stream has sent, which is refused, nobody waits for any more.
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  if (delivery.call == delivery.stream && IsFinal(delivery.outcome)) {
    const StreamReplies replies = stream.replies;
    if (!stream.outcomes.empty()) replies.on_outcomes(stream.outcomes);
    streams_.erase(found);
    replies.on_ended(std::get<Refused>(delivery.outcome).reason);
    return;
  }
  if (stream.ending) return;
  if (const auto* granted = std::get_if<Granted>(&delivery.outcome)) {
    const LeaseRecord& lease = granted->lease.lease;
    ++deliveries_[lease.spec.lease_id];
    tokens_[lease.spec.lease_id] = lease.fencing_token;
  }
  stream.outcomes.push_back(
      {.operation = delivery.operation, .number = delivery.number, .outcome = delivery.outcome});
}

void Server::FlushStreams() {
  for (auto& [id, stream] : streams_) Write(id, stream);
}

void Server::Write(CallId id, Stream& stream) {
  if (stream.writing || stream.outcomes.empty()) return;
  for (const StreamOutcome& outcome : stream.outcomes) {
    stream.sent_through = std::max(stream.sent_through, outcome.number);
  }
  stream.replies.on_outcomes(std::exchange(stream.outcomes, {}));
  if (!slow_ || !world_.chance.Permille(plan_.slow_writes_permille)) return;
  stream.writing = true;
  process_.After(world_.chance.Between(milliseconds(1), plan_.slowest_write), [this, id] {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    found->second.writing = false;
    Write(id, found->second);
  });
}

// Whatever is renewed, a lease is over when its max_hold is. (A restart begins it anew; after
// a pause nothing is held against clients for a while.)
void Server::ExpectHoldsEnd(const LeaseView& view) {
  const LeaseSpec& spec = view.lease.spec;
  if (!spec.max_hold.has_value()) return;
  process_.After(EndsWithin(*spec.max_hold),
                 [this, lease_id = spec.lease_id, stops = process_.stops(), life = life_] {
                   if (process_.stops() == stops && life_ == life && world_.disk.Holds(lease_id)) {
                     world_.recorder.Fail("a lease has outlasted its max_hold: " + lease_id);
                   }
                 });
}

}  // namespace holdfast::simulation
