#include "services/net/http2_traffic.h"

#include <algorithm>
#include <utility>

namespace holdfast {
namespace {

constexpr std::uint8_t kData = 0;
constexpr std::uint8_t kHeaders = 1;
constexpr std::uint8_t kRstStream = 3;
constexpr std::uint8_t kSettings = 4;

constexpr std::uint8_t kAck = 0x1;        // Of settings.
constexpr std::uint8_t kEndStream = 0x1;  // Of data and headers.

std::string_view Take(std::string_view& bytes, std::size_t most) {
  const std::string_view taken = bytes.substr(0, most);
  bytes.remove_prefix(taken.size());
  return taken;
}

}  // namespace

// False: there is more of it to come, or something else has come.
bool Http2Frames::SkipPreface(std::string_view& bytes) {
  const std::string_view come = Take(bytes, preface_.size());
  broken_ = !preface_.starts_with(come);
  preface_.remove_prefix(come.size());
  return !broken_ && preface_.empty();
}

// False: there is more of it to come.
bool Http2Frames::ReadHeader(std::string_view& bytes) {
  const std::string_view come = Take(bytes, kHeaderBytes - raw_bytes_);
  std::copy(come.begin(), come.end(), raw_.begin() + static_cast<std::ptrdiff_t>(raw_bytes_));
  raw_bytes_ += come.size();
  if (raw_bytes_ < kHeaderBytes) return false;
  raw_bytes_ = 0;
  const auto number = [this](std::size_t from, std::size_t to) {
    std::uint32_t value = 0;
    for (std::size_t i = from; i < to; ++i) value = value << 8 | raw_[i];
    return value;
  };
  header_ = {.bytes = number(0, 3),
             .type = raw_[3],
             .flags = raw_[4],
             .stream = number(5, 9) & 0x7fffffff};
  left_ = header_.bytes;
  return true;
}

template <typename OnFrame, typename OnPayload>
void Http2Frames::Scan(std::string_view bytes, OnFrame on_frame, OnPayload on_payload) {
  if (broken_ || (!preface_.empty() && !SkipPreface(bytes))) return;
  while (!bytes.empty()) {
    if (left_ == 0) {
      if (!ReadHeader(bytes)) return;
      on_frame(std::as_const(header_));
      continue;
    }
    const std::string_view piece = Take(bytes, left_);
    left_ -= static_cast<std::uint32_t>(piece.size());
    on_payload(std::as_const(header_), piece);
  }
}

void Http2Traffic::Received(std::string_view bytes, Instant now) {
  in_.Scan(
      bytes,
      [&](const Http2Frames::Header& frame) {
        if (frame.type == kSettings && (frame.flags & kAck) == 0) greeted_ = true;
        // A client's streams are odd, and each is larger than the one before.
        if (frame.type == kHeaders && frame.stream > last_stream_ && frame.stream % 2 == 1) {
          last_stream_ = frame.stream;
          ++calls_;
          open_[frame.stream].begun = now;
        }
        if (frame.type != kRstStream) return;
        const auto call = open_.find(frame.stream);
        if (call == open_.end()) return;
        if (now - call->second.begun < kQuick) ++quick_resets_;
        EndCall(frame.stream);
      },
      [&](const Http2Frames::Header& frame, std::string_view piece) {
        if (frame.type != kData) return;
        const auto call = open_.find(frame.stream);
        if (call != open_.end()) OnMessageBytes(call->second, piece);
      });
}

void Http2Traffic::Sent(std::string_view bytes) {
  out_.Scan(
      bytes,
      [&](const Http2Frames::Header& frame) {
        const bool ends = (frame.type == kData || frame.type == kHeaders)
                              ? (frame.flags & kEndStream) != 0
                              : frame.type == kRstStream;
        if (ends) EndCall(frame.stream);
      },
      [](const Http2Frames::Header& /*frame*/, std::string_view /*piece*/) {});
}

void Http2Traffic::OnMessageBytes(OpenCall& call, std::string_view bytes) {
  while (!bytes.empty()) {
    if (call.left == 0) {
      const auto byte = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      // The first is no part of the length; the shifts push it out.
      call.come = call.prefix_bytes == 0 ? 0 : call.come << 8 | byte;
      if (++call.prefix_bytes < kPrefixBytes) continue;
      call.prefix_bytes = 0;
      call.left = std::exchange(call.come, 0);
      continue;
    }
    const auto piece = static_cast<std::uint32_t>(Take(bytes, call.left).size());
    call.left -= piece;
    call.come += piece;
    unfinished_bytes_ += piece;
    if (call.left == 0) unfinished_bytes_ -= std::exchange(call.come, 0);
  }
}

void Http2Traffic::EndCall(std::uint32_t stream) {
  const auto call = open_.find(stream);
  if (call == open_.end()) return;
  if (call->second.left > 0) unfinished_bytes_ -= call->second.come;
  open_.erase(call);
}

}  // namespace holdfast
