// etcd 3.4 over gRPC, in the two ways in which it is used as a lock.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_ETCD_DRIVER_H_
#define HOLDFAST_TESTS_BENCH_LOAD_ETCD_DRIVER_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/load/driver.h"

namespace holdfast::bench {

enum class EtcdWay {
  kLockService,  // v3lock: Lock waits its turn, first come first served.
  kTransaction,  // Put if the key is absent, delete if it is still ours; never waits.
};

// The address is "host:port". Keys hang from a lease of an hour for each slot.
class EtcdDriver final : public Driver {
 public:
  EtcdDriver(const DriverOptions& options, EtcdWay way);
  ~EtcdDriver() override;

  void Prepare(Slot& slot) override;
  void Acquire(Slot& slot) override;
  void Release(Slot& slot) override;

 private:
  struct Connection;
  struct Call;

  Call& CallOf(Slot& slot);

  const EtcdWay way_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_ETCD_DRIVER_H_
