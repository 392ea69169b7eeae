// The connections that have been handed to gRPC: who is at their other ends, what they
// cost, and which are too many or too costly and are cut.
//
// gRPC has limits of its own for some of this, but none that says which connection
// suffers, or why; to a session both look as if its client had ended it. So whatever ends
// a connection on this side ends it here, counted and logged, and Connection::cut tells
// it from an end by the client. To cut is to shut the socket down: gRPC sees its end, and
// so does a client that has stopped reading, for whom gRPC would wait without limit.
//
// What is counted is what the client has caused, before gRPC sees the bytes
// (socket_taps.h). Beyond a limit of one connection that one is cut. Beyond one of a peer,
// or of all, it is the one that has most of it: so a crowd of small ones outlives a large
// one. What has been cut costs something until gRPC has cleared it away; meanwhile that
// counts too, but only against those that have much themselves.

#ifndef HOLDFAST_SERVICES_NET_CONNECTIONS_H_
#define HOLDFAST_SERVICES_NET_CONNECTIONS_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mutex.h"
#include "services/common/clock.h"
#include "services/common/repeated_log.h"
#include "services/net/connection_limits.h"
#include "services/net/http2_traffic.h"
#include "services/net/peer.h"
#include "services/net/socket_taps.h"

namespace holdfast {

class Connections;

// Why the server ends a connection, or does not take it.
enum class CutCause : std::uint8_t {
  kStopping,
  kTooSlowToGreet,
  kTooSlowToCall,
  kIdle,  // Others needed its place.
  kResets,
  kCalls,
  kMemory,
  kNoRoom,  // It was not taken.
};
inline constexpr std::size_t kCutCauses = 8;

// What the connections of one peer have together.
struct PeerUse {
  explicit PeerUse(const Peer& p) : peer(p) {}

  const Peer peer;
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::int64_t> calls{0};
};

// Thread-safe.
class Connection final : public SocketTap {
 public:
  Connection(std::shared_ptr<Connections> all, std::uint64_t id, int fd, std::size_t listener,
             std::shared_ptr<PeerUse> peer, Instant now);

  std::uint64_t id() const { return id_; }
  const Peer& peer() const { return peer_->peer; }
  std::size_t listener() const { return listener_; }

  // Whether the server has ended it. What the client does is not seen from then on.
  bool cut() const { return cut_.load(std::memory_order_acquire); }

 private:
  friend class Connections;

  // SocketTap.
  bool OnReceived(std::string_view bytes) override;
  void OnSent(std::string_view bytes) override;
  void OnClosing() override;
  std::string PeerName() const override;

  // False: it is over already.
  bool Cut(CutCause cause);
  std::optional<CutCause> Fault(Instant now) REQUIRES(mutex_);
  std::optional<CutCause> TooMuchWithWhatIsLeft(std::int64_t calls_before,
                                                std::int64_t bytes_before) const REQUIRES(mutex_);
  void CountTraffic() REQUIRES(mutex_);
  void UncountLive() REQUIRES(mutex_);

  const std::shared_ptr<Connections> all_;
  const std::uint64_t id_;
  const std::size_t listener_;
  const std::shared_ptr<PeerUse> peer_;
  const Instant opened_;

  std::atomic<bool> cut_{false};

  mutable Mutex mutex_;
  int fd_ GUARDED_BY(mutex_);  // -1: closed.
  Http2Traffic traffic_ GUARDED_BY(mutex_);
  Instant heard_ GUARDED_BY(mutex_);        // When the client last sent something.
  bool counted_ GUARDED_BY(mutex_) = true;  // Among all connections.
  std::int64_t counted_calls_ GUARDED_BY(mutex_) = 0;
  std::int64_t counted_bytes_ GUARDED_BY(mutex_) = 0;
  // Quick resets that may still come, as of `resets_as_of_`, in nanoseconds of their rate.
  Duration resets_left_ GUARDED_BY(mutex_);
  Instant resets_as_of_ GUARDED_BY(mutex_);
  std::uint64_t resets_ GUARDED_BY(mutex_) = 0;  // Taken from it so far.
};

// Thread-safe. Lives for as long as any of the connections.
class Connections : public std::enable_shared_from_this<Connections> {
 public:
  // From being accepted to having said all that comes before a call, and to the first
  // call.
  static constexpr Duration kGreetLimit = std::chrono::seconds(5);
  static constexpr Duration kCallLimit = std::chrono::seconds(20);

  // One without calls that has been silent for so long may have to make room.
  static constexpr Duration kIdleLimit = std::chrono::seconds(1);

  // So many places of each listener are for its own connections.
  static constexpr std::uint32_t kReserve = 32;

  // `clock` must outlive it and its connections. `listeners`: how many there are.
  static std::shared_ptr<Connections> Make(const ConnectionLimits& limits, std::size_t listeners,
                                           const Clock& clock);

  // Takes a connection that nobody uses yet. Null: there is no room, and it is to be
  // closed. REQUIRES: `fd` is a socket; `listener` < listeners.
  std::shared_ptr<Connection> Add(int fd, std::size_t listener);

  // The connection of a call, by what gRPC calls the peer of the call. Null: it has been
  // closed, or is not over a Unix socket.
  std::shared_ptr<Connection> Find(std::string_view grpc_peer) const;

  // Cuts those that have taken too long to begin. To be called a few times a second while
  // it returns true, and after an Add.
  bool Look();

  // Cuts those that are still open. Returns how many they were.
  int CutAll();

  // Whether a client has not taken all that it was sent from its socket, or waits for an
  // answer.
  bool Busy() const;

  struct Figures {
    std::size_t connections = 0;
    std::int64_t calls = 0;
    std::int64_t unfinished_bytes = 0;
    std::array<std::uint64_t, kCutCauses> cut{};  // By cause.
  };
  Figures figures() const;

 private:
  friend class Connection;
  Connections(const ConnectionLimits& limits, std::size_t listeners, const Clock& clock);

  // A quarter is left to others.
  static std::uint32_t ShareOf(std::uint32_t limit) { return limit - limit / 4; }

  std::shared_ptr<PeerUse> UseOf(const Peer& peer) REQUIRES(mutex_);
  bool HasRoom(std::size_t listener) const REQUIRES(mutex_);
  std::vector<std::shared_ptr<Connection>> Idlest(const Peer* peer, Instant now) REQUIRES(mutex_);
  // Of `peer`, or of all.
  void CutLargest(const Peer* peer, CutCause cause);
  void CutIfTooMuch(const Connection& newest);
  void Left(const Connection& connection);
  void Closed(const Connection& connection, bool was_counted);
  void Report(CutCause cause, const Peer& peer);
  std::vector<std::shared_ptr<Connection>> All() const;

  const ConnectionLimits limits_;
  const Clock& clock_;
  RepeatedLog log_;

  // Of those that have not been cut, and of all that are not closed.
  struct Use {
    std::atomic<std::int64_t> live{0};
    std::atomic<std::int64_t> all{0};
  };
  Use calls_;
  Use unfinished_bytes_;
  std::array<std::atomic<std::uint64_t>, kCutCauses> cut_{};

  mutable Mutex mutex_;
  std::uint64_t last_id_ GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, std::shared_ptr<Connection>> all_ GUARDED_BY(mutex_);
  std::map<Peer, std::weak_ptr<PeerUse>> peers_ GUARDED_BY(mutex_);
  // Those that are counted, by listener.
  std::vector<std::uint32_t> of_listener_ GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<Connection>> young_ GUARDED_BY(mutex_);  // Without a call so far.
  Instant looked_for_idle_ GUARDED_BY(mutex_) = Instant::min();
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_CONNECTIONS_H_
