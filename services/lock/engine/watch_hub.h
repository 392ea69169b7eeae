// Sends the events of leases to watches.
//
// A watch starts with a snapshot, page by page in the order of the keys, and
// follows events at the same time, so that nothing is lost in between: an event
// of a key that the snapshot has passed is sent; an event of a later key is not,
// because the page with that key will show its result. The watcher requests each
// page, so a snapshot of a million leases is never in memory at once.
//
// Events are sent as they happen. The layer that carries them must bound what it
// keeps for a watcher that does not read. Thread-compatible.

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
  // The maximum number of leases on a page of a snapshot. It keeps the message
  // below a megabyte even if every lease has the maximum size.
  static constexpr std::size_t kLeasesPerPage = 250;

  // Starts a watch with the first page of its snapshot.
  void Start(CallId call, const LeaseFilter& filter, const LockMap& locks,
             std::vector<Delivery>& deliveries);

  // Sends the next page. Does nothing if there is no such watch or its snapshot
  // is complete.
  void NextPage(CallId call, const LockMap& locks, std::vector<Delivery>& deliveries);

  // False: there is no such watch.
  bool Stop(CallId call) { return watches_.erase(call) > 0; }

  // Ends every watch with `refused`.
  void StopAll(const Refused& refused, std::vector<Delivery>& deliveries);

  // Sends an event of a lease to every watch that matches.
  void Publish(LeaseEventKind kind, const LeaseRecord& lease, const Now& now,
               std::vector<Delivery>& deliveries);

  std::size_t size() const { return watches_.size(); }

 private:
  struct Watch {
    LeaseFilter filter;
    bool snapshot_complete = false;
    std::optional<std::string> passed;  // The snapshot has passed the keys up to this one.

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
