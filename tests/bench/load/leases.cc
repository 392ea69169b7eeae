#include "tests/bench/load/leases.h"

#include <algorithm>
#include <atomic>
#include <deque>

#include "tests/bench/load/keys.h"
#include "tests/bench/load/window.h"

namespace holdfast::bench {
namespace {

class Acquirer final : public Slot {
 public:
  Acquirer(Driver& driver, Window& window, int slot_number, std::vector<KeptLease>& leases,
           std::atomic<int>& next, const std::function<std::chrono::milliseconds()>& expire_of)
      : driver_(driver), window_(window), leases_(leases), next_(next), expire_of_(expire_of) {
    number = slot_number;
    driver.Prepare(*this);
  }

  void Next() {
    lease_ = next_.fetch_add(1, std::memory_order_relaxed);
    if (lease_ >= static_cast<int>(leases_.size())) return window_.Leave(true);
    key = KeyOf(lease_);
    lease_id = NextLeaseId();
    expire = expire_of_();
    driver_.Acquire(*this);
  }

  void Done(bool ok) override {
    if (!ok) return window_.Leave(false);
    leases_[static_cast<std::size_t>(lease_)] = {key, lease_id};
    Next();
  }

 private:
  Driver& driver_;
  Window& window_;
  std::vector<KeptLease>& leases_;
  std::atomic<int>& next_;
  const std::function<std::chrono::milliseconds()>& expire_of_;
  int lease_ = 0;
};

}  // namespace

std::vector<KeptLease> AcquireMany(Driver& driver, int leases, int outstanding,
                                   const std::function<std::chrono::milliseconds()>& expire) {
  std::vector<KeptLease> kept(static_cast<std::size_t>(leases));
  std::atomic<int> next{0};
  Window window(outstanding);
  std::deque<Acquirer> acquirers;
  for (int i = 0; i < outstanding; ++i) {
    acquirers.emplace_back(driver, window, i, kept, next, expire);
  }
  for (Acquirer& acquirer : acquirers) acquirer.Next();
  window.Run({.warm_up = {}, .seconds = {}});
  std::erase_if(kept, [](const KeptLease& lease) { return lease.lease_id.empty(); });
  return kept;
}

}  // namespace holdfast::bench
