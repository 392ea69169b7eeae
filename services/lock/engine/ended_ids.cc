#include "services/lock/engine/ended_ids.h"

namespace holdfast {

void EndedIds::Add(std::string_view lease_id, EndCause cause, Instant now, RecordBatch& changes) {
  if (order_.size() >= capacity_ && !order_.empty()) ForgetOldest(changes);
  changes.push_back(PutEnded{.lease_id = std::string(lease_id), .cause = cause});
  Restore(lease_id, cause, now);
}

void EndedIds::Restore(std::string_view lease_id, EndCause cause, Instant now) {
  order_.push_back({.lease_id = std::string(lease_id), .ended = now});
  causes_.emplace(order_.back().lease_id, cause);
}

std::optional<EndCause> EndedIds::Find(std::string_view lease_id) const {
  const auto found = causes_.find(lease_id);
  if (found == causes_.end()) return std::nullopt;
  return found->second;
}

std::optional<Instant> EndedIds::NextPrune() const {
  if (order_.empty()) return std::nullopt;
  return order_.front().ended + kRetention + kPruneInterval;
}

void EndedIds::Prune(Instant now, RecordBatch& changes) {
  for (int i = 0; i < kPrunedAtOnce && !order_.empty(); ++i) {
    if (now - order_.front().ended < kRetention) return;
    ForgetOldest(changes);
  }
}

void EndedIds::ForgetOldest(RecordBatch& changes) {
  causes_.erase(order_.front().lease_id);
  changes.push_back(DeleteEnded{.lease_id = std::move(order_.front().lease_id)});
  order_.pop_front();
}

}  // namespace holdfast
