// Fencing tokens: each larger than every one before it, also across a crash.
//
// The store keeps one high-water mark. Tokens are reserved in blocks, so that
// most grants do not touch it; what is left of a block after a crash is skipped.
// Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_TOKEN_SOURCE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_TOKEN_SOURCE_H_

#include <cstdint>

#include "services/lock/engine/record_change.h"

namespace holdfast {

class TokenSource {
 public:
  // Large enough to make the mark's write rare, small enough that no number of
  // restarts uses up 64 bits.
  static constexpr std::uint64_t kBlock = 1024;

  // The next token. Where it begins a new block, the reservation is added to
  // `changes`: it becomes durable in the same batch as the grant.
  std::uint64_t Next(RecordBatch& changes) {
    if (last_ == reserved_through_) {
      reserved_through_ += kBlock;
      changes.push_back(ReserveTokens{.through = reserved_through_});
    }
    return ++last_;
  }

  // No token up to `through` will be given out.
  void Restore(std::uint64_t through) { last_ = reserved_through_ = through; }

  // The last one that was given out, or that Restore has skipped.
  std::uint64_t last() const { return last_; }

  std::uint64_t reserved_through() const { return reserved_through_; }

 private:
  std::uint64_t last_ = 0;
  std::uint64_t reserved_through_ = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_TOKEN_SOURCE_H_
