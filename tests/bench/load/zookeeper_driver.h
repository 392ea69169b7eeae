// ZooKeeper's recipe for locks: an ephemeral node with a number in the lock's folder;
// the smallest number holds, and every other watches the one before it.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_ZOOKEEPER_DRIVER_H_
#define HOLDFAST_TESTS_BENCH_LOAD_ZOOKEEPER_DRIVER_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/load/driver.h"
#include "tests/bench/load/socket_loop.h"

namespace holdfast::bench {

// The address is "IPv4:port". The lock's folder is made by the slot's first acquire.
class ZooKeeperDriver final : public Driver {
 public:
  // Null: it cannot connect, or is not served.
  static std::unique_ptr<ZooKeeperDriver> Connect(const DriverOptions& options);
  ~ZooKeeperDriver() override;

  void Prepare(Slot& slot) override;
  void Acquire(Slot& slot) override;
  void Release(Slot& slot) override;

 private:
  class Connection;
  struct Lock;

  ZooKeeperDriver();

  Lock& LockOf(Slot& slot);

  std::vector<std::unique_ptr<Connection>> connections_;
  SocketLoop loop_;  // The last member: it uses the others.
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_ZOOKEEPER_DRIVER_H_
