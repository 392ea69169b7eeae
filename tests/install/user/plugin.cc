// A shared library of a user's that takes the whole client into itself, as a plug-in or a
// module for another language may.

#include <chrono>
#include <cstdint>

#include "holdfast/client.h"
#include "holdfast/sync_lock.h"

// The fencing token of a lock that was taken and released again; 0 if it was not.
extern "C" std::uint64_t TakeOnce(const char* address) {
  const auto client = holdfast::Client::Create(address);
  if (!client.ok()) return 0;
  holdfast::SyncLock lock(**client, "reports/2024", {.timeout = std::chrono::seconds(10)});
  const auto lease = lock.AcquireScoped();
  return lease.ok() ? (*lease)->fencing_token() : 0;
}
