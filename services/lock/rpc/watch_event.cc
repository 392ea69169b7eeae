#include "services/lock/rpc/watch_event.h"

#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {

const grpc::Slice& WatchEvent::Bytes() const {
  std::call_once(made_, [this] { bytes_ = SerializeToSlice(ToResponse(*event_)); });
  return bytes_;
}

SharedWatchEvent WatchEvents::Share(const SharedLeaseEvent& event) {
  if (last_ == nullptr || last_->event() != event) last_ = std::make_shared<WatchEvent>(event);
  return last_;
}

grpc::ByteBuffer SerializeMessage(const WatchMessage& message) {
  std::vector<grpc::Slice> slices;
  slices.reserve(message.events.size());
  for (const SharedWatchEvent& event : message.events) slices.push_back(event->Bytes());
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace holdfast
