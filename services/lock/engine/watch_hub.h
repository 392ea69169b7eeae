// Tells watchers what happens to leases.
//
// A watch begins with a snapshot, page by page in the order of the keys, and
// follows the events meanwhile, so that nothing falls between the two: an event
// of a key that the snapshot has passed is told, and one of a key that is still
// to come is not, because the page that shows the key will show its outcome. The
// watcher asks for each page, so a snapshot of a million leases never lies in
// memory.
//
// Events are told as they come. Whoever carries them to the watcher must bound
// what it keeps for one that does not read. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_WATCH_HUB_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_WATCH_HUB_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/lock_state.h"
#include "services/lock/engine/outcome.h"

namespace holdfast {

class WatchHub {
 public:
  // A page of a snapshot shows at most this many leases, which makes its message
  // smaller than a megabyte even if every lease is as large as it may be.
  static constexpr std::size_t kLeasesPerPage = 250;

  // Begins a watch with the first page of its snapshot.
  void Start(CallId call, const LeaseFilter& filter, const LockMap& locks,
             std::vector<Delivery>& deliveries);

  // The next page. Does nothing if there is no such watch or its snapshot is
  // complete.
  void NextPage(CallId call, const LockMap& locks, std::vector<Delivery>& deliveries);

  // False: there is no such watch.
  bool Stop(CallId call) { return watches_.erase(call) > 0; }

  // Ends every watch with `refused`.
  void StopAll(const Refused& refused, std::vector<Delivery>& deliveries);

  // Tells those who watch it what has happened to a lease.
  void Publish(LeaseEventKind kind, const LeaseRecord& lease, const Now& now,
               std::vector<Delivery>& deliveries);

  std::size_t size() const { return watches_.size(); }

 private:
  struct Watch {
    LeaseFilter filter;
    bool snapshot_complete = false;
    std::optional<std::string> passed;  // The keys up to this one, by the snapshot.

    bool HasPassed(const std::string& key) const {
      return snapshot_complete || (passed.has_value() && key <= *passed);
    }
  };

  void TellPage(CallId call, Watch& watch, const LockMap& locks, std::vector<Delivery>& deliveries);

  absl::btree_map<CallId, Watch> watches_;  // Ordered, so that a run can be repeated.
  std::uint64_t last_sequence_ = 0;         // Of events.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_WATCH_HUB_H_
