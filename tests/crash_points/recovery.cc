#include "tests/crash_points/recovery.h"

#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/limits.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/engine/turn.h"
#include "services/lock/storage/testing/open_store.h"
#include "services/lock/storage/testing/store_content.h"
#include "tests/crash_points/disk_recorder.h"

namespace holdfast {
namespace {

// A store that also tells what it has loaded.
class LoadedStore final : public LockStore {
 public:
  explicit LoadedStore(LockStore& store) : store_(store) {}

  absl::Status Load(RecordVisitor& visitor) override {
    if (absl::Status status = store_.Load(content_); !status.ok()) return status;
    content_.Visit(visitor);
    return absl::OkStatus();
  }
  absl::Status Commit(const RecordBatch& batch) override { return store_.Commit(batch); }

  const StoreContent& content() const { return content_; }

 private:
  LockStore& store_;
  StoreContent content_;
};

std::string Summary(const StoreContent& content) {
  return absl::StrCat(content.leases.size(), " leases, ", content.ended.size(),
                      " ended ids, tokens reserved up to ", content.reserved_tokens.value_or(0));
}

// What is wrong with what was loaded, or nothing.
std::string CompareContent(const StoreContent& content, const Expectation& expected) {
  const std::vector<ObservedCommit>& commits = *expected.commits;
  const std::size_t first =
      expected.promise == Promise::kAcknowledged ? expected.last_acknowledged : 0;
  bool found = false;
  for (std::size_t i = first; i <= expected.last_begun && !found; ++i) {
    found = commits[i].content == content;
  }
  const StoreContent& acknowledged = commits[expected.last_acknowledged].content;
  if (!found) {
    return absl::StrCat("the store holds what it never should: ", Summary(content),
                        "; acknowledged: ", Summary(acknowledged));
  }
  if (content.reserved_tokens.value_or(0) < acknowledged.reserved_tokens.value_or(0)) {
    return absl::StrCat("a reservation of tokens was lost: ", Summary(content),
                        "; acknowledged: ", Summary(acknowledged));
  }
  return "";
}

// What a holder, or whoever held, is told when it asks again.
std::string CheckAnswer(const LeaseRecord& lease, const Outcome& outcome) {
  const auto* granted = std::get_if<Granted>(&outcome);
  if (granted == nullptr) return absl::StrCat(lease.spec.lease_id, " lost its lease");
  const std::uint64_t token = granted->lease.lease.fencing_token;
  if (token == lease.fencing_token) return "";
  return absl::StrCat(lease.spec.lease_id, " had token ", lease.fencing_token, " and got ", token);
}

std::string CheckEnded(const std::string& lease_id, const Outcome& outcome) {
  const auto* refused = std::get_if<Refused>(&outcome);
  if (refused != nullptr && refused->reason == Refusal::kLeaseEnded) return "";
  return absl::StrCat(lease_id, " had ended and was not refused");
}

// Lets everybody come back in one turn of the engine.
std::string CheckTurn(TurnRunner& runner, const StoreContent& content, std::uint64_t highest_token,
                      Now now) {
  std::vector<Command> commands;
  const auto acquire = [&](LeaseSpec spec) {
    commands.push_back(
        {.call = CallId{commands.size()},
         .body = AcquireCommand{.spec = std::move(spec), .received = now.monotonic}});
  };
  for (const auto& [lease_id, lease] : content.leases) {
    LeaseSpec spec = lease.spec;
    spec.expire = lease.asked_expire();
    acquire(std::move(spec));
  }
  for (const auto& [lease_id, cause] : content.ended) {
    acquire({.key = "of a late duplicate", .lease_id = lease_id});
  }
  acquire({.key = "a new lock", .lease_id = "a-new-lease-id-0"});

  std::vector<Delivery> deliveries;
  if (absl::Status status = runner.Run(commands, now, deliveries); !status.ok()) {
    return absl::StrCat("the first turn failed: ", status.ToString());
  }
  std::vector<Outcome> outcomes(commands.size());
  for (Delivery& delivery : deliveries) {
    outcomes.at(static_cast<std::size_t>(delivery.call)) = std::move(delivery.outcome);
  }
  std::size_t call = 0;
  for (const auto& [lease_id, lease] : content.leases) {
    if (std::string fault = CheckAnswer(lease, outcomes[call++]); !fault.empty()) return fault;
  }
  for (const auto& [lease_id, cause] : content.ended) {
    if (std::string fault = CheckEnded(lease_id, outcomes[call++]); !fault.empty()) return fault;
  }
  const auto* granted = std::get_if<Granted>(&outcomes[call]);
  if (granted == nullptr) return "a free lock was not granted";
  const std::uint64_t token = granted->lease.lease.fencing_token;
  if (token > highest_token) return "";
  return absl::StrCat("token ", token, " was granted after ", highest_token);
}

}  // namespace

Recovery Recover(const DiskImage& image, const std::string& folder, Durability durability,
                 const Expectation& expected) {
  constexpr Now kNow{.monotonic = Instant(std::chrono::hours(1))};
  PutDiskImage(image, folder);
  DiskRecorder recorder(folder, image);
  Recovery recovery{.began_at = recorder.position()};
  {
    auto store = OpenStore(DataPath(folder),
                           {.durability = durability, .write_buffer_size = kSmallWriteBuffer});
    recovery.opened_at = recorder.position();
    recovery.refused = !store.ok();
    if (recovery.refused) {
      if (expected.promise == Promise::kAcknowledged ||
          store.status().code() != absl::StatusCode::kDataLoss) {
        recovery.fault = absl::StrCat("the store does not open: ", store.status().ToString());
      }
      return recovery;
    }
    LoadedStore loaded(**store);
    TurnRunner runner(Limits{}, loaded);
    if (absl::Status status = runner.Load(kNow); !status.ok()) {
      recovery.fault = absl::StrCat("the records do not load: ", status.ToString());
      return recovery;
    }
    recovery.fault = CompareContent(loaded.content(), expected);
    if (recovery.fault.empty()) {
      const std::uint64_t highest = (*expected.commits)[expected.last_acknowledged].highest_token;
      recovery.fault = CheckTurn(runner, loaded.content(), highest, kNow);
    }
  }
  recovery.journal = recorder.Stop();
  return recovery;
}

}  // namespace holdfast
