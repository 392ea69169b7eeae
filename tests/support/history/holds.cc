#include "tests/support/history/holds.h"

#include <algorithm>
#include <cstdint>

#include "absl/container/flat_hash_map.h"

namespace holdfast::history {
namespace {

Time ValidUntil(const Digest& digest, std::size_t answer) {
  if (const auto* granted = digest.As<Granted>(answer)) return granted->valid_until;
  return digest.As<Renewed>(answer)->valid_until;
}

// When the client died; kForever if it did not.
Time DeathOf(const Digest& digest, std::uint32_t client) {
  const std::vector<ClientGap>& gaps = digest.client_gaps(client);
  if (gaps.empty() || gaps.back().continued != kNone) return kForever;
  return digest.at(gaps.back().stopped);
}

class LeaseHolds {
 public:
  LeaseHolds(const Digest& digest, std::size_t index, const LeaseBounds& bounds,
             const std::vector<Digest::Loss>& losses)
      : digest_(digest), index_(index), losses_(losses) {
    for (const std::size_t operation : digest.leases()[index].operations) {
      Sort(digest.operations()[operation]);
    }
    // What may have forced any lease is dealt with where holds are compared.
    if (bounds.forced != kNone) over_ = std::min(over_, digest.at(bounds.forced));
    std::sort(answers_.begin(), answers_.end(),
              [](const Operation* a, const Operation* b) { return a->end < b->end; });
  }

  void AppendTo(std::vector<Hold>& holds) const {
    absl::flat_hash_map<std::uint32_t, Latest> latest;
    for (const Operation* operation : answers_) {
      Latest& of_client = latest[operation->client];
      if (of_client.called != kNone && operation->called < of_client.called) continue;
      const Time from = digest_.at(operation->end);
      if (of_client.hold != kNone) {
        holds[of_client.hold].until = std::min(holds[of_client.hold].until, from);
      }
      of_client = {.called = operation->called, .hold = kNone};
      const Time until = std::min({ValidUntil(digest_, operation->end), over_,
                                   DeathOf(digest_, operation->client), LossOf(operation->client)});
      if (until <= from) continue;
      of_client.hold = holds.size();
      holds.push_back({.lease = index_, .event = operation->end, .from = from, .until = until});
    }
  }

 private:
  struct Latest {
    std::size_t called = kNone;
    std::size_t hold = kNone;
  };

  void Sort(const Operation& operation) {
    if (operation.kind == Operation::Kind::kRelease) {
      over_ = std::min(over_, digest_.at(operation.called));
    } else if (digest_.As<Granted>(operation.end) != nullptr ||
               digest_.As<Renewed>(operation.end) != nullptr) {
      answers_.push_back(&operation);
    }
  }

  Time LossOf(std::uint32_t client) const {
    for (const Digest::Loss& loss : losses_) {
      if (digest_.history()[loss.event].client == client) return digest_.at(loss.event);
    }
    return kForever;
  }

  const Digest& digest_;
  const std::size_t index_;
  const std::vector<Digest::Loss>& losses_;  // Of this lease.
  Time over_ = kForever;                     // For every client.
  std::vector<const Operation*> answers_;
};

}  // namespace

std::vector<std::vector<Hold>> HoldsOf(const Digest& digest,
                                       const std::vector<LeaseBounds>& bounds) {
  absl::flat_hash_map<std::size_t, std::vector<Digest::Loss>> losses;
  for (const Digest::Loss& loss : digest.losses()) losses[loss.lease].push_back(loss);
  const std::vector<Digest::Loss> none;

  std::vector<std::vector<Hold>> all(digest.keys().size());
  for (std::size_t key = 0; key < all.size(); ++key) {
    for (const std::size_t lease : digest.keys()[key].granted) {
      const auto found = losses.find(lease);
      LeaseHolds(digest, lease, bounds[lease], found == losses.end() ? none : found->second)
          .AppendTo(all[key]);
    }
    std::sort(all[key].begin(), all[key].end(),
              [](const Hold& a, const Hold& b) { return a.event < b.event; });
  }
  return all;
}

}  // namespace holdfast::history
