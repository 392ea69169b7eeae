// I1: tokens rise, and are never used again.
//
//   * One lease_id has one token, whoever is told of it, and for one key.
//   * Two lease_ids never have the same one.
//   * Whoever asks after a token has been seen, on any key and across restarts of the
//     server, gets a larger one.
//   * Of two holds of one key, the later has the larger token.
//
// Not seen: in which order the server made grants that were all asked for before any
// of them was answered, except by holds.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tests/support/history/invariants.h"

namespace holdfast::history {
namespace {

std::string Number(std::uint64_t token) { return std::to_string(token); }

void CheckOneTokenEach(const Evidence& evidence, Report& report) {
  const Digest& digest = evidence.digest;
  for (std::size_t index = 0; index < digest.leases().size(); ++index) {
    const LeaseDigest& lease = digest.leases()[index];
    if (lease.told == kNone) continue;
    if (lease.token == 0) report.Add(evidence.Describe(index) + " has no token", {lease.told});
    for (const std::size_t operation : lease.operations) {
      const std::size_t end = evidence.operation(operation).end;
      if (digest.As<Granted>(end) == nullptr && digest.As<Renewed>(end) == nullptr) continue;
      if (digest.TokenTold(end) == lease.token) continue;
      report.Add(evidence.Describe(index) + " has the token " + Number(lease.token) +
                     " and another one, " + Number(digest.TokenTold(end)),
                 {lease.told, end});
    }
  }
  for (const std::size_t stray : digest.strays()) {
    const Operation& operation = evidence.operation(stray);
    if (digest.As<Granted>(operation.end) != nullptr ||
        digest.As<Renewed>(operation.end) != nullptr) {
      report.Add(evidence.Describe(operation.lease) + " was granted for another key too",
                 {digest.leases()[operation.lease].told, operation.end});
    }
  }
}

void CheckNoTokenTwice(const Evidence& evidence, Report& report) {
  const Digest& digest = evidence.digest;
  absl::flat_hash_map<std::uint64_t, std::size_t> owners;
  for (std::size_t index = 0; index < digest.leases().size(); ++index) {
    const LeaseDigest& lease = digest.leases()[index];
    if (lease.told == kNone) continue;
    const auto [owner, is_new] = owners.try_emplace(lease.token, index);
    if (is_new) continue;
    report.Add(evidence.Describe(index) + " has the token " + Number(lease.token) + " of " +
                   evidence.Describe(owner->second),
               {digest.leases()[owner->second].told, lease.told});
  }
}

// Goes through the history once, with the largest token that anybody has seen so far.
void CheckLaterAskedIsLarger(const Evidence& evidence, Report& report) {
  const Digest& digest = evidence.digest;
  std::vector<std::size_t> asking(digest.history().size(), kNone);  // Leases, by event.
  for (std::size_t index = 0; index < digest.leases().size(); ++index) {
    const LeaseDigest& lease = digest.leases()[index];
    const std::size_t called = digest.FirstGrantingCall(lease);
    if (lease.told != kNone && called != kNone) asking[called] = index;
  }
  std::uint64_t largest = 0;
  std::size_t seen = kNone;
  for (std::size_t event = 0; event < asking.size(); ++event) {
    if (asking[event] != kNone) {
      const LeaseDigest& lease = digest.leases()[asking[event]];
      if (lease.token <= largest) {
        report.Add(evidence.Describe(asking[event]) + " was asked for after the token " +
                       Number(largest) + " was seen, and has the token " + Number(lease.token),
                   {seen, event, lease.told});
      }
    } else if (const std::uint64_t told = digest.TokenTold(event); told > largest) {
      largest = told;
      seen = event;
    }
  }
}

void CheckLaterHeldIsLarger(const Evidence& evidence, Report& report) {
  const Digest& digest = evidence.digest;
  for (std::size_t key = 0; key < evidence.holds.size(); ++key) {
    std::size_t largest = kNone;  // The hold.
    const std::vector<Hold>& holds = evidence.holds[key];
    for (std::size_t i = 0; i < holds.size(); ++i) {
      const LeaseDigest& lease = digest.leases()[holds[i].lease];
      const LeaseBounds& bounds = evidence.bounds[holds[i].lease];
      // It may have been over when its holder was told of it, and then says nothing.
      if (bounds.perhaps_forced < holds[i].event) break;
      if (largest == kNone || lease.token > digest.leases()[holds[largest].lease].token) {
        largest = i;
      } else if (holds[i].lease != holds[largest].lease && holds[i].event == lease.told) {
        report.Add(evidence.Describe(holds[i].lease) + " is held later than the token " +
                       Number(digest.leases()[holds[largest].lease].token) +
                       ", and has the token " + Number(lease.token),
                   {holds[largest].event, holds[i].event});
      }
    }
  }
}

}  // namespace

void CheckTokens(const Evidence& evidence, Report& report) {
  CheckOneTokenEach(evidence, report);
  CheckNoTokenTwice(evidence, report);
  CheckLaterAskedIsLarger(evidence, report);
  CheckLaterHeldIsLarger(evidence, report);
}

}  // namespace holdfast::history
