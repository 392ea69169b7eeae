// Drives a lock table in tests: a clock to be set by hand, short names for the
// commands, and the outcomes sorted by call. After every step it checks what
// must hold at any time. Single-threaded.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_TESTING_TABLE_DRIVER_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_TESTING_TABLE_DRIVER_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/limits.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/outcome.h"

namespace holdfast {

class TableDriver {
 public:
  explicit TableDriver(const Limits& limits = {}) : table_(limits) {}

  struct AcquireOptions {
    std::optional<Duration> expire{};
    Duration timeout{};
    bool report_queue = false;
    std::string owner = "owner";
    std::vector<std::string> tags{};
    bool bound = false;
    std::optional<Duration> max_hold{};
    CallId stream{};  // Of the session that sends it.
    Principal principal{};
    Quota quota{};
  };

  struct AttachOptions {
    std::uint64_t number = 1;  // Of the stream.
    bool local = true;
    std::vector<ListedLease> leases{};
    bool more = false;
    Principal principal{};
    Quota quota{};
  };

  CallId Acquire(std::string key, std::string lease_id, AcquireOptions options);
  CallId Try(std::string key, std::string lease_id) { return Acquire(key, lease_id, {}); }
  CallId Queue(std::string key, std::string lease_id) {
    return Acquire(key, lease_id, {.timeout = kNoTimeout});
  }
  CallId Release(std::string key, std::string lease_id, CallId stream = {});
  CallId Renew(std::string key, std::string lease_id, std::optional<Duration> expire = {},
               CallId stream = {});
  CallId ForceRelease(std::string key, std::optional<std::uint64_t> fencing_token = {});
  CallId ReleaseByTag(ReleaseByTagCommand command);
  CallId Watch(LeaseFilter filter);
  void ContinueWatch(CallId call);
  Listed List(ListCommand command) { return Last<Listed>(Apply(std::move(command))); }
  LockView Get(std::string key);
  void Cancel(CallId call);
  // What `call` was told last, a grant, did not arrive.
  void ReportUndelivered(CallId call);
  CallId Drain();

  // Sessions. Attach returns the stream.
  CallId Attach(std::string session_id, AttachOptions options);
  CallId Attach(std::string session_id) { return Attach(std::move(session_id), {}); }
  void AttachPage(CallId stream, std::vector<ListedLease> leases, bool more = false);
  CallId RenewAll(CallId stream);
  CallId Detach(CallId stream, std::string key, std::string lease_id);
  // All that the stream has been told so far.
  void Acknowledge(CallId stream);
  void Acknowledge(CallId stream, std::uint64_t through);
  void EndStream(CallId stream, bool by_client,
                 std::uint64_t sent_through = EndStreamCommand::kAllSent);

  // The leases that the stream was told have ended, in order, and why.
  std::vector<std::pair<std::string, Refusal>> Gone(CallId stream);

  // Moves the clock and fires what is due.
  void Advance(Duration step, LockTable::Expiry expiry = LockTable::Expiry::kActive);

  // All that `call` was told, in order.
  const std::vector<Outcome>& All(CallId call) { return outcomes_[call]; }

  bool Answered(CallId call);

  // What `call` was told last, if it was a T; otherwise the test fails, and the
  // result is empty.
  template <typename T>
  T Last(CallId call) {
    const std::vector<Outcome>& all = outcomes_[call];
    if (!all.empty() && std::holds_alternative<T>(all.back())) return std::get<T>(all.back());
    ReportWrongOutcome(all);
    return {};
  }

  std::uint64_t TokenOf(CallId call) { return Last<Granted>(call).lease.lease.fencing_token; }
  Refusal RefusalOf(CallId call) { return Last<Refused>(call).reason; }

  // "name7", for one of many.
  static std::string Numbered(const std::string& name, int i) { return name + std::to_string(i); }

  bool IsHeld(const std::string& key) { return !Get(key).holders.empty(); }

  LockTable& table() { return table_; }
  Now now() const { return now_; }

  // The changes of the last step.
  const RecordBatch& changes() const { return changes_; }

 private:
  CallId Apply(CommandBody body, CallId stream = {});
  void Collect(Effects effects);
  static void ReportWrongOutcome(const std::vector<Outcome>& all);

  LockTable table_;
  Now now_{.monotonic = Instant(std::chrono::hours(1)),
           .wall = WallTime{1'700'000'000'000'000'000}};
  std::uint64_t last_call_ = 0;
  std::uint64_t last_token_ = 0;
  std::set<std::uint64_t> tokens_;  // Of all grants.
  std::map<CallId, std::vector<Outcome>> outcomes_;
  std::map<CallId, CallId> acquires_;     // That have no answer, and their streams.
  std::map<CallId, std::uint64_t> told_;  // Of each stream, the last number.
  RecordBatch changes_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_TESTING_TABLE_DRIVER_H_
