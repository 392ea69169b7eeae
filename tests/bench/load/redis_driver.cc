#include "tests/bench/load/redis_driver.h"

#include <charconv>

#include "absl/strings/str_cat.h"

namespace holdfast::bench {
namespace {

constexpr std::string_view kRelease =
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
constexpr std::string_view kRenew =
    "if redis.call('get', KEYS[1]) == ARGV[1] then "
    "return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0";

}  // namespace

std::optional<RedisReply> ParseRedisReply(std::string_view arrived) {
  const std::size_t line_end = arrived.find("\r\n");
  if (arrived.empty() || line_end == std::string_view::npos) return {};
  const std::string_view line = arrived.substr(1, line_end - 1);
  const std::size_t after = line_end + 2;
  switch (arrived.front()) {
    case '+':
      return RedisReply{RedisReply::Kind::kStatus, line, after};
    case ':':
      return RedisReply{RedisReply::Kind::kInteger, line, after};
    case '$': {
      int length = -1;
      std::from_chars(line.data(), line.data() + line.size(), length);
      if (length < 0) return RedisReply{RedisReply::Kind::kNull, {}, after};
      const auto size = static_cast<std::size_t>(length);
      if (arrived.size() < after + size + 2) return {};
      return RedisReply{RedisReply::Kind::kString, arrived.substr(after, size), after + size + 2};
    }
    default:
      return RedisReply{RedisReply::Kind::kError, line, after};
  }
}

void AppendRedisCommand(std::string& to, std::initializer_list<std::string_view> words) {
  absl::StrAppend(&to, "*", words.size(), "\r\n");
  for (const std::string_view word : words) {
    absl::StrAppend(&to, "$", word.size(), "\r\n");
    to.append(word);
    to.append("\r\n");
  }
}

// Every operation is one request, and has succeeded if the reply is OK or 1.
class RedisDriver::Connection final : public SocketConnection {
 public:
  // Loads a script. Empty: it cannot.
  std::string Load(std::string_view script) {
    std::string request;
    AppendRedisCommand(request, {"SCRIPT", "LOAD", script});
    std::string digest;
    Ask(request, [&](std::string_view arrived) {
      const auto reply = ParseRedisReply(arrived);
      if (reply && reply->kind == RedisReply::Kind::kString) digest = reply->value;
      return reply.has_value();
    });
    return digest;
  }

  void SendCommand(Slot& slot, std::initializer_list<std::string_view> words) {
    thread_local std::string request;
    request.clear();
    AppendRedisCommand(request, words);
    Send(slot, request);
  }

 private:
  std::size_t Consume(std::string_view arrived) override {
    std::size_t taken = 0;
    while (const auto reply = ParseRedisReply(arrived.substr(taken))) {
      taken += reply->bytes;
      const bool ok = (reply->kind == RedisReply::Kind::kStatus && reply->value == "OK") ||
                      (reply->kind == RedisReply::Kind::kInteger && reply->value == "1");
      TakeNext()->Done(ok);
    }
    return taken;
  }
};

RedisDriver::RedisDriver() = default;
RedisDriver::~RedisDriver() = default;

std::unique_ptr<RedisDriver> RedisDriver::Connect(const DriverOptions& options) {
  std::unique_ptr<RedisDriver> driver(new RedisDriver);
  for (int i = 0; i < options.connections; ++i) {
    auto connection = std::make_unique<Connection>();
    if (!connection->Connect(options.address)) return nullptr;
    driver->release_script_ = connection->Load(kRelease);
    driver->renew_script_ = connection->Load(kRenew);
    // A server that is still reading its data refuses one or both.
    if (driver->release_script_.empty() || driver->renew_script_.empty()) return nullptr;
    driver->loop_.Add(*connection);
    driver->connections_.push_back(std::move(connection));
  }
  driver->loop_.Start();
  return driver;
}

void RedisDriver::Acquire(Slot& slot) {
  const std::string expire = absl::StrCat(slot.expire.count());
  connections_[static_cast<std::size_t>(slot.number) % connections_.size()]->SendCommand(
      slot, {"SET", slot.key, slot.lease_id, "NX", "PX", expire});
}

void RedisDriver::Release(Slot& slot) {
  connections_[static_cast<std::size_t>(slot.number) % connections_.size()]->SendCommand(
      slot, {"EVALSHA", release_script_, "1", slot.key, slot.lease_id});
}

void RedisDriver::Renew(Slot& slot) {
  const std::string expire = absl::StrCat(slot.expire.count());
  connections_[static_cast<std::size_t>(slot.number) % connections_.size()]->SendCommand(
      slot, {"EVALSHA", renew_script_, "1", slot.key, slot.lease_id, expire});
}

}  // namespace holdfast::bench
