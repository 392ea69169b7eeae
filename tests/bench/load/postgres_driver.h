// PostgreSQL's advisory locks, of the session, by statements that are prepared once.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_POSTGRES_DRIVER_H_
#define HOLDFAST_TESTS_BENCH_LOAD_POSTGRES_DRIVER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/load/driver.h"
#include "tests/bench/load/socket_loop.h"

namespace holdfast::bench {

// One message from a PostgreSQL server (protocol 3).
struct PostgresMessage {
  char type = 0;
  std::string_view body{};
  std::size_t bytes = 0;  // Of the message as a whole.
};

// The message at the front of `arrived`. Absent: not all of it has come yet.
std::optional<PostgresMessage> ParsePostgresMessage(std::string_view arrived);

// The server must trust the user "postgres". A lock is named by the hash of its key.
// Whoever waits holds up the whole connection.
class PostgresDriver final : public Driver {
 public:
  // Null: it cannot connect, or is not served.
  static std::unique_ptr<PostgresDriver> Connect(const DriverOptions& options);
  ~PostgresDriver() override;

  void Acquire(Slot& slot) override;
  void Release(Slot& slot) override;

 private:
  class Connection;

  PostgresDriver();

  std::vector<std::unique_ptr<Connection>> connections_;
  SocketLoop loop_;  // The last member: it uses the others.
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_POSTGRES_DRIVER_H_
