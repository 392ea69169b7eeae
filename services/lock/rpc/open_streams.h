// How many streams of a kind are open, and how many may be. A stream costs memory
// for as long as its client likes, so there must be an end to it. Thread-safe.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_OPEN_STREAMS_H_
#define HOLDFAST_SERVICES_LOCK_RPC_OPEN_STREAMS_H_

#include <atomic>
#include <cstdint>

namespace holdfast {

class OpenStreams {
 public:
  explicit OpenStreams(std::uint32_t limit) : limit_(limit) {}

  // False: there are as many as may be. True: there is one more, until Close.
  bool TryOpen() {
    if (count_.fetch_add(1, std::memory_order_relaxed) < limit_) return true;
    Close();
    return false;
  }

  void Close() { count_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  const std::uint32_t limit_;
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_OPEN_STREAMS_H_
