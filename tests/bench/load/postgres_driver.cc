#include "tests/bench/load/postgres_driver.h"

#include <cstdint>
#include <functional>

#include "tests/bench/load/wire_writer.h"

namespace holdfast::bench {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t kHeader = 5;  // A type, and a length that counts itself.
constexpr std::uint32_t kProtocol3 = 3 << 16;
constexpr std::uint32_t kInt8 = 20;  // The type's number.

void AppendMessage(std::string& to, char type, std::string_view body) {
  to.push_back(type);
  AppendBigEndian(to, static_cast<std::uint32_t>(body.size() + 4));
  to.append(body);
}

std::string StartUp() {
  std::string body;
  AppendBigEndian(body, kProtocol3);
  body.append("user\0postgres\0database\0postgres\0\0"sv);
  std::string message;
  AppendBigEndian(message, static_cast<std::uint32_t>(body.size() + 4));
  return message + body;
}

void AppendPrepare(std::string& to, std::string_view name, std::string_view statement) {
  std::string body(name);
  body.push_back('\0');
  body.append(statement);
  body.push_back('\0');
  AppendBigEndian(body, std::uint16_t{1});
  AppendBigEndian(body, kInt8);
  AppendMessage(to, 'P', body);
}

// Executes a prepared statement whose one parameter and result are binary.
std::string Execution(std::string_view name, const std::string& key) {
  std::string bind("\0"sv);
  bind.append(name);
  bind.push_back('\0');
  AppendBigEndian(bind, std::uint16_t{1});
  AppendBigEndian(bind, std::uint16_t{1});
  AppendBigEndian(bind, std::uint16_t{1});
  AppendBigEndian(bind, std::uint32_t{8});
  AppendBigEndian(bind, static_cast<std::uint64_t>(std::hash<std::string>()(key)));
  AppendBigEndian(bind, std::uint16_t{1});
  AppendBigEndian(bind, std::uint16_t{1});
  std::string messages;
  AppendMessage(messages, 'B', bind);
  AppendMessage(messages, 'E', "\0\0\0\0\0"sv);
  AppendMessage(messages, 'S', {});
  return messages;
}

}  // namespace

std::optional<PostgresMessage> ParsePostgresMessage(std::string_view arrived) {
  if (arrived.size() < kHeader) return {};
  const std::size_t bytes = 1 + ReadBigEndian<std::uint32_t>(arrived.substr(1));
  if (arrived.size() < bytes) return {};
  return PostgresMessage{arrived.front(), arrived.substr(kHeader, bytes - kHeader), bytes};
}

class PostgresDriver::Connection final : public SocketConnection {
 public:
  bool Prepare() {
    std::string prepare;
    AppendPrepare(prepare, "a", "select pg_advisory_lock($1)");
    AppendPrepare(prepare, "r", "select pg_advisory_unlock($1)");
    AppendMessage(prepare, 'S', {});
    return AskForReady(StartUp()) && AskForReady(prepare);
  }

 private:
  bool AskForReady(const std::string& request) {
    bool refused = false;
    const bool answered = Ask(request, [&](std::string_view arrived) {
      while (const auto message = ParsePostgresMessage(arrived)) {
        arrived.remove_prefix(message->bytes);
        refused = refused || message->type == 'E';
        if (refused || message->type == 'Z') return true;
      }
      return false;
    });
    return answered && !refused;
  }

  std::size_t Consume(std::string_view arrived) override {
    std::size_t taken = 0;
    while (const auto message = ParsePostgresMessage(arrived.substr(taken))) {
      taken += message->bytes;
      switch (message->type) {
        case 'E':
          ok_ = false;
          break;
        case 'D':
          // An unlock's one column is a boolean, and a lock's is void, which is empty.
          if (message->body.size() == 7) ok_ = ok_ && message->body.back() == 1;
          break;
        case 'Z':
          TakeNext()->Done(std::exchange(ok_, true));
          break;
        default:
          break;
      }
    }
    return taken;
  }

  bool ok_ = true;  // What the messages of the answer so far have said.
};

PostgresDriver::PostgresDriver() = default;
PostgresDriver::~PostgresDriver() = default;

std::unique_ptr<PostgresDriver> PostgresDriver::Connect(const DriverOptions& options) {
  std::unique_ptr<PostgresDriver> driver(new PostgresDriver);
  for (int i = 0; i < options.connections; ++i) {
    auto connection = std::make_unique<Connection>();
    if (!connection->Connect(options.address) || !connection->Prepare()) return nullptr;
    driver->loop_.Add(*connection);
    driver->connections_.push_back(std::move(connection));
  }
  driver->loop_.Start();
  return driver;
}

void PostgresDriver::Acquire(Slot& slot) {
  connections_[static_cast<std::size_t>(slot.number) % connections_.size()]->Send(
      slot, Execution("a", slot.key));
}

void PostgresDriver::Release(Slot& slot) {
  connections_[static_cast<std::size_t>(slot.number) % connections_.size()]->Send(
      slot, Execution("r", slot.key));
}

}  // namespace holdfast::bench
