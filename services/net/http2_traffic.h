// What a client makes its connection cost, told from the bytes that go by in both
// directions: which HTTP/2 streams it has opened, which of them it takes back, and how
// much has come of gRPC messages that are not complete.
//
// gRPC knows all this too, but has no limit for it that holds: MAX_CONCURRENT_STREAMS
// binds only a client that acknowledges it, and a stream has cost some 15 KB before any
// code of the service's hears of it. Nothing is decoded but the nine bytes in front of
// each frame and the five in front of each message; what breaks HTTP/2's rules is left to
// gRPC, which ends the connection.

#ifndef HOLDFAST_SERVICES_NET_HTTP2_TRAFFIC_H_
#define HOLDFAST_SERVICES_NET_HTTP2_TRAFFIC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "services/common/clock.h"

namespace holdfast {

// The frames of one direction. Thread-compatible.
class Http2Frames {
 public:
  struct Header {
    std::uint32_t bytes = 0;  // Of what follows it.
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
  };

  // `preface`: what comes before the first frame.
  explicit Http2Frames(std::string_view preface) : preface_(preface) {}

  // Calls `on_frame(header)` for each frame that begins in `bytes`, and
  // `on_payload(header, piece)` for the pieces of what follows it.
  template <typename OnFrame, typename OnPayload>
  void Scan(std::string_view bytes, OnFrame on_frame, OnPayload on_payload);

  // The bytes are no HTTP/2. Nothing is called any more.
  bool broken() const { return broken_; }

 private:
  static constexpr std::size_t kHeaderBytes = 9;

  bool SkipPreface(std::string_view& bytes);
  bool ReadHeader(std::string_view& bytes);

  std::string_view preface_;  // What is left of it.
  bool broken_ = false;
  std::array<unsigned char, kHeaderBytes> raw_{};
  std::size_t raw_bytes_ = 0;
  Header header_;
  std::uint32_t left_ = 0;  // Of the frame's payload.
};

// Thread-compatible.
class Http2Traffic {
 public:
  // Calls that are taken back so soon after their beginning count as quick. Whoever waits
  // for a lock and gives up does it later.
  static constexpr Duration kQuick = std::chrono::seconds(1);

  // Bytes from the client, and to it, in their order.
  void Received(std::string_view bytes, Instant now);
  void Sent(std::string_view bytes);

  // Whether the client has said all that comes before a call: the preface and its settings.
  bool greeted() const { return greeted_; }

  // Calls so far; those that it has reset before their answer, soon after their beginning;
  // and those that are open: neither answered in full nor reset.
  std::uint64_t calls() const { return calls_; }
  std::uint64_t quick_resets() const { return quick_resets_; }
  std::size_t open_calls() const { return open_.size(); }

  // Of messages that are not complete, in calls that are open.
  std::size_t unfinished_bytes() const { return unfinished_bytes_; }

 private:
  struct OpenCall {
    Instant begun;
    std::uint8_t prefix_bytes = 0;  // Of the message's prefix that have come.
    std::uint32_t left = 0;         // Of the message.
    std::uint32_t come = 0;         // Of the message, as long as it is not complete.
  };

  static constexpr std::uint8_t kPrefixBytes = 5;  // A flag and the length.

  void OnMessageBytes(OpenCall& call, std::string_view bytes);
  void EndCall(std::uint32_t stream);

  Http2Frames in_{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"};
  Http2Frames out_{""};
  bool greeted_ = false;
  std::uint32_t last_stream_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t quick_resets_ = 0;
  std::size_t unfinished_bytes_ = 0;
  absl::flat_hash_map<std::uint32_t, OpenCall> open_;  // By stream.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_HTTP2_TRAFFIC_H_
