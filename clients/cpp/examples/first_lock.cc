// A first lock: one program at a time.
//
//     first_lock ADDRESS        # as in: first_lock unix:/tmp/holdfast.sock

#include <chrono>
#include <iostream>

#include "holdfast/client.h"
#include "holdfast/sync_lock.h"

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  const auto client = holdfast::Client::Create(argc > 1 ? argv[1] : "127.0.0.1:7650");
  if (!client.ok()) {
    std::cerr << client.status() << '\n';
    return 1;
  }

  // Wait for at most 10 s. If this program dies, the lock is free again 30 s later.
  holdfast::SyncLock lock(**client, "reports/2024", {.timeout = 10s, .expire = 30s});
  const auto lease = lock.AcquireScoped();
  if (!lease.ok()) {
    std::cerr << "not acquired: " << lease.status() << '\n';
    return 1;
  }

  std::cout << "writing the report, with fencing token " << (*lease)->fencing_token() << '\n';
}  // Released here.
