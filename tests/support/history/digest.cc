#include "tests/support/history/digest.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

namespace holdfast::history {
namespace {

using Kind = Operation::Kind;

// Whether an event of type T may come of a call of this kind.
template <typename T>
bool Fits(Kind kind) {
  if constexpr (std::is_same_v<T, Queued> || std::is_same_v<T, Granted>) {
    return kind == Kind::kAcquire;
  } else if constexpr (std::is_same_v<T, Renewed>) {
    return kind == Kind::kRenew;
  } else if constexpr (std::is_same_v<T, Released>) {
    return kind == Kind::kRelease;
  } else if constexpr (std::is_same_v<T, Forced>) {
    return kind == Kind::kForceRelease;
  } else if constexpr (std::is_same_v<T, Shown>) {
    return kind == Kind::kGet;
  } else {
    return std::is_same_v<T, Refused> || std::is_same_v<T, Unanswered>;
  }
}

}  // namespace

// Reads a history once, from its beginning to its end.
class Digester {
 public:
  Digester(Digest& digest, std::vector<Violation>& malformed)
      : digest_(digest), malformed_(malformed) {}

  void Run() {
    const History& history = digest_.history_;
    for (event_ = 0; event_ < history.size(); ++event_) {
      if (event_ > 0 && history[event_].time < history[event_ - 1].time) {
        Complain("time goes backwards", event_ - 1);
      }
      std::visit([&](const auto& what) { Read(what); }, history[event_].what);
    }
    Sort();
  }

 private:
  const Event& event() const { return digest_.history_[event_]; }

  void Complain(std::string message, std::size_t earlier = kNone) {
    if (malformed_.size() >= digest_.rules_.max_violations) return;
    Violation violation{.invariant = Invariant::kMalformed, .message = std::move(message)};
    if (earlier != kNone) violation.events.push_back(earlier);
    violation.events.push_back(event_);
    malformed_.push_back(std::move(violation));
  }

  void Read(const AcquireCalled& what) { Call(Kind::kAcquire, what.key, &what.lease_id); }
  void Read(const RenewCalled& what) { Call(Kind::kRenew, what.key, &what.lease_id); }
  void Read(const ReleaseCalled& what) { Call(Kind::kRelease, what.key, &what.lease_id); }
  void Read(const ForceReleaseCalled& what) { Call(Kind::kForceRelease, what.key, nullptr); }
  void Read(const GetCalled& what) { Call(Kind::kGet, what.key, nullptr); }

  // Queued and the ends of calls.
  template <typename T>
  void Read(const T& /*what*/) {
    Operation* const operation = OfThisEvent();
    if (operation == nullptr) return;
    if (!Fits<T>(operation->kind)) {
      Complain("this cannot come of that call", operation->called);
    } else if (operation->end != kNone) {
      Complain(std::is_same_v<T, Queued> ? "queued after its end" : "a call ends twice",
               operation->end);
    } else if constexpr (std::is_same_v<T, Queued>) {
      if (operation->first_queued == kNone) operation->first_queued = event_;
      operation->last_queued = event_;
      const auto index = static_cast<std::size_t>(operation - digest_.operations_.data());
      digest_.places_.push_back({.event = event_, .operation = index});
    } else {
      operation->end = event_;
    }
  }

  void Read(const Lost& what) {
    if (!IsOutsideOfOperations() || !IsThere()) return;
    digest_.losses_.push_back({.event = event_, .lease = Lease(what.lease_id)});
  }
  void Read(const Written& /*what*/) { IsOutsideOfOperations(); }
  void Read(const Quiet& /*what*/) { IsOutsideOfOperations(); }

  void Read(const ServerStarted& what) {
    if (!IsOutsideOfOperations()) return;
    std::vector<ServerGap>& gaps = digest_.server_gaps_;
    if (gaps.empty() && !server_seen_) {
      // The history begins before the server does.
      server_seen_ = true;
      return;
    }
    if (gaps.empty() || gaps.back().started != kNone) {
      Complain("the server starts, and has not stopped");
      return;
    }
    gaps.back().started = event_;
    gaps.back().pause = what.continued;
    if (!what.continued) digest_.life_ends_.push_back(gaps.back().stopped);
  }

  void Read(const ServerStopped& /*what*/) {
    if (!IsOutsideOfOperations()) return;
    server_seen_ = true;
    std::vector<ServerGap>& gaps = digest_.server_gaps_;
    if (gaps.empty() || gaps.back().started != kNone) {
      gaps.push_back({.first_stopped = event_, .stopped = event_});
    } else {
      gaps.back().stopped = event_;  // Paused, and then killed.
    }
  }

  void Read(const ClientStopped& /*what*/) {
    if (!IsOutsideOfOperations()) return;
    std::vector<ClientGap>& gaps = digest_.client_gaps_[event().client];
    // Paused and then killed is one gap, as it is with the server.
    if (gaps.empty() || gaps.back().continued != kNone) gaps.push_back({.stopped = event_});
  }

  void Read(const ClientContinued& /*what*/) {
    if (!IsOutsideOfOperations()) return;
    std::vector<ClientGap>& gaps = digest_.client_gaps_[event().client];
    if (gaps.empty() || gaps.back().continued != kNone) {
      Complain("a client goes on that has not stopped");
    } else {
      gaps.back().continued = event_;
    }
  }

  void Call(Kind kind, std::string_view key, const std::string* lease_id) {
    if (!IsThere()) return;
    if (event().operation == 0) {
      Complain("a call without an operation");
      return;
    }
    const std::size_t index = digest_.operations_.size();
    const auto [found, is_new] = indices_.try_emplace({event().client, event().operation}, index);
    if (!is_new) {
      Complain("an operation is called twice", digest_.operations_[found->second].called);
      return;
    }
    Operation operation{.kind = kind, .client = event().client, .key = Key(key), .called = event_};
    if (lease_id != nullptr) {
      operation.lease = Lease(*lease_id);
      digest_.leases_[operation.lease].operations.push_back(index);
    } else if (kind == Kind::kGet) {
      digest_.keys_[operation.key].gets.push_back(index);
    } else {
      digest_.keys_[operation.key].forces.push_back(index);
    }
    digest_.operations_.push_back(operation);
  }

  Operation* OfThisEvent() {
    if (!IsThere()) return nullptr;
    const auto found = indices_.find({event().client, event().operation});
    if (found == indices_.end()) {
      Complain("an answer without a call");
      return nullptr;
    }
    return &digest_.operations_[found->second];
  }

  bool IsOutsideOfOperations() {
    if (event().operation != 0) Complain("this is not part of an operation");
    return event().operation == 0;
  }

  // A client that was stopped sees and does nothing.
  bool IsThere() {
    const auto found = digest_.client_gaps_.find(event().client);
    if (found == digest_.client_gaps_.end() || found->second.empty()) return true;
    const ClientGap& last = found->second.back();
    if (last.continued != kNone) return true;
    Complain("a client that was stopped does something", last.stopped);
    return false;
  }

  std::size_t Key(std::string_view name) {
    const auto [found, is_new] = key_indices_.try_emplace(name, digest_.keys_.size());
    if (is_new) digest_.keys_.push_back({.name = name});
    return found->second;
  }

  std::size_t Lease(std::string_view id) {
    const auto [found, is_new] = lease_indices_.try_emplace(id, digest_.leases_.size());
    if (is_new) digest_.leases_.push_back({.id = id});
    return found->second;
  }

  // Once all operations are known: what belongs to a lease, and to a key.
  void Sort() {
    for (std::size_t index = 0; index < digest_.leases_.size(); ++index) {
      LeaseDigest& lease = digest_.leases_[index];
      SettleKey(lease);
      if (lease.key != kNone) digest_.keys_[lease.key].leases.push_back(index);
    }
    for (KeyDigest& key : digest_.keys_) {
      for (const std::size_t lease : key.leases) {
        if (digest_.leases_[lease].told != kNone) key.granted.push_back(lease);
      }
      std::stable_sort(key.granted.begin(), key.granted.end(), [&](std::size_t a, std::size_t b) {
        return digest_.leases_[a].token < digest_.leases_[b].token;
      });
    }
  }

  // The key of a lease is that of its grant; without one, that of its first call.
  void SettleKey(LeaseDigest& lease) {
    for (const std::size_t index : lease.operations) {
      const Operation& operation = digest_.operations_[index];
      if (digest_.As<Granted>(operation.end) == nullptr &&
          digest_.As<Renewed>(operation.end) == nullptr) {
        continue;
      }
      if (operation.end < lease.told) lease.told = operation.end;
      if (lease.told == operation.end) lease.key = operation.key;
    }
    if (lease.told != kNone) {
      lease.token = digest_.TokenTold(lease.told);
    } else if (!lease.operations.empty()) {
      lease.key = digest_.operations_[lease.operations.front()].key;
    }
    std::erase_if(lease.operations, [&](std::size_t index) {
      if (digest_.operations_[index].key == lease.key) return false;
      digest_.strays_.push_back(index);
      return true;
    });
  }

  Digest& digest_;
  std::vector<Violation>& malformed_;
  std::size_t event_ = 0;
  bool server_seen_ = false;
  absl::flat_hash_map<std::pair<std::uint32_t, std::uint64_t>, std::size_t> indices_;
  absl::flat_hash_map<std::string_view, std::size_t> key_indices_;
  absl::flat_hash_map<std::string_view, std::size_t> lease_indices_;
};

Digest::Digest(const History& history, const Rules& rules, std::vector<Violation>& malformed)
    : history_(history), rules_(rules) {
  Digester(*this, malformed).Run();
}

const std::vector<ClientGap>& Digest::client_gaps(std::uint32_t client) const {
  const auto found = client_gaps_.find(client);
  return found == client_gaps_.end() ? no_gaps_ : found->second;
}

std::size_t Digest::FirstGrantingCall(const LeaseDigest& lease) const {
  for (const std::size_t index : lease.operations) {
    const Operation& operation = operations_[index];
    if (operation.kind == Kind::kAcquire && MayHaveEffect(operation)) return operation.called;
  }
  return kNone;
}

std::uint64_t Digest::TokenTold(std::size_t event) const {
  if (const auto* granted = As<Granted>(event)) return granted->fencing_token;
  if (const auto* renewed = As<Renewed>(event)) return renewed->fencing_token;
  if (const auto* forced = As<Forced>(event)) return forced->fencing_token;
  if (const auto* shown = As<Shown>(event)) return shown->fencing_token;
  return 0;
}

std::size_t Digest::LifeAt(std::size_t event) const {
  return static_cast<std::size_t>(std::lower_bound(life_ends_.begin(), life_ends_.end(), event) -
                                  life_ends_.begin());
}

}  // namespace holdfast::history
