// HTTP/2 and gRPC on the wire, as bytes: enough to speak to a gRPC server, and to
// speak to it wrongly. Pure functions.

#ifndef HOLDFAST_TESTS_FUZZ_HTTP2_FRAMES_H_
#define HOLDFAST_TESTS_FUZZ_HTTP2_FRAMES_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::fuzz {

// What a client says first.
inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum class FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

// Flags, of the frames that have them.
inline constexpr std::uint8_t kAck = 0x1;
inline constexpr std::uint8_t kEndStream = 0x1;
inline constexpr std::uint8_t kEndHeaders = 0x4;

std::string Frame(FrameType type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload);

// A number in network byte order.
std::string BigEndian(std::uint32_t number);

// One header, as a literal that neither side remembers.
std::string Header(std::string_view name, std::string_view value);

// The headers that begin a call of `method` ("/holdfast.v1.LockService/Get").
std::string CallHeaders(std::string_view method);

// A message as gRPC puts it into DATA frames.
std::string GrpcMessage(std::string_view message);

// A whole call with one message, after which the client has no more to say.
std::string Call(std::uint32_t stream, std::string_view method, std::string_view message);

// The preface and empty settings.
std::string Greeting();

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_HTTP2_FRAMES_H_
