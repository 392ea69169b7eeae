#include "tests/support/history/lock_spec.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace holdfast::history {
namespace {

bool IsRefusedFor(const What* answer, Reason reason) {
  if (answer == nullptr) return true;
  const auto* refused = std::get_if<Refused>(answer);
  return refused != nullptr && refused->reason == reason;
}

template <typename T>
bool Is(const What* answer) {
  return answer == nullptr || std::holds_alternative<T>(*answer);
}

// The token that the answer tells.
std::uint64_t TokenIn(const What& answer) {
  if (const auto* granted = std::get_if<Granted>(&answer)) return granted->fencing_token;
  if (const auto* renewed = std::get_if<Renewed>(&answer)) return renewed->fencing_token;
  if (const auto* forced = std::get_if<Forced>(&answer)) return forced->fencing_token;
  if (const auto* shown = std::get_if<Shown>(&answer)) return shown->fencing_token;
  return 0;
}

// The state in which the holder's token is the one that was told, if that can be.
std::optional<LockState> WithToken(LockState state, const What* answer) {
  if (answer == nullptr) return state;
  const std::uint64_t told = TokenIn(*answer);
  if (state.token_guessed ? told < state.token : told != state.token) return std::nullopt;
  state.token = told;
  state.token_guessed = false;
  return state;
}

void End(LockState& state, std::size_t lease, Phase phase) {
  state.leases[lease] = phase;
  if (state.holder == lease) {
    state.holder.reset();
    state.expire = {};
    state.max_hold = Duration::max();
    state.granted = {};
    state.began = {};
    state.promised = {};
    state.lapses_from = {};
  }
}

std::vector<LockState> One(std::optional<LockState> state) {
  if (!state.has_value()) return {};
  return {*std::move(state)};
}

// What Renew and Release say of an ended id; `released` is the case that they differ in.
std::vector<LockState> AfterEnded(const LockState& state, Phase phase, const What* answer,
                                  bool released) {
  const bool fits = phase == Phase::kExpired  ? IsRefusedFor(answer, Reason::kLeaseExpired)
                    : phase == Phase::kForced ? IsRefusedFor(answer, Reason::kLeaseForced)
                                              : released;
  if (!fits) return {};
  return {state};
}

std::vector<LockState> AfterRelease(const LockState& state, const Request& request,
                                    const What* answer) {
  const Phase phase = state.leases[request.lease];
  LockState ended = state;
  End(ended, request.lease, Phase::kReleased);
  switch (phase) {
    case Phase::kHeld:
      if (!Is<Released>(answer)) return {};
      return {ended};
    case Phase::kUnknown:
      if (!Is<Released>(answer) && !IsRefusedFor(answer, Reason::kLeaseNotFound)) return {};
      return {ended};
    default:
      return AfterEnded(state, phase, answer, Is<Released>(answer));
  }
}

std::vector<LockState> AfterForceRelease(const LockState& state, const ForceReleaseCalled& force,
                                         const What* answer) {
  std::vector<LockState> after;
  // A token that nobody was told may be the one that is named.
  const bool may_be_meant =
      force.fencing_token == 0 || (state.token_guessed ? force.fencing_token >= state.token
                                                       : force.fencing_token == state.token);
  const bool must_be_meant =
      force.fencing_token == 0 || (!state.token_guessed && force.fencing_token == state.token);
  if (state.holder.has_value() && may_be_meant && Is<Forced>(answer)) {
    if (std::optional<LockState> forced = WithToken(state, answer)) {
      End(*forced, *forced->holder, Phase::kForced);
      after.push_back(*std::move(forced));
    }
  }
  if ((!state.holder.has_value() || !must_be_meant) && IsRefusedFor(answer, Reason::kLockNotHeld)) {
    after.push_back(state);
  }
  return after;
}

std::vector<LockState> AfterGet(const LockState& state, const What* answer) {
  if (!Is<Shown>(answer)) return {};
  if (state.holder.has_value()) return One(WithToken(state, answer));
  if (answer != nullptr && TokenIn(*answer) != 0) return {};
  return {state};
}

}  // namespace

// The least that `expire` can last on a server whose clock may be fast.
Duration LockSpec::Shortest(Duration expire) const {
  return expire / 1'000 * (1'000 - clock_rate_);
}

// Every restart of the server before then begins the expire anew.
Time LockSpec::LapsesFrom(const LockState& state, Time restarts_until) const {
  const Duration least = std::min(state.expire, state.max_hold);
  if (least == Duration::max()) return kForever;
  const Duration lasts = Shortest(least);
  Time from = state.expire == Duration::max()
                  ? kForever
                  : std::max(state.promised, state.began + Shortest(state.expire));
  if (state.max_hold != Duration::max()) {
    from = std::min(from, state.granted + Shortest(state.max_hold));
  }
  for (auto restart = std::lower_bound(restarts_.begin(), restarts_.end(), state.began);
       restart != restarts_.end() && *restart < std::min(from, restarts_until); ++restart) {
    from = std::max(from, *restart + lasts);
  }
  return from;
}

void LockSpec::Begin(LockState& state, Duration expire, Time now) const {
  state.expire = expire;
  state.began = now;
  state.lapses_from = LapsesFrom(state, kForever);
}

// After a renewal. Whether a shorter expire ends later than the present one depends on
// when exactly each has begun, which nobody can tell: either is possible.
std::vector<LockState> LockSpec::Extended(const LockState& state, Duration expire, Time now) const {
  if (state.expire == Duration::max()) return {state};
  LockState begun = state;
  begun.promised = LapsesFrom(state, now);
  Begin(begun, expire, now);
  std::vector<LockState> after = {std::move(begun)};
  if (expire < state.expire) {
    LockState stays = state;
    stays.promised = std::max(state.promised, now + Shortest(expire));
    stays.lapses_from = LapsesFrom(stays, kForever);
    after.push_back(std::move(stays));
  }
  return after;
}

std::vector<LockState> LockSpec::AfterAcquire(const LockState& state, const Request& request,
                                              const What* answer, Time now) const {
  const auto& acquire = std::get<AcquireCalled>(request.what);
  const bool waits = acquire.timeout != Duration::zero();
  switch (state.leases[request.lease]) {
    case Phase::kHeld:
      if (!Is<Granted>(answer)) return {};
      return One(WithToken(state, answer));
    case Phase::kUnknown:
      break;
    case Phase::kTimedOut:
      if (waits && IsRefusedFor(answer, Reason::kWaitTimeout)) return {state};
      [[fallthrough]];
    default:
      if (!IsRefusedFor(answer, Reason::kLeaseEnded)) return {};
      return {state};
  }
  std::vector<LockState> after;
  if (!state.holder.has_value()) {
    if (!Is<Granted>(answer)) return {};
    LockState granted = state;
    const std::uint64_t token = answer != nullptr ? TokenIn(*answer) : request.its_token;
    if (token != 0 && token <= state.token) return {};
    granted.token = token != 0 ? token : state.token + 1;
    granted.token_guessed = token == 0;
    granted.holder = request.lease;
    granted.leases[request.lease] = Phase::kHeld;
    granted.max_hold = acquire.max_hold.value_or(Duration::max());
    granted.granted = now;
    Begin(granted, acquire.expire.value_or(Duration::max()), now);
    after.push_back(std::move(granted));
  } else if (!waits) {
    if (IsRefusedFor(answer, Reason::kLockHeld)) after.push_back(state);
  } else if (acquire.timeout.has_value() && IsRefusedFor(answer, Reason::kWaitTimeout)) {
    LockState ended = state;
    End(ended, request.lease, Phase::kTimedOut);
    after.push_back(std::move(ended));
  }
  return after;
}

std::vector<LockState> LockSpec::AfterRenew(const LockState& state, const Request& request,
                                            const What* answer, Time now) const {
  const Phase phase = state.leases[request.lease];
  switch (phase) {
    case Phase::kHeld: {
      if (!Is<Renewed>(answer)) return {};
      const std::optional<LockState> renewed = WithToken(state, answer);
      if (!renewed.has_value()) return {};
      return Extended(*renewed, std::get<RenewCalled>(request.what).expire.value_or(state.expire),
                      now);
    }
    case Phase::kUnknown:
      if (!IsRefusedFor(answer, Reason::kLeaseNotFound) &&
          !IsRefusedFor(answer, Reason::kLeaseWaiting)) {
        return {};
      }
      return {state};
    default:
      return AfterEnded(state, phase, answer, IsRefusedFor(answer, Reason::kLeaseEnded));
  }
}

std::vector<LockState> LockSpec::After(const LockState& state, const Request& request,
                                       const What* answer, Time now) const {
  if (std::holds_alternative<AcquireCalled>(request.what)) {
    return AfterAcquire(state, request, answer, now);
  }
  if (std::holds_alternative<RenewCalled>(request.what)) {
    return AfterRenew(state, request, answer, now);
  }
  if (std::holds_alternative<ReleaseCalled>(request.what)) {
    return AfterRelease(state, request, answer);
  }
  if (const auto* force = std::get_if<ForceReleaseCalled>(&request.what)) {
    return AfterForceRelease(state, *force, answer);
  }
  return AfterGet(state, answer);
}

LockState LockSpec::Lapsed(const LockState& state) {
  LockState lapsed = state;
  End(lapsed, *state.holder, Phase::kExpired);
  return lapsed;
}

std::optional<LockState> LockSpec::Cancelled(const LockState& state, std::size_t lease) {
  if (state.leases[lease] != Phase::kUnknown && state.leases[lease] != Phase::kHeld) {
    return std::nullopt;
  }
  LockState cancelled = state;
  End(cancelled, lease, Phase::kReleased);
  return cancelled;
}

}  // namespace holdfast::history
