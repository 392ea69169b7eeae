#include "tests/bench/load/zookeeper_driver.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>

#include "tests/bench/load/wire_writer.h"

namespace holdfast::bench {
namespace {

enum Operation : std::int32_t { kCreate = 1, kDelete = 2, kExists = 3, kGetChildren = 8 };
constexpr std::int32_t kPersistent = 0;
constexpr std::int32_t kEphemeralSequential = 3;
constexpr std::int32_t kAllPermissions = 31;
constexpr std::int32_t kNoNode = -101;
constexpr std::int32_t kWatchEvent = -1;  // In place of a request's number.
constexpr std::int32_t kSessionTimeout = 3'600'000;
constexpr std::size_t kAnswerHeader = 16;  // Request, transaction, error.

void AppendString(std::string& to, std::string_view text) {
  AppendBigEndian(to, static_cast<std::int32_t>(text.size()));
  to.append(text);
}

// Takes a string from the front.
std::string_view TakeString(std::string_view& from) {
  const auto size = static_cast<std::size_t>(ReadBigEndian<std::int32_t>(from));
  const std::string_view text = from.substr(4, size);
  from.remove_prefix(4 + size);
  return text;
}

std::string Framed(const std::string& body) {
  std::string frame;
  AppendBigEndian(frame, static_cast<std::int32_t>(body.size()));
  return frame + body;
}

std::string Request(Operation operation, std::string_view path) {
  std::string body;
  AppendBigEndian(body, std::int32_t{1});  // Answers come in order and need no number.
  AppendBigEndian(body, static_cast<std::int32_t>(operation));
  AppendString(body, path);
  return body;
}

std::string Create(std::string_view path, std::int32_t kind) {
  std::string body = Request(kCreate, path);
  AppendString(body, "worker@host-17:31337");
  AppendBigEndian(body, std::int32_t{1});
  AppendBigEndian(body, kAllPermissions);
  AppendString(body, "world");
  AppendString(body, "anyone");
  AppendBigEndian(body, kind);
  return Framed(body);
}

std::string Delete(std::string_view path) {
  std::string body = Request(kDelete, path);
  AppendBigEndian(body, std::int32_t{-1});  // Whatever its version.
  return Framed(body);
}

std::string Look(Operation operation, std::string_view path, bool watch) {
  std::string body = Request(operation, path);
  body.push_back(watch ? 1 : 0);
  return Framed(body);
}

std::string StartSession() {
  std::string body;
  AppendBigEndian(body, std::int32_t{0});
  AppendBigEndian(body, std::int64_t{0});
  AppendBigEndian(body, kSessionTimeout);
  AppendBigEndian(body, std::int64_t{0});
  AppendString(body, std::string(16, '\0'));
  body.push_back(0);
  return Framed(body);
}

// The complete frame at the front without its length, or empty.
std::string_view FrameOf(std::string_view arrived) {
  if (arrived.size() < 4) return {};
  const auto size = static_cast<std::size_t>(ReadBigEndian<std::int32_t>(arrived));
  return arrived.size() < 4 + size ? std::string_view() : arrived.substr(4, size);
}

}  // namespace

// A slot's, and what its next answer is about.
struct ZooKeeperDriver::Lock final : SlotState {
  enum class Step { kCreating, kMakingFolder, kListing, kWatching, kDeleting };
  Connection* connection = nullptr;
  Step step{};
  std::string folder;
  std::string node;  // Its whole path, once it is there.
};

class ZooKeeperDriver::Connection final : public SocketConnection {
 public:
  bool StartsSession() {
    return Ask(StartSession(), [](std::string_view arrived) { return !FrameOf(arrived).empty(); });
  }

  void SendStep(Slot& slot, Lock::Step step, const std::string& request) {
    static_cast<Lock&>(*slot.state).step = step;
    Send(slot, request);
  }

 private:
  std::size_t Consume(std::string_view arrived) override {
    std::size_t taken = 0;
    for (std::string_view frame; !(frame = FrameOf(arrived.substr(taken))).empty();) {
      taken += 4 + frame.size();
      const auto request = ReadBigEndian<std::int32_t>(frame);
      const auto error = ReadBigEndian<std::int32_t>(frame.substr(12));
      frame.remove_prefix(kAnswerHeader);
      if (request == kWatchEvent) {
        OnEvent(frame);
      } else {
        OnAnswer(*TakeNext(), error, frame);
      }
    }
    return taken;
  }

  void OnEvent(std::string_view event) {
    event.remove_prefix(8);  // What has happened, and the session's state.
    const auto watcher = watched_.find(std::string(TakeString(event)));
    if (watcher == watched_.end()) return;
    Slot& slot = *watcher->second;
    watched_.erase(watcher);
    List(slot);
  }

  void List(Slot& slot) {
    SendStep(slot, Lock::Step::kListing,
             Look(kGetChildren, static_cast<Lock&>(*slot.state).folder, false));
  }

  void OnAnswer(Slot& slot, std::int32_t error, std::string_view answer) {
    auto& lock = static_cast<Lock&>(*slot.state);
    switch (lock.step) {
      case Lock::Step::kCreating:
        if (error == kNoNode) {
          SendStep(slot, Lock::Step::kMakingFolder, Create(lock.folder, kPersistent));
          return;
        }
        if (error != 0) return slot.Done(false);
        lock.node = TakeString(answer);
        List(slot);
        return;
      case Lock::Step::kMakingFolder:  // Or another slot has made it.
        SendStep(slot, Lock::Step::kCreating, Create(lock.folder + "/n-", kEphemeralSequential));
        return;
      case Lock::Step::kListing:
        if (error != 0) return slot.Done(false);
        OnListed(slot, lock, answer);
        return;
      case Lock::Step::kWatching:
        if (error == kNoNode) {  // It has just gone.
          watched_.erase(lock_before_[&slot]);
          List(slot);
        }
        return;
      case Lock::Step::kDeleting:
        slot.Done(error == 0);
        return;
    }
  }

  void OnListed(Slot& slot, const Lock& lock, std::string_view names) {
    const std::string_view own = std::string_view(lock.node).substr(lock.folder.size() + 1);
    const auto count = ReadBigEndian<std::int32_t>(names);
    names.remove_prefix(4);
    std::string_view before;
    for (std::int32_t i = 0; i < count; ++i) {
      const std::string_view name = TakeString(names);
      if (name < own && name > before) before = name;
    }
    if (before.empty()) return slot.Done(true);
    std::string& path = lock_before_[&slot];
    path = lock.folder + "/" + std::string(before);
    watched_[path] = &slot;
    SendStep(slot, Lock::Step::kWatching, Look(kExists, path, true));
  }

  // The loop's: who waits for a node to go, and for which node a slot waits.
  std::map<std::string, Slot*> watched_;
  std::map<Slot*, std::string> lock_before_;
};

ZooKeeperDriver::ZooKeeperDriver() = default;
ZooKeeperDriver::~ZooKeeperDriver() = default;

std::unique_ptr<ZooKeeperDriver> ZooKeeperDriver::Connect(const DriverOptions& options) {
  std::unique_ptr<ZooKeeperDriver> driver(new ZooKeeperDriver);
  for (int i = 0; i < options.connections; ++i) {
    auto connection = std::make_unique<Connection>();
    if (!connection->Connect(options.address) || !connection->StartsSession()) return nullptr;
    driver->loop_.Add(*connection);
    driver->connections_.push_back(std::move(connection));
  }
  driver->loop_.Start();
  return driver;
}

void ZooKeeperDriver::Prepare(Slot& slot) {
  auto lock = std::make_unique<Lock>();
  lock->connection =
      connections_[static_cast<std::size_t>(slot.number) % connections_.size()].get();
  slot.state = std::move(lock);
}

ZooKeeperDriver::Lock& ZooKeeperDriver::LockOf(Slot& slot) {
  auto& lock = static_cast<Lock&>(*slot.state);
  lock.folder = "/" + slot.key;
  std::replace(lock.folder.begin() + 1, lock.folder.end(), '/', '_');
  return lock;
}

void ZooKeeperDriver::Acquire(Slot& slot) {
  Lock& lock = LockOf(slot);
  lock.connection->SendStep(slot, Lock::Step::kCreating,
                            Create(lock.folder + "/n-", kEphemeralSequential));
}

void ZooKeeperDriver::Release(Slot& slot) {
  Lock& lock = LockOf(slot);
  lock.connection->SendStep(slot, Lock::Step::kDeleting, Delete(lock.node));
}

}  // namespace holdfast::bench
