// Goes on crashing the store, with other workloads and other seeds, for as long as it
// is told: crash_points_soak --minutes=5 --seed=1
//
// Each seed is one run of the store, which is cut short everywhere. A fault is shown
// with the seed that it was found with; --seed=S --minutes=0 makes that run again.
// What RocksDB's own thread does meanwhile is not decided by the seed, so a fault that
// depends on it may take some attempts.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include "services/common/log.h"
#include "tests/crash_points/crash_points.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace holdfast {
namespace {

// Everything about the run is drawn from the seed.
CrashOptions OptionsFor(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto draw = [&](int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random);
  };
  CrashOptions options{.seed = seed};
  options.durability = draw(0, 2) == 0 ? Durability::kProcess : Durability::kSync;
  options.unsynced = static_cast<Unsynced>(draw(0, 3));
  options.starts = draw(1, 6);
  options.turns = draw(4, 40);
  options.second_crash_every = static_cast<std::size_t>(draw(20, 100));
  return options;
}

int Soak(double minutes, std::uint64_t first_seed) {
  SetLogLevel(LogLevel::kError);
  const TempDir folder;
  const std::chrono::duration<double, std::ratio<60>> limit(minutes);
  const Stopwatch watch;
  CrashReport all;
  std::uint64_t seed = first_seed;
  do {
    const CrashReport report = CrashEverywhere(folder.path(), OptionsFor(seed));
    all += report;
    for (const std::string& fault : report.faults) {
      std::cout << "FAULT, again with --minutes=0 --seed=" << seed << ": " << fault << std::endl;
    }
    ++seed;
  } while (watch.Elapsed() < limit && all.faults.empty());
  const bool sound = all.faults.empty();
  all.faults.clear();  // They have been shown.
  std::cout << "crash_points_soak: seeds " << first_seed << " to " << seed - 1 << ", " << all
            << std::endl;
  return sound ? 0 : 1;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  double minutes = 1;
  std::uint64_t seed = std::random_device()();
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--minutes=")) {
      minutes = std::atof(argument.c_str() + 10);
    } else if (argument.starts_with("--seed=")) {
      seed = std::strtoull(argument.c_str() + 7, nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: %s [--minutes=X] [--seed=S]\n", argv[0]);
      return 64;
    }
  }
  return holdfast::Soak(minutes, seed);
}
