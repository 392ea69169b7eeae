// Fencing tokens: each larger than all earlier ones, even across a crash.
//
// The store keeps one high-water mark. Tokens are reserved in blocks, so that
// most grants do not change it; the rest of a block is skipped after a restart.
// Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_TOKEN_SOURCE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_TOKEN_SOURCE_H_

#include <cstdint>

#include "services/lock/engine/record_change.h"

namespace holdfast {

class TokenSource {
 public:
  // Large enough that the mark is rarely written, small enough that no number of
  // restarts uses up 64 bits.
  static constexpr std::uint64_t kBlock = 1024;

  // The next token. If it starts a new block, the reservation is added to
  // `changes`, and so becomes durable in the same batch as the grant.
  std::uint64_t Next(RecordBatch& changes) {
    if (last_ == reserved_through_) {
      reserved_through_ += kBlock;
      changes.push_back(ReserveTokens{.through = reserved_through_});
    }
    return ++last_;
  }

  // No token up to `through` will be granted.
  void Restore(std::uint64_t through) { last_ = reserved_through_ = through; }

  // The last token that was granted, or skipped by Restore.
  std::uint64_t last() const { return last_; }

  std::uint64_t reserved_through() const { return reserved_through_; }

 private:
  std::uint64_t last_ = 0;
  std::uint64_t reserved_through_ = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_TOKEN_SOURCE_H_
