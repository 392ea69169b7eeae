// holdfast's unary calls, over generated stubs: also what the bare server answers.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_UNARY_DRIVER_H_
#define HOLDFAST_TESTS_BENCH_LOAD_UNARY_DRIVER_H_

#include <memory>
#include <vector>

#include "holdfast/v1/lock_service.grpc.pb.h"
#include "tests/bench/load/driver.h"

namespace holdfast::bench {

// The address is gRPC's: "unix:/path" or "host:port". A call that cannot be sent
// fails at once.
class UnaryDriver final : public Driver {
 public:
  explicit UnaryDriver(const DriverOptions& options);

  void Prepare(Slot& slot) override;
  void Acquire(Slot& slot) override;
  void Release(Slot& slot) override;
  bool can_renew() const override { return true; }
  void Renew(Slot& slot) override;

 private:
  struct Call;

  Call& CallOf(Slot& slot);

  std::vector<std::unique_ptr<v1::LockService::Stub>> stubs_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_UNARY_DRIVER_H_
