#include "services/net/connections.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/common/log.h"

namespace holdfast {
namespace {

// As many quick resets as in this time may come at once.
constexpr int kResetBurstSeconds = 2;

// How often to look for idle connections when there is no room, and what part of those
// that are found has to go: a crowd that comes at once is not to be paid for one by one.
constexpr Duration kBetweenLooksForIdle = std::chrono::milliseconds(100);
constexpr std::size_t kPartOfIdle = 16;

// What has less of it is not cut for what others have left behind.
constexpr std::int64_t kFewCalls = 64;
constexpr std::int64_t kFewBytes = 256 * 1024;

constexpr char kNamePrefix[] = "connection-";

const char* Text(CutCause cause) {
  switch (cause) {
    case CutCause::kStopping:
      break;
    case CutCause::kTooSlowToGreet:
      return "closing connections that do not begin with HTTP/2 in time";
    case CutCause::kTooSlowToCall:
      return "closing connections that make no call in time";
    case CutCause::kIdle:
      return "closing idle connections: others need their places";
    case CutCause::kResets:
      return "closing connections that take too many calls back";
    case CutCause::kCalls:
      return "closing connections that have too many calls open";
    case CutCause::kMemory:
      return "closing connections that send too much of requests they do not complete";
    case CutCause::kNoRoom:
      return "refusing new connections: as many as may be are open";
  }
  return "";
}

// At most half of the places are reserved in all.
std::uint32_t ReserveOf(const ConnectionLimits& limits, std::size_t listeners) {
  const auto share = static_cast<std::uint32_t>(limits.max_connections /
                                                (2 * std::max<std::size_t>(listeners, 1)));
  return std::min(Connections::kReserve, share);
}

}  // namespace

// --- One connection ---------------------------------------------------------------

Connection::Connection(std::shared_ptr<Connections> all, std::uint64_t id, int fd,
                       std::size_t listener, std::shared_ptr<PeerUse> peer, Instant now)
    : all_(std::move(all)),
      id_(id),
      listener_(listener),
      peer_(std::move(peer)),
      opened_(now),
      fd_(fd),
      heard_(now),
      resets_left_(std::chrono::seconds(kResetBurstSeconds)),
      resets_as_of_(now) {}

bool Connection::OnReceived(std::string_view bytes) {
  const Instant now = all_->clock_.Read().monotonic;
  std::optional<CutCause> fault;
  {
    MutexLock lock(mutex_);
    if (cut()) return false;
    heard_ = now;
    traffic_.Received(bytes, now);
    const std::int64_t calls_before = counted_calls_;
    const std::int64_t bytes_before = counted_bytes_;
    CountTraffic();
    fault = Fault(now);
    if (!fault.has_value()) fault = TooMuchWithWhatIsLeft(calls_before, bytes_before);
  }
  if (fault.has_value()) {
    Cut(*fault);
    return false;
  }
  all_->CutIfTooMuch(*this);
  return !cut();
}

void Connection::OnSent(std::string_view bytes) {
  MutexLock lock(mutex_);
  traffic_.Sent(bytes);
  CountTraffic();
}

void Connection::OnClosing() {
  bool left = false;
  {
    MutexLock lock(mutex_);
    fd_ = -1;
    left = std::exchange(counted_, false);
    if (left) UncountLive();
    all_->calls_.all -= std::exchange(counted_calls_, 0);
    all_->unfinished_bytes_.all -= std::exchange(counted_bytes_, 0);
  }
  all_->Closed(*this, left);
}

std::string Connection::PeerName() const { return absl::StrCat(kNamePrefix, id_); }

bool Connection::Cut(CutCause cause) {
  {
    MutexLock lock(mutex_);
    if (fd_ < 0 || cut()) return false;
    // Before the end can be seen.
    cut_.store(true, std::memory_order_release);
    shutdown(fd_, SHUT_RDWR);
    counted_ = false;
    UncountLive();
  }
  all_->Left(*this);
  all_->Report(cause, peer());
  return true;
}

std::optional<CutCause> Connection::Fault(Instant now) {
  const ConnectionLimits& limits = all_->limits_;
  if (traffic_.open_calls() > limits.max_calls_per_connection) return CutCause::kCalls;
  const std::uint64_t resets = traffic_.quick_resets() - resets_;
  if (resets == 0) return std::nullopt;
  resets_ += resets;
  const Duration most = std::chrono::seconds(kResetBurstSeconds);
  resets_left_ = std::min(most, resets_left_ + (now - resets_as_of_));
  resets_as_of_ = now;
  resets_left_ -= resets * Duration(std::chrono::seconds(1)) / limits.max_resets_per_second;
  if (resets_left_ < Duration::zero()) return CutCause::kResets;
  return std::nullopt;
}

// Whether it has much, and makes it more, while there is no room for more because of what
// gRPC has not cleared away yet.
std::optional<CutCause> Connection::TooMuchWithWhatIsLeft(std::int64_t calls_before,
                                                          std::int64_t bytes_before) const {
  const ConnectionLimits& limits = all_->limits_;
  if (counted_calls_ > std::max(calls_before, kFewCalls - 1) &&
      all_->calls_.all > limits.max_calls && all_->calls_.live <= limits.max_calls) {
    return CutCause::kCalls;
  }
  if (counted_bytes_ > std::max(bytes_before, kFewBytes - 1) &&
      all_->unfinished_bytes_.all > limits.max_memory_for_requests &&
      all_->unfinished_bytes_.live <= limits.max_memory_for_requests) {
    return CutCause::kMemory;
  }
  return std::nullopt;
}

void Connection::CountTraffic() {
  if (!counted_) return;  // What gRPC clears away is cleared when it closes.
  const auto calls = static_cast<std::int64_t>(traffic_.open_calls());
  const auto bytes = static_cast<std::int64_t>(traffic_.unfinished_bytes());
  if (const std::int64_t more = calls - std::exchange(counted_calls_, calls); more != 0) {
    all_->calls_.live += more;
    all_->calls_.all += more;
    peer_->calls += more;
  }
  if (const std::int64_t more = bytes - std::exchange(counted_bytes_, bytes); more != 0) {
    all_->unfinished_bytes_.live += more;
    all_->unfinished_bytes_.all += more;
  }
}

void Connection::UncountLive() {
  all_->calls_.live -= counted_calls_;
  peer_->calls -= counted_calls_;
  all_->unfinished_bytes_.live -= counted_bytes_;
  --peer_->connections;
}

// --- All of them ------------------------------------------------------------------

std::shared_ptr<Connections> Connections::Make(const ConnectionLimits& limits,
                                               std::size_t listeners, const Clock& clock) {
  return std::shared_ptr<Connections>(new Connections(limits, listeners, clock));
}

Connections::Connections(const ConnectionLimits& limits, std::size_t listeners, const Clock& clock)
    : limits_(limits), clock_(clock), log_(clock), of_listener_(listeners) {}

std::shared_ptr<Connection> Connections::Add(int fd, std::size_t listener) {
  const Instant now = clock_.Read().monotonic;
  const Peer peer = PeerOf(fd);
  std::shared_ptr<Connection> connection;
  for (const bool may_make_room : {true, false}) {
    std::vector<std::shared_ptr<Connection>> idle;
    {
      MutexLock lock(mutex_);
      const std::shared_ptr<PeerUse> use = UseOf(peer);
      const std::uint32_t most_of_peer =
          std::min(limits_.max_connections_per_peer, ShareOf(limits_.max_connections));
      const bool peer_has_room = use->connections < most_of_peer;
      if (peer_has_room && HasRoom(listener)) {
        connection =
            std::make_shared<Connection>(shared_from_this(), ++last_id_, fd, listener, use, now);
        ++use->connections;
        ++of_listener_[listener];
        all_.emplace(connection->id(), connection);
        young_.push_back(connection);
        break;
      }
      if (may_make_room) idle = Idlest(peer_has_room ? nullptr : &peer, now);
    }
    if (idle.empty()) break;
    for (const auto& each : idle) each->Cut(CutCause::kIdle);
  }
  if (connection == nullptr) {
    Report(CutCause::kNoRoom, peer);
    return nullptr;
  }
  if (!TapSocket(fd, connection)) connection->OnClosing();
  return connection;
}

std::shared_ptr<PeerUse> Connections::UseOf(const Peer& peer) {
  std::shared_ptr<PeerUse> use = peers_[peer].lock();
  if (use == nullptr) peers_[peer] = use = std::make_shared<PeerUse>(peer);
  return use;
}

// What the others have not used of their reserves is not for this one.
bool Connections::HasRoom(std::size_t listener) const {
  const std::uint32_t reserve = ReserveOf(limits_, of_listener_.size());
  std::uint64_t taken = 0;
  for (std::size_t i = 0; i < of_listener_.size(); ++i) {
    taken += i == listener ? of_listener_[i] : std::max(of_listener_[i], reserve);
  }
  return taken < limits_.max_connections;
}

// Some of those that have been silent for longest; of `peer`, or of whoever has most of them.
std::vector<std::shared_ptr<Connection>> Connections::Idlest(const Peer* peer, Instant now) {
  if (looked_for_idle_ != Instant::min() && now - looked_for_idle_ < kBetweenLooksForIdle) {
    return {};
  }
  looked_for_idle_ = now;
  struct Idle {
    Instant heard;
    std::shared_ptr<Connection> connection;
  };
  std::map<Peer, std::vector<Idle>> idle_of;
  for (const auto& [id, connection] : all_) {
    if (peer != nullptr && connection->peer() != *peer) continue;
    MutexLock lock(connection->mutex_);
    if (connection->cut() || connection->traffic_.open_calls() > 0) continue;
    if (now - connection->heard_ < kIdleLimit) continue;
    idle_of[connection->peer()].push_back({connection->heard_, connection});
  }
  const auto most = std::max_element(
      idle_of.begin(), idle_of.end(),
      [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  if (most == idle_of.end()) return {};
  std::vector<Idle>& idle = most->second;
  const std::size_t count = idle.size() / kPartOfIdle + 1;
  std::partial_sort(idle.begin(), idle.begin() + static_cast<std::ptrdiff_t>(count), idle.end(),
                    [](const Idle& a, const Idle& b) { return a.heard < b.heard; });
  std::vector<std::shared_ptr<Connection>> idlest;
  for (std::size_t i = 0; i < count; ++i) idlest.push_back(std::move(idle[i].connection));
  return idlest;
}

std::shared_ptr<Connection> Connections::Find(std::string_view grpc_peer) const {
  constexpr std::string_view kScheme = "unix:";
  if (!grpc_peer.starts_with(kScheme)) return nullptr;
  grpc_peer.remove_prefix(kScheme.size());
  if (!grpc_peer.starts_with(kNamePrefix)) return nullptr;
  grpc_peer.remove_prefix(sizeof(kNamePrefix) - 1);
  std::uint64_t id = 0;
  if (!absl::SimpleAtoi(absl::string_view(grpc_peer.data(), grpc_peer.size()), &id)) return nullptr;
  MutexLock lock(mutex_);
  const auto found = all_.find(id);
  return found == all_.end() ? nullptr : found->second;
}

bool Connections::Look() {
  const Instant now = clock_.Read().monotonic;
  std::vector<std::shared_ptr<Connection>> to_greet;
  std::vector<std::shared_ptr<Connection>> to_call;
  bool any = false;
  {
    MutexLock lock(mutex_);
    std::erase_if(young_, [&](const std::weak_ptr<Connection>& weak) {
      const std::shared_ptr<Connection> connection = weak.lock();
      if (connection == nullptr) return true;
      MutexLock its_lock(connection->mutex_);
      if (connection->cut() || connection->traffic_.calls() > 0) return true;
      const Duration age = now - connection->opened_;
      const bool greeted = connection->traffic_.greeted();
      if (!greeted && age >= kGreetLimit) to_greet.push_back(connection);
      if (greeted && age >= kCallLimit) to_call.push_back(connection);
      return false;
    });
    any = !young_.empty();
  }
  for (const auto& connection : to_greet) connection->Cut(CutCause::kTooSlowToGreet);
  for (const auto& connection : to_call) connection->Cut(CutCause::kTooSlowToCall);
  return any;
}

int Connections::CutAll() {
  int cut = 0;
  for (const auto& connection : All()) cut += connection->Cut(CutCause::kStopping) ? 1 : 0;
  return cut;
}

bool Connections::Busy() const {
  for (const auto& connection : All()) {
    MutexLock lock(connection->mutex_);
    if (connection->fd_ < 0 || connection->cut()) continue;
    int unsent = 0;
    if (ioctl(connection->fd_, SIOCOUTQ, &unsent) == 0 && unsent > 0) return true;
    if (connection->traffic_.open_calls() > 0) return true;
  }
  return false;
}

Connections::Figures Connections::figures() const {
  Figures figures{.calls = calls_.live, .unfinished_bytes = unfinished_bytes_.live};
  for (std::size_t i = 0; i < kCutCauses; ++i) figures.cut[i] = cut_[i];
  MutexLock lock(mutex_);
  figures.connections = std::reduce(of_listener_.begin(), of_listener_.end(), std::size_t{0});
  return figures;
}

// `newest`: whose traffic may have been too much.
void Connections::CutIfTooMuch(const Connection& newest) {
  const PeerUse& use = *newest.peer_;
  if (unfinished_bytes_.live > std::int64_t{limits_.max_memory_for_requests}) {
    CutLargest(nullptr, CutCause::kMemory);
  }
  if (use.calls > std::int64_t{std::min(limits_.max_calls_per_peer, ShareOf(limits_.max_calls))}) {
    CutLargest(&use.peer, CutCause::kCalls);
  }
  if (calls_.live > std::int64_t{limits_.max_calls}) CutLargest(nullptr, CutCause::kCalls);
}

void Connections::CutLargest(const Peer* peer, CutCause cause) {
  std::shared_ptr<Connection> largest;
  std::int64_t most = 0;
  for (const auto& connection : All()) {
    if (peer != nullptr && connection->peer() != *peer) continue;
    MutexLock lock(connection->mutex_);
    if (connection->cut()) continue;
    const std::int64_t has =
        cause == CutCause::kMemory ? connection->counted_bytes_ : connection->counted_calls_;
    if (has <= most) continue;
    most = has;
    largest = connection;
  }
  if (largest != nullptr) largest->Cut(cause);
}

// It is not counted any more.
void Connections::Left(const Connection& connection) {
  MutexLock lock(mutex_);
  --of_listener_[connection.listener_];
}

void Connections::Closed(const Connection& connection, bool was_counted) {
  // It may be the last that knows of it; and that may be the last that knows of this.
  std::shared_ptr<Connection> closed;
  MutexLock lock(mutex_);
  if (was_counted) --of_listener_[connection.listener_];
  const auto found = all_.find(connection.id_);
  if (found == all_.end()) return;
  closed = std::move(found->second);
  all_.erase(found);
  const auto use = peers_.find(connection.peer());
  if (use != peers_.end() && connection.peer_->connections == 0) peers_.erase(use);
}

void Connections::Report(CutCause cause, const Peer& peer) {
  ++cut_[static_cast<std::size_t>(cause)];
  if (cause == CutCause::kStopping) return;  // Who stops the server says so.
  const char* const text = Text(cause);
  if (const std::optional<std::uint64_t> times = log_.Count(text)) {
    Log(LogLevel::kWarning, text, {{"peer", peer.Text()}, {"connections", *times}});
  }
}

std::vector<std::shared_ptr<Connection>> Connections::All() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(all_.size());
  for (const auto& [id, connection] : all_) all.push_back(connection);
  return all;
}

}  // namespace holdfast
