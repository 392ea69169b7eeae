// Bytes into a script for the engine: commands of a few clients that fight for three
// locks, cancelled calls, answers that get lost, steps of time, stalls, failing
// commits and restarts. EngineWorld checks every promise after every turn.
//
// A lease_id has a key, tags and an expire of its own, so that two bytes are enough
// for a request, and for the same request once more; further bytes make it differ.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/lock/engine/command.h"
#include "services/lock/engine/limits.h"
#include "services/lock/storage/testing/memory_store.h"
#include "tests/fuzz/engine_world.h"
#include "tests/fuzz/fuzz_input.h"

namespace holdfast::fuzz {
namespace {

using std::chrono::days;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Long enough for every state, and short enough for thousands of scripts a second.
constexpr int kMaxSteps = 120;

// One is the beginning of another, for what selects by prefix.
const std::array<std::string, 3> kKeys = {"a", "ab", "b"};

const std::array<std::vector<std::string>, 4> kTags = {{{}, {"x"}, {"y"}, {"x", "y"}}};

constexpr std::array<std::optional<Duration>, 7> kExpires = {
    std::nullopt, milliseconds(1), milliseconds(10), seconds(1),
    seconds(2),   seconds(30),     days(366)};

constexpr std::array<Duration, 8> kTimeouts = {Duration::zero(), kNoTimeout,      milliseconds(1),
                                               milliseconds(20), seconds(1),      kNoTimeout,
                                               seconds(40),      Duration::zero()};

// The client with this number; clients 0 to 4 want the first lock.
constexpr std::size_t kClients = 8;
std::string IdOfClient(std::size_t client) { return "id" + std::to_string(client); }
const std::string& KeyOfClient(std::size_t client) {
  return kKeys[client < 5 ? 0 : client < 7 ? 1 : 2];
}

Limits AnyLimits(FuzzInput& input) {
  constexpr std::array<std::uint32_t, 4> kFew = {1'000, 1, 2, 3};
  constexpr std::array<Duration, 3> kWindows = {seconds(5), milliseconds(1), milliseconds(300)};
  const std::uint8_t choice = input.Byte();
  const std::uint8_t more = input.Byte();
  return {.max_leases = kFew[choice & 3],
          .max_waiters_per_key = kFew[choice >> 2 & 3],
          .max_waiters = kFew[choice >> 4 & 3],
          .max_open_waits = kFew[choice >> 6],
          .max_ended_ids = kFew[more & 3],
          .reattach_window = kWindows[(more >> 2) % kWindows.size()]};
}

class Script {
 public:
  explicit Script(FuzzInput& input)
      : input_(input), world_(AnyLimits(input), {kKeys.begin(), kKeys.end()}) {}

  void Play() {
    for (int step = 0; step < kMaxSteps && !input_.empty(); ++step) Step();
    Flush();
    world_.Settle();
  }

 private:
  void Step() {
    const std::uint8_t byte = input_.Byte();
    // Commands with the highest bit share a turn with what follows.
    const bool gather = (byte & 0x80) != 0;
    switch (byte % 0x80 % 24) {
      default:
        Acquire();
        break;
      case 7:
      case 8:
        Release();
        break;
      case 9:
      case 10:
        Renew();
        break;
      case 11:
      case 12:
        Cancel();
        break;
      case 13:
        ReportUndelivered();
        break;
      case 14:
        Add(ListCommand{.filter = AnyFilter(),
                        .after_key = input_.Flag() ? input_.Pick(kKeys) : "",
                        .page_size = 1 + static_cast<std::uint32_t>(input_.Below(3))});
        break;
      case 15:
        ForceRelease();
        break;
      case 16:
        ReleaseByTag();
        break;
      case 17:
        Add(WatchCommand{.filter = AnyFilter()});
        break;
      case 18:
        LetPass();
        break;
      case 19:
        Flush();
        world_.Rest(input_.Pick(std::array<Duration, 4>{milliseconds(300), seconds(1), seconds(3),
                                                        seconds(6)}),
                    30);
        break;
      case 20:
        Flush();
        world_.Crash();
        break;
      case 21:
        Flush();
        world_.FailNextCommit(input_.Flag() ? MemoryDisk::Failure::kAllWritten
                                            : MemoryDisk::Failure::kNothingWritten);
        break;
      case 22:
        Add(DrainCommand{});
        break;
      case 23:
        NextPage();
        break;
    }
    if (!gather) Flush();
  }

  void Acquire() {
    const std::uint8_t byte = input_.Byte();
    const std::size_t client = byte % kClients;
    AcquireCommand command{.spec = {.key = KeyOfClient(client),
                                    .lease_id = IdOfClient(client),
                                    .owner = OwnerOf(IdOfClient(client), ""),
                                    .tags = kTags[client % kTags.size()],
                                    .expire = kExpires[client % kExpires.size()]},
                           .timeout = kTimeouts[byte >> 3 & 7],
                           .report_queue = (byte & 0x40) != 0,
                           .received = world_.now(),
                           .principal = PrincipalOf(IdOfClient(client))};
    if ((byte & 0x80) != 0) {
      const std::uint8_t other = input_.Byte();
      if ((other & 1) != 0) command.spec.key = kKeys[other >> 1 & 1];
      if ((other & 4) != 0) command.spec.owner = OwnerOf(command.spec.lease_id, "again");
      if ((other & 8) != 0) command.spec.tags = kTags[other >> 4 & 3];
      if ((other & 0x40) != 0) command.spec.expire = input_.Pick(kExpires);
      if ((other & 0x80) != 0) command.received -= milliseconds(7);
    }
    AddFor(IdOfClient(client), std::move(command));
  }

  // A key and a lease_id, which seldom do not belong together.
  std::pair<std::string, std::string> AnyLease() {
    const std::uint8_t byte = input_.Byte();
    const std::size_t client = byte % kClients;
    return {(byte & 0xe0) == 0xe0 ? kKeys[2] : KeyOfClient(client), IdOfClient(client)};
  }

  void Release() {
    auto [key, lease_id] = AnyLease();
    AddFor(lease_id, ReleaseCommand{.key = std::move(key), .lease_id = lease_id});
  }

  void Renew() {
    auto [key, lease_id] = AnyLease();
    RenewCommand command{.key = std::move(key), .lease_id = lease_id, .received = world_.now()};
    if (input_.Flag()) command.expire = input_.Pick(kExpires);
    AddFor(lease_id, std::move(command));
  }

  void Cancel() {
    Flush();  // So that every call is open, and none is cancelled twice.
    const auto& open = world_.calls().open();
    if (open.empty()) return;
    const auto chosen = std::next(
        open.begin(),
        static_cast<std::ptrdiff_t>(input_.Below(std::min<std::size_t>(open.size(), 256))));
    const AcquireCommand* const acquire = chosen->second.acquire();
    const std::string lease_id = acquire == nullptr ? "" : acquire->spec.lease_id;
    AddFor(lease_id, CancelCommand{chosen->first});
  }

  void ReportUndelivered() {
    Flush();
    const std::vector<UndeliveredCommand>& grants = world_.told_grants();
    if (grants.empty()) return;
    const UndeliveredCommand grant = grants[input_.Byte() % grants.size()];
    AddFor(grant.lease_id, grant);
  }

  void NextPage() {
    for (const auto& [id, call] : world_.calls().open()) {
      if (call.watch() == nullptr) continue;
      Add(WatchNextPageCommand{id});
      return;
    }
  }

  void ForceRelease() {
    const std::string& key = input_.Pick(kKeys);
    ForceReleaseCommand command{.key = key};
    if (input_.Flag()) command.fencing_token = AnyToken();
    Add(std::move(command));
  }

  void ReleaseByTag() {
    ReleaseByTagCommand command{.tags = kTags[1 + input_.Below(3)], .dry_run = input_.Flag()};
    if (input_.Flag()) command.max_fencing_token = AnyToken();
    Add(std::move(command));
  }

  // That of a lease that is held, or some other.
  std::uint64_t AnyToken() {
    std::vector<std::uint64_t> tokens = {1, 1'025, UINT64_MAX};
    for (const auto& [lease_id, lease] : world_.records().leases()) {
      tokens.push_back(lease.record.fencing_token);
    }
    return tokens[input_.Byte() % tokens.size()];
  }

  LeaseFilter AnyFilter() {
    const std::uint8_t byte = input_.Byte();
    return {.key_prefix = (byte & 4) != 0 ? kKeys[byte >> 3 & 1] : "", .tags = kTags[byte & 3]};
  }

  // A step without a turn, of which the longer ones are stalls, or one in which the
  // outcomes of a turn are told.
  void LetPass() {
    constexpr std::array<Duration, 12> kSteps = {
        Duration(1),      microseconds(999), milliseconds(1),   milliseconds(10),
        milliseconds(20), milliseconds(50),  milliseconds(250), milliseconds(301),
        seconds(1),       seconds(5),        seconds(31),       minutes(5)};
    const std::uint8_t choice = input_.Byte();
    const Duration step = kSteps[choice % kSteps.size()];
    Flush();
    if ((choice & 0x80) != 0) {
      world_.Turn({}, step);
    } else {
      world_.Advance(step);
      world_.Turn({});
    }
  }

  // See EngineWorld: one command for each lease_id and turn.
  void AddFor(const std::string& lease_id, CommandBody body) {
    if (!lease_id.empty() && !in_turn_.insert(lease_id).second) {
      Flush();
      in_turn_.insert(lease_id);
    }
    Add(std::move(body));
  }

  void Add(CommandBody body) {
    const CallId call = ExpectsOutcome(body) ? world_.NextCall() : CallId{};
    turn_.push_back({.call = call, .body = std::move(body)});
  }

  void Flush() {
    in_turn_.clear();
    if (!turn_.empty()) world_.Turn(std::exchange(turn_, {}));
  }

  FuzzInput& input_;
  EngineWorld world_;
  std::vector<Command> turn_;
  std::set<std::string> in_turn_;  // The ids that the turn has commands for.
};

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::fuzz::FuzzInput input(data, size);
  holdfast::fuzz::Script(input).Play();
  return 0;
}
