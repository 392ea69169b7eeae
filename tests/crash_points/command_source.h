// Draws commands for the engine from a seed: those that change what is stored, in
// all the ways there are, and some that change nothing.
//
// Thread-compatible.

#ifndef HOLDFAST_TESTS_CRASH_POINTS_COMMAND_SOURCE_H_
#define HOLDFAST_TESTS_CRASH_POINTS_COMMAND_SOURCE_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/lease.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {

class CommandSource {
 public:
  explicit CommandSource(std::uint64_t seed) : random_(seed) {}

  // The commands of one turn, for an engine that holds `content`.
  std::vector<Command> Next(const StoreContent& content, Instant now);

  // How long until the next turn: mostly a moment, sometimes so long that leases
  // lapse or ended ids are forgotten.
  Duration NextPause();

 private:
  void AddSmallGrants(std::vector<Command>& commands, Instant now);
  void AddLargeGrants(std::vector<Command>& commands, Instant now);
  void AddRenewals(std::vector<Command>& commands, const StoreContent& content, Instant now);
  void AddReleases(std::vector<Command>& commands, const StoreContent& content);
  void AddHandOver(std::vector<Command>& commands, const StoreContent& content, Instant now);

  Command Acquire(std::string key, Duration timeout, std::string owner,
                  std::vector<std::string> tags, Instant now);
  // From 0 to `most`.
  int Draw(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }
  std::optional<Duration> DrawExpire();
  // A lease that is held, if there is one.
  const LeaseRecord* DrawLease(const StoreContent& content);

  std::mt19937_64 random_;
  std::uint64_t last_number_ = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_CRASH_POINTS_COMMAND_SOURCE_H_
