// Redis as a lock, as its users have it: SET NX PX with a value of the holder's, and
// a script that deletes the key if the value is still the holder's.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_REDIS_DRIVER_H_
#define HOLDFAST_TESTS_BENCH_LOAD_REDIS_DRIVER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/load/driver.h"
#include "tests/bench/load/socket_loop.h"

namespace holdfast::bench {

// What a Redis server answers, as far as locks need it.
struct RedisReply {
  enum class Kind { kStatus, kError, kInteger, kString, kNull };
  Kind kind{};
  std::string_view value{};
  std::size_t bytes = 0;  // Of the reply as a whole.
};

// The reply at the front of `arrived`. Absent: not all of it has come yet.
std::optional<RedisReply> ParseRedisReply(std::string_view arrived);

// Appends a command, as a server reads it.
void AppendRedisCommand(std::string& to, std::initializer_list<std::string_view> words);

// Has no waiting: a lock that is taken is refused.
class RedisDriver final : public Driver {
 public:
  // Null: it cannot connect, or is not served.
  static std::unique_ptr<RedisDriver> Connect(const DriverOptions& options);
  ~RedisDriver() override;

  void Acquire(Slot& slot) override;
  void Release(Slot& slot) override;
  bool can_renew() const override { return true; }
  void Renew(Slot& slot) override;

 private:
  class Connection;

  RedisDriver();

  std::vector<std::unique_ptr<Connection>> connections_;
  std::string release_script_;  // Their digests.
  std::string renew_script_;
  SocketLoop loop_;  // The last member: it uses the others.
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_REDIS_DRIVER_H_
