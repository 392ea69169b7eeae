// The one interface that every lock service is measured through, so that a
// measurement is written once and the same for all.
//
// A Slot is one caller: it uses one lock at a time, and has at most one operation
// under way. A Driver carries the operations of many slots over its connections.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_DRIVER_H_
#define HOLDFAST_TESTS_BENCH_LOAD_DRIVER_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace holdfast::bench {

using SteadyTime = std::chrono::steady_clock::time_point;
using Microseconds = std::chrono::duration<double, std::micro>;

inline SteadyTime Now() { return std::chrono::steady_clock::now(); }

// What a driver keeps for a slot between its operations.
struct SlotState {
  SlotState() = default;
  SlotState(const SlotState&) = delete;
  SlotState& operator=(const SlotState&) = delete;
  virtual ~SlotState() = default;
};

// Not thread-safe: nobody but the driver touches it between an operation's start and Done.
class Slot {
 public:
  Slot() = default;
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  virtual ~Slot() = default;

  // The operation has ended. Called once for each, on a thread of the driver's, perhaps
  // before the call that started it has returned. May start the next one.
  virtual void Done(bool ok) = 0;

  // Constant while an operation is under way.
  int number = 0;  // Among the driver's slots. Decides which connection it uses.
  std::string key;
  std::string lease_id;  // Names a lease, where the service lets its client choose.
  std::chrono::milliseconds expire = std::chrono::seconds(30);
  std::chrono::milliseconds timeout{0};  // How long an acquire waits. 0: it tries once.

  bool bound = false;  // Whether the lease is to end with this process, where that can be asked.

  std::unique_ptr<SlotState> state;  // The driver's.
};

struct DriverOptions {
  std::string address;  // As the service spells it: see each driver.
  int connections = 1;
};

// Operations of different slots may be started from any thread.
class Driver {
 public:
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  // REQUIRES: no operation is under way.
  virtual ~Driver() = default;

  // Called once for each slot before its first operation, while none is under way. May
  // block.
  virtual void Prepare(Slot& /*slot*/) {}

  // Each ends with slot.Done: true if the lock is held now, is free now, or lasts
  // for another slot.expire.
  virtual void Acquire(Slot& slot) = 0;
  virtual void Release(Slot& slot) = 0;

  // False where the service has no such operation; then `Renew` must not be called.
  virtual bool can_renew() const { return false; }
  virtual void Renew(Slot& slot) { slot.Done(false); }

  // Likewise: all leases that were acquired over the slot's connection.
  virtual bool can_renew_all() const { return false; }
  virtual void RenewAll(Slot& slot) { slot.Done(false); }
};

// Ids that nobody else uses: of this process, in order.
std::string NextLeaseId();

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_DRIVER_H_
