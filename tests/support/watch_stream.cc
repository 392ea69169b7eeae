#include "tests/support/watch_stream.h"

namespace holdfast {
namespace {

v1::WatchRequest ToRequest(const WatchFilter& filter) {
  v1::WatchRequest request;
  request.mutable_filter()->set_key_prefix(filter.key_prefix);
  for (const std::string& tag : filter.tags) request.mutable_filter()->add_tags(tag);
  return request;
}

grpc::ClientContext* Prepared(grpc::ClientContext& context) {
  Prepare(context);
  return &context;
}

}  // namespace

WatchStream::WatchStream(StubClient& client, const WatchFilter& filter)
    : reader_(client.stub().Watch(Prepared(context_), ToRequest(filter))) {}

WatchStream::~WatchStream() { context_.TryCancel(); }

std::optional<v1::WatchResponse> WatchStream::NextMessage() {
  v1::WatchResponse message;
  if (!reader_->Read(&message)) return std::nullopt;
  return message;
}

std::optional<v1::LeaseEvent> WatchStream::Next() {
  while (next_event_ == message_.events_size()) {
    next_event_ = 0;
    if (!reader_->Read(&message_)) {
      message_.Clear();
      return std::nullopt;
    }
  }
  return message_.events(next_event_++);
}

std::vector<v1::LeaseEvent> WatchStream::ReadSnapshot() {
  std::vector<v1::LeaseEvent> events;
  while (std::optional<v1::LeaseEvent> event = Next()) {
    if (event->kind() == v1::LeaseEvent::SNAPSHOT_END) break;
    events.push_back(*std::move(event));
  }
  return events;
}

CallStatus WatchStream::End() {
  while (NextMessage().has_value()) {
  }
  return Decode(reader_->Finish());
}

}  // namespace holdfast
