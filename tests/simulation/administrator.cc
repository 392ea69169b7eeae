#include "tests/simulation/administrator.h"

#include <chrono>
#include <cstdint>
#include <utility>

#include "services/lock/engine/command.h"
#include "services/lock/engine/outcome.h"

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kCallLimit = seconds(2);

}  // namespace

Administrator::Administrator(const ClientWorld& world, std::vector<std::string> keys)
    : world_(world),
      keys_(std::move(keys)),
      process_(world.timeline, {}),
      channel_(world.network.AddChannel(process_)),
      caller_(world.next_number(), process_, world.network, world.recorder) {}

void Administrator::Begin() {
  process_.After(world_.chance.Between(milliseconds(100), seconds(6)), [this] { Continue(); });
}

void Administrator::Continue() {
  if (over_) return;
  Clear(world_.chance.Pick(keys_));
  Begin();
}

void Administrator::ClearAll() {
  for (const std::string& key : keys_) Clear(key);
}

void Administrator::Clear(const std::string& key) {
  caller_.Call(channel_, GetCommand{key}, kCallLimit, {.on_end = [this, key](const Ending& ending) {
                 const auto* shown = ending.As<Shown>();
                 if (shown == nullptr || shown->lock.holders.empty()) return;
                 world_.store.MarkForced(key);
                 caller_.Call(
                     channel_,
                     ForceReleaseCommand{
                         .key = key, .fencing_token = shown->lock.holders.front().fencing_token},
                     kCallLimit, {.on_end = [](const Ending&) {}});
               }});
}

}  // namespace holdfast::simulation
