// A SyncLock, or an AsyncLock whose caller waits for its callbacks: the two behind one
// set of functions, so that the same worker tries both.

#ifndef HOLDFAST_TESTS_CHAOS_BLOCKING_LOCK_H_
#define HOLDFAST_TESTS_CHAOS_BLOCKING_LOCK_H_

#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/client.h"
#include "holdfast/lease.h"
#include "holdfast/lock_options.h"

namespace holdfast::chaos {

// Thread-compatible.
class BlockingLock {
 public:
  enum class Kind { kSync, kAsync };

  static std::unique_ptr<BlockingLock> Create(Kind kind, Client& client, const std::string& key,
                                              const LockOptions& options);
  virtual ~BlockingLock() = default;

  virtual absl::StatusOr<Lease> Acquire(std::stop_token stop) = 0;
  virtual absl::Status Release() = 0;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_BLOCKING_LOCK_H_
