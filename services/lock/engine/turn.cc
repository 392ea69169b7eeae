#include "services/lock/engine/turn.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "services/lock/engine/recycle.h"

namespace holdfast {
namespace {

// Hands records to the table and keeps the first contradiction.
class TableLoader final : public RecordVisitor {
 public:
  TableLoader(LockTable& table, const Now& now) : table_(table), now_(now) {}

  void OnLease(LeaseRecord lease) override {
    status_.Update(table_.RestoreLease(std::move(lease), now_));
  }
  void OnEnded(std::string lease_id, EndCause cause) override {
    status_.Update(table_.RestoreEnded(lease_id, cause, now_));
  }
  void OnReservedTokens(std::uint64_t through) override { table_.RestoreTokens(through); }

  const absl::Status& status() const { return status_; }

 private:
  LockTable& table_;
  const Now now_;
  absl::Status status_;
};

}  // namespace

absl::Status TurnRunner::Load(const Now& now) {
  TableLoader loader(table_, now);
  if (absl::Status status = store_.Load(loader); !status.ok()) return status;
  if (!loader.status().ok()) return loader.status();
  return table_.FinishRestore();
}

void TurnRunner::Apply(const std::vector<Command>& commands, const Now& now) {
  const bool may_fire = stall_guard_.MayFire(now.monotonic, table_.NextSilenceTimer(),
                                             heart_.LastStall(now.monotonic));
  for (const Command& command : commands) table_.Apply(command, now, effects_);
  table_.FireTimers(now, may_fire ? LockTable::Expiry::kActive : LockTable::Expiry::kSuspended,
                    effects_);
}

absl::Status TurnRunner::Commit(std::vector<Delivery>& deliveries) {
  if (!effects_.changes.empty()) {
    if (absl::Status status = store_.Commit(effects_.changes); !status.ok()) return status;
  }
  std::move(effects_.deliveries.begin(), effects_.deliveries.end(), std::back_inserter(deliveries));
  Recycle(effects_.changes);
  Recycle(effects_.deliveries);
  return absl::OkStatus();
}

Duration TurnRunner::TimeToNextTurn(Instant now) const {
  Instant next = now + StallGuard::kHeartbeat;
  if (const std::optional<Instant> due = table_.NextPromptTimer()) next = std::min(next, *due);
  if (const std::optional<Instant> due = table_.NextSilenceTimer()) {
    next = std::min(next, std::max(*due, stall_guard_.grace_end()));
  }
  return std::max(Duration::zero(), next - now);
}

}  // namespace holdfast
