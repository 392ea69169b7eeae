// What a session sends: which operations, and which leases of a list, go into which message.

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "clients/cpp/core/clock.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/transport/session.h"
#include "clients/cpp/transport/session_stream.h"

namespace holdfast::core {
namespace {

// Of the API: operations in a message, and leases in a page of Attach.
constexpr int kMostOperations = 1'024;
constexpr int kMostListed = 1'024;

// How large a message may grow: so large that it costs little beside what it carries, and no
// larger, because the first of its operations waits for the last.
constexpr std::size_t kGoodMessageBytes = 32 * 1024;

// The server says how large a message may be when it answers Attach. Until then: what every
// server takes. One that does not say it has this limit, as all had by default before.
constexpr std::size_t kSafeMessageBytes = 4 * 1024;
constexpr std::size_t kUntoldMessageBytes = 64 * 1024;

// Of a message: what is neither an operation nor a lease that is listed. And of each of those,
// beside its own bytes.
constexpr std::size_t kMessageFrame = 128;
constexpr std::size_t kPartFrame = 8;

// What was received is acknowledged with the next operation. Without one for so long, or when
// so many messages have come, a message goes out for that alone. The server remembers what has
// ended until then.
constexpr Duration kAcknowledgeAfter = std::chrono::milliseconds(100);
constexpr std::uint64_t kMostUnacknowledged = 8;

}  // namespace

void Session::LearnRoom(std::uint32_t max_message_bytes) {
  max_message_bytes_ = max_message_bytes == 0
                           ? kUntoldMessageBytes
                           : std::max<std::size_t>(max_message_bytes, kSafeMessageBytes);
}

void Session::Open(Calls& calls) {
  stream_ = std::make_shared<Stream>(shared_from_this());
  writing_ = false;
  attaching_ = true;
  first_page_sent_ = false;
  attach_id_ = ++last_operation_;
  ++last_stream_;
  received_ = acknowledged_ = 0;
  to_list_.clear();
  // What has outlived a stream: see OnEnded.
  unsent_.clear();
  for (const auto& [id, pending] : pending_) unsent_.push_back(id);
  for (const auto& [lease_id, key] : held_) List(lease_id, key);
  for (const auto& [lease_id, key] : doubtful_) {
    if (!held_.contains(lease_id)) List(lease_id, key);
  }
  calls.push_back([stream = stream_, registry = calls_, self = shared_from_this()] {
    if (registry->Add(stream)) {
      stream->Start();
    } else {
      self->OnEnded(stream.get(), grpc::Status::CANCELLED);
    }
  });
}

void Session::List(const std::string& lease_id, const std::string& key) {
  v1::Operation::HeldLease& lease = to_list_.emplace_back();
  lease.set_key(key);
  lease.set_lease_id(lease_id);
}

void Session::Write(Calls& calls) {
  if (writing_ || stream_ == nullptr) return;
  v1::SessionRequest request;
  std::size_t room = Room();
  if (attaching_) WriteAttach(request, room);
  if (!attaching_) WriteOperations(request, room, calls);
  if (request.operations_size() == 0) {
    if (acknowledged_ == received_) return;
    if (!acknowledge_now_ && received_ - acknowledged_ < kMostUnacknowledged) {
      if (!std::exchange(acknowledge_soon_, true)) {
        SetTimer(kAcknowledge, After(RealClock().Now(), kAcknowledgeAfter));
      }
      return;
    }
  }
  acknowledge_now_ = false;
  acknowledged_ = received_;
  request.set_received(received_);
  writing_ = true;
  calls.push_back([stream = stream_, request = std::move(request)]() mutable {
    stream->Write(std::move(request));
  });
}

// For operations, or leases, in the next message.
std::size_t Session::Room() const {
  const std::size_t limit = max_message_bytes_ == 0 ? kSafeMessageBytes : max_message_bytes_;
  return std::min(limit, kGoodMessageBytes) - kMessageFrame;
}

void Session::WriteOperations(v1::SessionRequest& request, std::size_t room, Calls& calls) {
  while (!unsent_.empty() && request.operations_size() < kMostOperations) {
    const auto next = pending_.find(unsent_.front());
    if (next == pending_.end()) {
      unsent_.pop_front();
      continue;
    }
    const std::size_t bytes = next->second.operation.ByteSizeLong() + kPartFrame;
    if (bytes > room) {
      // It goes alone, if that is known to be small enough.
      if (request.operations_size() > 0 || max_message_bytes_ == 0) return;
      if (bytes > max_message_bytes_ - kMessageFrame) {
        unsent_.pop_front();
        Pending refused = std::move(next->second);
        pending_.erase(next);
        End(std::move(refused),
            MakeError(absl::StatusCode::kResourceExhausted, ErrorReason::kLimitExceeded,
                      "the request is longer than the server's --max-message-bytes",
                      {{"limit", std::string(kMessageLimit)}}),
            calls);
        continue;
      }
    }
    unsent_.pop_front();
    next->second.sent = true;
    *request.add_operations() = next->second.operation;
    room -= std::min(room, bytes);
  }
}

void Session::WriteAttach(v1::SessionRequest& request, std::size_t& room) {
  v1::Operation& operation = *request.add_operations();
  operation.set_id(attach_id_);
  v1::Operation::Attach& attach = *operation.mutable_attach();
  if (!std::exchange(first_page_sent_, true)) {
    attach.set_session_id(session_id_);
    attach.set_stream_number(last_stream_);
  }
  while (attach.leases_size() < kMostListed && !to_list_.empty()) {
    const std::size_t bytes = to_list_.front().ByteSizeLong() + kPartFrame;
    if (bytes > room) break;
    *attach.add_leases() = std::move(to_list_.front());
    to_list_.pop_front();
    room -= bytes;
  }
  attaching_ = !to_list_.empty();
  attach.set_more(attaching_);
}

}  // namespace holdfast::core
