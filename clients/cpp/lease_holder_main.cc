// Holds a lock in a process of its own, for tests that stop or kill holders.
//
//     lease_holder ADDRESS KEY EXPIRE_MS [bound]
//
// It renews its lease, and says what happens, line by line:
//     held               at the beginning
//     lost REASON        when the loss is signalled
// It is told on standard input:
//     release        ->  release REASON, or: release OK
//     state          ->  state held, or: state lost
// It ends when standard input does.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stop_token>
#include <string>

#include "holdfast/client.h"
#include "holdfast/error.h"
#include "holdfast/sync_lock.h"

namespace {

std::string Describe(const absl::Status& status) {
  return status.ok() ? "OK" : std::string(holdfast::ErrorReasonName(holdfast::ReasonOf(status)));
}

void Say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return 2;
  const bool bound = argc == 5;
  const auto client = holdfast::Client::Create(argv[1]);
  if (!client.ok()) return 1;
  const std::chrono::milliseconds expire(std::atoi(argv[3]));
  holdfast::SyncLock lock(**client, argv[2],
                          {.expire = expire, .auto_renew = true, .bound = bound});
  const auto lease = lock.Acquire();
  if (!lease.ok()) return 1;
  Say("held");
  const std::stop_callback on_lost(lease->lost(),
                                   [&] { Say("lost " + Describe(lease->status())); });
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "release") Say("release " + Describe(lock.Release()));
    if (line == "state") Say(lease->valid() ? "state held" : "state lost");
  }
}
