#include "tests/simulation/library_client.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/lease_core.h"
#include "clients/cpp/core/lease_driver.h"
#include "tests/simulation/caller.h"
#include "tests/simulation/library_world.h"

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kChannels = 2;
constexpr Duration kLongestTimeout = seconds(15);

// For how long a release is waited for before the program goes on.
constexpr Duration kReleaseTimeout = seconds(2);

// A release takes less than that, if nothing is wrong.
constexpr Duration kCleaningUp = seconds(2);

// A lease has to outlast the way to the server and back.
constexpr Duration kShortestExpire = milliseconds(100);

}  // namespace

class LibraryClient::Life {
 public:
  explicit Life(LibraryClient& client)
      : client_(client),
        world_(client.world_),
        caller_(world_.next_number(), client.process_, world_.network, world_.recorder),
        loop_(client.process_),
        random_(world_.chance, caller_.client()),
        transport_(caller_, world_.chance, client.first_channel_, kChannels,
                   [this](const std::string& lease_id) { return DeadlineOf(lease_id); }),
        leases_(loop_, loop_, transport_, random_,
                [this](const std::shared_ptr<core::LeaseCore>& lost) { OnLost(*lost); }) {}

  std::uint32_t number() const { return caller_.client(); }
  bool idle() const { return !busy_ && leases_.releasing() == 0; }

  void Rest() {
    busy_ = false;
    if (client_.winding_down_) return;
    In(world_.chance.Between(milliseconds(1), client_.plan_.longest_idle), [this] { Acquire(); });
  }

 private:
  void In(Duration span, Action action) { client_.process_.After(span, std::move(action)); }

  // What of the library may only be used in tasks.
  void InTask(core::Task task) { loop_.Run(std::move(task)); }

  MonotonicTime DeadlineOf(const std::string& lease_id) const {
    if (lease_ == nullptr || lease_->facts().lease_id != lease_id) return {};
    const LeaseState state = lease_->state();
    const bool counts = state == LeaseState::kHeld || state == LeaseState::kUncertain;
    return counts ? lease_->times().deadline : MonotonicTime{};
  }

  void Acquire() {
    if (client_.winding_down_) return;
    Chance& chance = world_.chance;
    busy_ = true;
    auto spec = std::make_shared<core::AcquireSpec>(
        core::AcquireSpec{.key = chance.Pick(client_.plan_.keys),
                          .expire = chance.Skewed(kShortestExpire, client_.plan_.longest_expire),
                          .owner = "library-" + std::to_string(number()),
                          .auto_renew = chance.Permille(client_.plan_.renews_permille)});
    if (chance.Permille(client_.plan_.no_expire_permille)) spec->expire.reset();
    const Duration timeout = chance.Permille(client_.plan_.tries_permille)
                                 ? Duration::zero()
                                 : chance.Skewed(milliseconds(20), kLongestTimeout);
    InTask([this, timeout, spec = std::move(spec)] {
      acquiring_ = leases_.Acquire(spec, timeout, {.done = [this](core::AcquireResult lease) {
                                     OnAcquired(std::move(lease));
                                   }});
    });
    if (timeout > Duration::zero() && chance.Permille(client_.plan_.impatient_permille)) {
      In(chance.Between(Duration(1), timeout), [this, claim = acquiring_] {
        InTask([this, claim] { leases_.GiveUp(claim, absl::CancelledError("impatient")); });
      });
    }
  }

  void OnAcquired(core::AcquireResult lease) {
    if (!lease.ok()) {
      if (lease.status().code() == absl::StatusCode::kCancelled) ExpectCleanedUp();
      Rest();
      return;
    }
    Chance& chance = world_.chance;
    lease_ = *std::move(lease);
    held_ = acquiring_;
    stops_before_ = client_.process_.stops();
    In(chance.Skewed(milliseconds(1), client_.plan_.longest_hold),
       [this, held = lease_] { EndHold(held); });
    In(chance.Skewed(milliseconds(1), seconds(1)), [this, held = lease_] { Write(*held); });
  }

  // When nothing is wrong, an acquire that was given up leaves nothing behind.
  void ExpectCleanedUp() {
    if (!world_.recorder.calm()) return;
    In(kCleaningUp, [this, lease_id = random_.LeaseId(random_.ids())] {
      if (!world_.disk.Holds(lease_id)) return;
      world_.recorder.Fail("an acquire that was given up has left its lease: " + lease_id);
    });
  }

  // A process that runs hears of the loss before the deadline passes.
  void OnLost(const core::LeaseCore& lost) {
    const MonotonicTime now(client_.process_.LocalNow());
    if (now > lost.times().deadline && client_.process_.stops() == stops_before_) {
      world_.recorder.Fail("the loss of a lease was signalled after its deadline");
    }
    world_.recorder.Record(
        number(), 0, history::Lost{.key = lost.facts().key, .lease_id = lost.facts().lease_id});
  }

  void Write(const core::LeaseCore& held) {
    const auto valid = [&held] {
      const LeaseState state = held.state();
      return state == LeaseState::kHeld || state == LeaseState::kUncertain;
    };
    if (!valid()) return;
    const std::string& key = held.facts().key;
    const bool accepted = world_.store.Write(number(), key, held.facts().fencing_token);
    if (!accepted && !world_.store.forced(key)) {
      world_.recorder.Fail("a holder whose lease was valid was fenced off");
    }
  }

  void EndHold(const std::shared_ptr<core::LeaseCore>& held) {
    if (held != lease_) return;
    lease_ = nullptr;
    InTask([this] {
      leases_.Release(held_, kReleaseTimeout, [this](const absl::Status&) { Rest(); });
    });
  }

  LibraryClient& client_;
  const ClientWorld& world_;
  Caller caller_;
  LibraryLoop loop_;
  LibraryChance random_;
  LibraryTransport transport_;
  core::LeaseDriver leases_;

  bool busy_ = false;
  core::ClaimId acquiring_ = 0;             // The latest acquire.
  std::shared_ptr<core::LeaseCore> lease_;  // Null: none is held.
  core::ClaimId held_ = 0;
  std::uint64_t stops_before_ = 0;  // Of the process, when the lease was granted.
};

LibraryClient::LibraryClient(const ClientWorld& world, const ClientPlan& plan, ClockSkew skew)
    : Client(world.recorder), world_(world), plan_(plan), process_(world.timeline, skew) {
  first_channel_ = world_.network.AddChannel(process_);
  for (std::size_t i = 1; i < kChannels; ++i) world_.network.AddChannel(process_);
  BeginLife();
}

LibraryClient::~LibraryClient() {
  process_.Die();
  world_.network.ClientDied(process_);
}

void LibraryClient::BeginLife() { life_ = std::make_unique<Life>(*this); }

void LibraryClient::Start() { life_->Rest(); }

void LibraryClient::WindDown() { winding_down_ = true; }

bool LibraryClient::idle() const { return winding_down_ && life_->idle(); }

std::uint32_t LibraryClient::number() const { return life_->number(); }

void LibraryClient::DieAndRestart() {
  process_.Die();
  world_.network.ClientDied(process_);
  world_.recorder.Record(number(), 0, history::ClientStopped{});
  BeginLife();
  process_.After(world_.chance.Skewed(milliseconds(50), seconds(3)), [this] { life_->Rest(); });
}

}  // namespace holdfast::simulation
