// Malformed input against live servers for as long as one likes:
//
//   malformed_input_soak --minutes=10 --seed=1
//
// A new server for every few thousand connections. Ends with 1 if anything was found.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "tests/fuzz/malformed_input_run.h"
#include "tests/support/eventually.h"

namespace {

constexpr int kConnectionsOfAServer = 3'000;

// The number behind `name`, or `otherwise`.
double Flag(int argc, char** argv, std::string_view name, double otherwise) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(name)) return std::stod(std::string(argument.substr(name.size())));
  }
  return otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace holdfast;
  const auto limit = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double, std::ratio<60>>(Flag(argc, argv, "--minutes=", 1)));
  auto seed = static_cast<std::uint64_t>(Flag(argc, argv, "--seed=", 1));
  const Stopwatch watch;
  std::uint64_t connections = 0;
  std::uint64_t bytes = 0;
  std::uint64_t rounds = 0;
  bool found = false;
  for (; watch.Elapsed() < limit && !found; ++seed) {
    const fuzz::MalformedInputReport report = fuzz::RunMalformedInput(
        {.seed = seed, .connections = kConnectionsOfAServer, .limit = limit - watch.Elapsed()});
    for (const auto& [kind, count] : report.sent) connections += static_cast<unsigned>(count);
    bytes += report.bytes;
    rounds += report.rounds;
    for (const std::string& trouble : report.troubles) {
      std::printf("found: %s\n  again: malformed_input_soak --minutes=5 --seed=%llu\n",
                  trouble.c_str(), static_cast<unsigned long long>(seed));
      found = true;
    }
  }
  std::printf(
      "malformed input: %llu connections with %llu MB; meanwhile %llu locks taken and released; "
      "%s\n",
      static_cast<unsigned long long>(connections), static_cast<unsigned long long>(bytes >> 20),
      static_cast<unsigned long long>(rounds), found ? "something was found" : "nothing was found");
  return found ? 1 : 0;
}
