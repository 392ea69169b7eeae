// Clients that take and release locks over connections of their own, while others do
// to the server what they will.

#ifndef HOLDFAST_TESTS_FUZZ_BYSTANDERS_H_
#define HOLDFAST_TESTS_FUZZ_BYSTANDERS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "tests/support/stub_client.h"

namespace holdfast::fuzz {

// Thread-safe, but for what ends it.
class Bystanders {
 public:
  // One client, with a connection, for each of the addresses. They begin at once.
  explicit Bystanders(const std::vector<std::string>& addresses);

  // Stops them.
  ~Bystanders() { Stop(); }
  Bystanders(const Bystanders&) = delete;
  Bystanders& operator=(const Bystanders&) = delete;

  // Ends their calls in good order; their connections stay open.
  void Stop();

  // Locks that were taken, renewed and released without any trouble.
  std::uint64_t rounds() const { return rounds_.load(); }

  // What went wrong, if anything did.
  std::vector<std::string> troubles() const;

 private:
  void Run(std::size_t index);

  // Takes a lock, renews it and releases it. False: that did not go well.
  bool TakeTurn(StubClient& client, const std::string& key, const std::string& lease_id);

  std::vector<std::unique_ptr<StubClient>> clients_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> rounds_ = 0;

  mutable Mutex mutex_;
  std::vector<std::string> troubles_ GUARDED_BY(mutex_);
  std::uint64_t last_shared_token_ GUARDED_BY(mutex_) = 0;
};

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_BYSTANDERS_H_
