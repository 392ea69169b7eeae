// Holds a lock in a process of its own, and writes to what it guards, for tests that
// stop holders.
//
//   fenced_holder ADDRESS REGISTERS KEY EXPIRE_MS
//
// It does not renew its lease, and says what happens, line by line:
//   held               at the beginning
//   lost               when the loss is signalled
// It is told on standard input:
//   write          ->  written, or: refused
//   release        ->  release REASON, or: release OK
// It ends when standard input does.

#include <chrono>
#include <iostream>
#include <stop_token>
#include <string>

#include "holdfast/client.h"
#include "holdfast/error.h"
#include "holdfast/sync_lock.h"
#include "tests/chaos/guarded_registers.h"

namespace {

void Say(const std::string& line) { std::cout << line + "\n" << std::flush; }

std::string Describe(const absl::Status& status) {
  return status.ok() ? "OK" : std::string(holdfast::ErrorReasonName(holdfast::ReasonOf(status)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const auto client = holdfast::Client::Create(argv[1]);
  if (!client.ok()) return 1;
  holdfast::chaos::RegisterClient registers(argv[2], 1);
  const std::chrono::milliseconds expire(std::stoi(argv[4]));
  holdfast::SyncLock lock(**client, argv[3], {.expire = expire});
  const auto lease = lock.Acquire();
  if (!lease.ok()) return 1;
  Say("held");
  const std::stop_callback on_lost(lease->lost(), [] { Say("lost"); });
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "write") {
      // Without a look at the lease: the process may have been stopped just behind it.
      Say(registers.Write(argv[3], lease->fencing_token(), "holder") ? "written" : "refused");
    } else if (line == "release") {
      Say("release " + Describe(lock.Release()));
    }
  }
}
