#include "tests/fuzz/malformed_input.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <string_view>
#include <utility>

#include "google/protobuf/descriptor.h"
#include "holdfast/v1/admin_service.pb.h"
#include "holdfast/v1/lock_service.pb.h"
#include "holdfast/v1/session.pb.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/http2_frames.h"
#include "tests/fuzz/wire_message.h"

namespace holdfast::fuzz {
namespace {

using google::protobuf::Descriptor;

// Thread-compatible.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}

  std::uint32_t Any() { return static_cast<std::uint32_t>(random_()); }

  // One of 0 to `count` - 1.
  std::size_t Below(std::size_t count) { return random_() % count; }

  std::string Bytes(std::size_t count) {
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }

 private:
  std::mt19937_64 random_;
};

struct Method {
  std::string_view path;
  const Descriptor* request;
};

// Those of the API, and of the other services on the same port.
Method AnyMethod(Chance& chance) {
  const Descriptor* const acquire = v1::AcquireRequest::descriptor();
  const Descriptor* const session = v1::SessionRequest::descriptor();
  const std::array<Method, 15> methods = {{
      {"/holdfast.v1.LockService/Acquire", acquire},
      {"/holdfast.v1.LockService/Wait", acquire},
      {"/holdfast.v1.LockService/Wait", acquire},
      {"/holdfast.v1.LockService/Release", v1::ReleaseRequest::descriptor()},
      {"/holdfast.v1.LockService/Renew", v1::RenewRequest::descriptor()},
      {"/holdfast.v1.LockService/Get", v1::GetRequest::descriptor()},
      {"/holdfast.v1.LockService/List", v1::ListRequest::descriptor()},
      {"/holdfast.v1.LockService/Watch", v1::WatchRequest::descriptor()},
      {"/holdfast.v1.SessionService/Session", session},
      {"/holdfast.v1.SessionService/Session", session},
      {"/holdfast.v1.AdminService/ForceRelease", v1::ForceReleaseRequest::descriptor()},
      {"/holdfast.v1.AdminService/ReleaseByTag", v1::ReleaseByTagRequest::descriptor()},
      {"/grpc.health.v1.Health/Check", acquire},
      {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", acquire},
      {"/nobody.Knows/This", acquire},
  }};
  return methods[chance.Below(methods.size())];
}

// A message that attaches, and goes on with whatever comes to mind. Streams with the same
// session take it from one another.
std::string AnySession(Chance& chance) {
  v1::SessionRequest request;
  v1::Operation& first = *request.add_operations();
  first.set_id(1);
  v1::Operation::Attach& attach = *first.mutable_attach();
  attach.set_session_id("malformed-session-" + std::to_string(chance.Below(4)));
  attach.set_stream_number(1 + chance.Any() % 1'000);
  attach.set_more(chance.Below(8) == 0);
  for (std::size_t count = chance.Below(40); count > 0; --count) {
    v1::Operation& operation = *request.add_operations();
    operation.set_id(2 + chance.Any() % 60);
    const std::string key(1, static_cast<char>('a' + chance.Below(3)));
    const std::string lease_id = "malformed-" + std::to_string(chance.Any() % 100 + 1'000'000'000);
    switch (chance.Below(6)) {
      case 0:
        operation.mutable_release()->set_key(key);
        operation.mutable_release()->set_lease_id(lease_id);
        break;
      case 1:
        operation.mutable_renew_all();
        break;
      case 2:
        operation.mutable_detach()->set_key(key);
        operation.mutable_detach()->set_lease_id(lease_id);
        break;
      case 3:
        operation.mutable_attach()->set_more(chance.Below(2) == 0);
        break;
      default: {
        operation.mutable_acquire()->set_report_queue(chance.Below(2) == 0);
        v1::AcquireRequest& acquire = *operation.mutable_acquire()->mutable_request();
        acquire.set_key(key);
        acquire.set_lease_id(lease_id);
        acquire.mutable_expire()->set_seconds(1);
        acquire.set_bound(chance.Below(2) == 0);
        if (chance.Below(2) == 0) acquire.mutable_timeout()->set_seconds(60);
      }
    }
  }
  request.set_received(chance.Below(4) == 0 ? chance.Any() : 0);
  return request.SerializeAsString();
}

// A request with fields at and beyond their limits, as often as not damaged. Many
// are valid, and some wait for locks that others of them hold.
std::string AnyMessage(Chance& chance, const Descriptor& type) {
  if (chance.Below(4) == 0 && &type == v1::AcquireRequest::descriptor()) {
    v1::AcquireRequest request;
    request.set_key(std::string(1, static_cast<char>('a' + chance.Below(3))));
    request.set_lease_id("malformed-" + std::to_string(chance.Any() % 100 + 1'000'000'000));
    request.mutable_expire()->set_seconds(1);
    if (chance.Below(2) == 0) request.mutable_timeout()->set_seconds(60);
    return request.SerializeAsString();
  }
  if (chance.Below(4) != 0 && &type == v1::SessionRequest::descriptor()) {
    return AnySession(chance);
  }
  const std::string choices = chance.Bytes(600);
  FuzzInput input(reinterpret_cast<const std::uint8_t*>(choices.data()), choices.size());
  std::string message = WireMessage(input, type);
  return chance.Below(2) == 0 ? message : Damaged(input, std::move(message));
}

std::string Conversation(Chance& chance, std::size_t calls) {
  std::string bytes = Greeting();
  for (std::size_t i = 0; i < calls; ++i) {
    const Method method = AnyMethod(chance);
    bytes += Call(static_cast<std::uint32_t>(2 * i + 1), method.path,
                  AnyMessage(chance, *method.request));
  }
  return bytes;
}

std::string Mutated(Chance& chance, std::string bytes, std::size_t from) {
  for (std::size_t changes = 1 + chance.Below(8); changes > 0; --changes) {
    if (bytes.size() <= from + 1) return bytes;
    const std::size_t place = from + chance.Below(bytes.size() - from);
    switch (chance.Below(4)) {
      case 0:
        bytes[place] = static_cast<char>(bytes[place] ^ (1 << chance.Below(8)));
        break;
      case 1:
        bytes.erase(place, 1 + chance.Below(9));
        break;
      case 2:
        bytes.insert(place, chance.Bytes(1 + chance.Below(9)));
        break;
      default:
        bytes.insert(place, bytes.substr(from + chance.Below(bytes.size() - from), 40));
    }
  }
  return bytes;
}

std::string RandomFrames(Chance& chance) {
  std::string bytes = Greeting();
  for (std::size_t count = 1 + chance.Below(60); count > 0; --count) {
    bytes +=
        Frame(static_cast<FrameType>(chance.Below(11)), static_cast<std::uint8_t>(chance.Any()),
              static_cast<std::uint32_t>(chance.Below(8)), chance.Bytes(chance.Below(64)));
  }
  return bytes;
}

// Headers beyond what a server takes: one that is long, or many.
std::string LargeHeaders(Chance& chance) {
  constexpr std::size_t kMaxInAFrame = 16'000;
  std::string block = CallHeaders("/holdfast.v1.LockService/Get");
  const std::size_t target = 9'000 << chance.Below(7);
  const std::size_t each = chance.Below(2) == 0 ? target : 20;
  while (block.size() < target) {
    block += Header("x-" + std::to_string(chance.Below(1'000)), std::string(each, 'v'));
  }
  std::string bytes = Greeting() + Frame(FrameType::kHeaders, 0, 1, block.substr(0, kMaxInAFrame));
  for (std::size_t at = kMaxInAFrame; at < block.size(); at += kMaxInAFrame) {
    bytes += Frame(FrameType::kContinuation, 0, 1, block.substr(at, kMaxInAFrame));
  }
  return bytes + Frame(FrameType::kContinuation, kEndHeaders, 1, "") +
         Frame(FrameType::kData, kEndStream, 1, GrpcMessage("\x0a\x01k"));
}

// Thousands of calls at once, some of which are given up as soon as they begin.
std::string ManyStreams(Chance& chance) {
  std::string bytes = Greeting();
  const std::size_t count = 1'000 + chance.Below(2'000);
  const bool reset = chance.Below(2) == 0;
  const Method method = AnyMethod(chance);
  const std::string message = AnyMessage(chance, *method.request);
  for (std::size_t i = 0; i < count; ++i) {
    const auto stream = static_cast<std::uint32_t>(2 * i + 1);
    bytes += Call(stream, method.path, message);
    if (reset) bytes += Frame(FrameType::kRstStream, 0, stream, BigEndian(8));
  }
  return bytes;
}

// A client that will not have any answer: it gives the server no room to send.
std::string NoWindow(Chance& chance) {
  const std::string no_window = std::string("\0\4", 2) + BigEndian(0);
  std::string bytes(kHttp2Preface);
  bytes += Frame(FrameType::kSettings, 0, 0, no_window);
  for (std::uint32_t stream = 1; stream < 40; stream += 2) {
    const Method method = AnyMethod(chance);
    bytes += Call(stream, method.path, AnyMessage(chance, *method.request));
  }
  return bytes;
}

// Frames that cost the server more than the client.
std::string Flood(Chance& chance) {
  std::string frame;
  switch (chance.Below(4)) {
    case 0:
      frame = Frame(FrameType::kPing, 0, 0, "12345678");
      break;
    case 1:
      frame = Frame(FrameType::kSettings, 0, 0, std::string("\0\3", 2) + BigEndian(100));
      break;
    case 2:
      frame = Frame(FrameType::kWindowUpdate, 0, 0, BigEndian(0x7fff'ffff));
      break;
    default:
      frame = Frame(FrameType::kData, 0, 1, "");
      break;
  }
  std::string bytes = Greeting();
  for (int i = 0; i < 2'000; ++i) bytes += frame;
  return bytes;
}

// A message whose length is not what it says, or which claims to be compressed.
std::string LyingMessages(Chance& chance) {
  std::string bytes = Greeting();
  for (std::uint32_t stream = 1; stream < 20; stream += 2) {
    const Method method = AnyMethod(chance);
    const std::string message = AnyMessage(chance, *method.request);
    std::string framed = GrpcMessage(message);
    const std::string length = BigEndian(chance.Any() >> chance.Below(32));
    if (chance.Below(2) == 0) std::copy(length.begin(), length.end(), framed.begin() + 1);
    if (chance.Below(3) == 0) framed[0] = static_cast<char>(chance.Below(4));
    if (chance.Below(3) == 0) framed += GrpcMessage(message);
    bytes += Frame(FrameType::kHeaders, kEndHeaders, stream, CallHeaders(method.path));
    bytes += Frame(FrameType::kData, kEndStream, stream, framed.substr(0, 16'000));
  }
  return bytes;
}

MalformedInput::End AnyEnd(Chance& chance) {
  constexpr std::array<MalformedInput::End, 5> kEnds = {
      MalformedInput::End::kHangUp, MalformedInput::End::kHangUp, MalformedInput::End::kHangUp,
      MalformedInput::End::kVanish, MalformedInput::End::kStayOpen};
  return kEnds[chance.Below(kEnds.size())];
}

}  // namespace

MalformedInput MakeMalformedInput(std::uint64_t seed) {
  Chance chance(seed);
  const MalformedInput::End end = AnyEnd(chance);
  switch (chance.Below(11)) {
    case 0:
      return {"random bytes", chance.Bytes(chance.Below(70'000)), end};
    case 1:
      return {"random bytes after the preface",
              std::string(kHttp2Preface) + chance.Bytes(chance.Below(70'000)), end};
    case 2:
      return {"random frames", RandomFrames(chance), end};
    case 3:
      return {"mutated frames",
              Mutated(chance, Conversation(chance, 1 + chance.Below(20)), kHttp2Preface.size()),
              end};
    case 4:
      return {"mutated preface", Mutated(chance, Conversation(chance, 1), 0), end};
    case 5:
      return {"large headers", LargeHeaders(chance), end};
    case 6:
      return {"many streams", ManyStreams(chance), end};
    case 7:
      return {"no window", NoWindow(chance), end};
    case 8:
      return {"flood", Flood(chance), end};
    case 9:
      return {"lying messages", LyingMessages(chance), end};
    default:
      return {"odd requests", Conversation(chance, 1 + chance.Below(60)), end};
  }
}

}  // namespace holdfast::fuzz
