// holdfast's sessions: a stream for each connection, which carries the operations of
// all of its slots. What is started while a message is being written, or one that has
// come is being worked off, goes out together in the next.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_SESSION_DRIVER_H_
#define HOLDFAST_TESTS_BENCH_LOAD_SESSION_DRIVER_H_

#include <memory>
#include <vector>

#include "tests/bench/load/driver.h"

namespace holdfast::bench {

// The address is gRPC's: "unix:/path" or "host:port". Operations fail once the stream
// has ended.
class SessionDriver final : public Driver {
 public:
  explicit SessionDriver(const DriverOptions& options);
  ~SessionDriver() override;

  void Prepare(Slot& slot) override;
  void Acquire(Slot& slot) override;
  void Release(Slot& slot) override;
  bool can_renew() const override { return true; }
  void Renew(Slot& slot) override;
  bool can_renew_all() const override { return true; }
  void RenewAll(Slot& slot) override;

 private:
  class Stream;

  Stream& StreamOf(const Slot& slot);

  std::vector<std::unique_ptr<Stream>> streams_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_SESSION_DRIVER_H_
