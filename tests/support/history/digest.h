// A history, sorted by who and what: operations, leases, keys, and when the server and
// the clients were not there. It decides nothing about invariants, only whether the
// history is one.
//
// Events are named by their index in the history, everything else by its index in the
// digest. Thread-compatible; it points into the history, which must outlive it.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_DIGEST_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_DIGEST_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tests/support/history/history.h"
#include "tests/support/history/rules.h"
#include "tests/support/history/violation.h"

namespace holdfast::history {

inline constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// A call and what came of it.
struct Operation {
  enum class Kind { kAcquire, kRenew, kRelease, kForceRelease, kGet };
  Kind kind{};
  std::uint32_t client = 0;
  std::size_t key = kNone;
  std::size_t lease = kNone;  // None of a ForceRelease or a Get.

  // Events.
  std::size_t called = kNone;
  std::size_t first_queued = kNone;
  std::size_t last_queued = kNone;
  std::size_t end = kNone;  // None if the call was cut off.
};

// One lease_id.
struct LeaseDigest {
  std::string_view id;
  std::size_t key = kNone;

  // In the order of their calls. Those that named another key are left out: the
  // server refuses them.
  std::vector<std::size_t> operations;

  std::uint64_t token = 0;   // What its holder was told first; 0: nobody was told.
  std::size_t told = kNone;  // The event: the first Granted or Renewed.
};

struct KeyDigest {
  std::string_view name;
  std::vector<std::size_t> leases;   // In the order of their first calls.
  std::vector<std::size_t> granted;  // Those whose token is known, by rising token.
  std::vector<std::size_t> forces;   // Operations, in the order of their calls.
  std::vector<std::size_t> gets;     // Likewise.
};

// When the server was not there. A life of the server ends with a gap that is no pause.
struct ServerGap {
  std::size_t first_stopped = kNone;  // Events.
  std::size_t stopped = kNone;        // The last before it started.
  std::size_t started = kNone;        // None if it did not again.
  bool pause = false;
};

// When a client was not there.
struct ClientGap {
  std::size_t stopped = kNone;    // Events.
  std::size_t continued = kNone;  // None: it died, or the history ends first.
};

class Digest {
 public:
  // Appends to `malformed` what is wrong with the history; if that is anything, the
  // digest is of no use.
  Digest(const History& history, const Rules& rules, std::vector<Violation>& malformed);

  const History& history() const { return history_; }
  const Rules& rules() const { return rules_; }
  const std::vector<Operation>& operations() const { return operations_; }
  const std::vector<LeaseDigest>& leases() const { return leases_; }
  const std::vector<KeyDigest>& keys() const { return keys_; }
  const std::vector<ServerGap>& server_gaps() const { return server_gaps_; }
  const std::vector<ClientGap>& client_gaps(std::uint32_t client) const;

  // The Queued events and their operations, in order.
  struct Place {
    std::size_t event;
    std::size_t operation;
  };
  const std::vector<Place>& places() const { return places_; }

  // Operations that named the lease_id of another key.
  const std::vector<std::size_t>& strays() const { return strays_; }

  // Events of kind Lost, with their leases.
  struct Loss {
    std::size_t event;
    std::size_t lease;
  };
  const std::vector<Loss>& losses() const { return losses_; }

  Time at(std::size_t event) const { return history_[event].time; }

  // When the history ends.
  Time last_time() const { return history_.empty() ? Time{} : history_.back().time; }

  // The event as a T, or null if it is none or there is no such event.
  template <typename T>
  const T* As(std::size_t event) const {
    return event == kNone ? nullptr : std::get_if<T>(&history_[event].what);
  }

  // Whether the server has said what came of the call.
  bool Answered(const Operation& operation) const {
    return operation.end != kNone && As<Unanswered>(operation.end) == nullptr;
  }
  bool RefusedFor(const Operation& operation, Reason reason) const {
    const auto* refused = As<Refused>(operation.end);
    return refused != nullptr && refused->reason == reason;
  }
  bool Succeeded(const Operation& operation) const {
    return Answered(operation) && As<Refused>(operation.end) == nullptr;
  }

  // False if the call has changed nothing, and will not.
  bool MayHaveEffect(const Operation& operation) const {
    return rules_.requests_may_repeat || As<Refused>(operation.end) == nullptr;
  }

  // The fencing token that a Granted, Renewed, Forced or Shown event tells; 0: none.
  std::uint64_t TokenTold(std::size_t event) const;

  // The event: the first acquire that may have brought the grant.
  std::size_t FirstGrantingCall(const LeaseDigest& lease) const;

  // For each life of the server but the last, the ServerStopped event that ended it.
  // What was received before that event comes from that life or an earlier one, and
  // what was called after it goes to a later one.
  const std::vector<std::size_t>& life_ends() const { return life_ends_; }

  // How often the server was started anew before the event.
  std::size_t LifeAt(std::size_t event) const;

 private:
  friend class Digester;

  const History& history_;
  const Rules& rules_;
  std::vector<Operation> operations_;
  std::vector<LeaseDigest> leases_;
  std::vector<KeyDigest> keys_;
  std::vector<ServerGap> server_gaps_;
  std::vector<std::size_t> life_ends_;
  absl::flat_hash_map<std::uint32_t, std::vector<ClientGap>> client_gaps_;
  const std::vector<ClientGap> no_gaps_;
  std::vector<Place> places_;
  std::vector<std::size_t> strays_;
  std::vector<Loss> losses_;
};

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_DIGEST_H_
