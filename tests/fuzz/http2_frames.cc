#include "tests/fuzz/http2_frames.h"

namespace holdfast::fuzz {
namespace {

// A string of HPACK, without Huffman's code. Lengths of 127 and more go on in
// further bytes of seven bits.
std::string HpackString(std::string_view text) {
  std::string bytes;
  std::size_t length = text.size();
  if (length < 127) {
    bytes.push_back(static_cast<char>(length));
  } else {
    bytes.push_back(127);
    for (length -= 127; length >= 128; length /= 128) {
      bytes.push_back(static_cast<char>(length % 128 + 128));
    }
    bytes.push_back(static_cast<char>(length));
  }
  return bytes.append(text);
}

}  // namespace

std::string BigEndian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

std::string Frame(FrameType type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
  std::string frame = BigEndian(static_cast<std::uint32_t>(payload.size())).substr(1);
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  frame += BigEndian(stream);
  return frame.append(payload);
}

std::string Header(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + HpackString(name) + HpackString(value);
}

std::string CallHeaders(std::string_view method) {
  return Header(":method", "POST") + Header(":scheme", "http") + Header(":path", method) +
         Header(":authority", "localhost") + Header("content-type", "application/grpc") +
         Header("te", "trailers");
}

std::string GrpcMessage(std::string_view message) {
  std::string bytes(1, '\0');
  bytes += BigEndian(static_cast<std::uint32_t>(message.size()));
  return bytes.append(message);
}

std::string Call(std::uint32_t stream, std::string_view method, std::string_view message) {
  return Frame(FrameType::kHeaders, kEndHeaders, stream, CallHeaders(method)) +
         Frame(FrameType::kData, kEndStream, stream, GrpcMessage(message));
}

std::string Greeting() {
  return std::string(kHttp2Preface) + Frame(FrameType::kSettings, 0, 0, "");
}

}  // namespace holdfast::fuzz
