#include "tests/support/session_stream.h"

#include <algorithm>
#include <utility>

#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

grpc::ClientContext* Prepared(grpc::ClientContext& context) {
  Prepare(context);
  return &context;
}

}  // namespace

SessionStream::SessionStream(const std::shared_ptr<grpc::Channel>& channel, std::string session_id,
                             std::uint64_t stream_number)
    : session_id_(std::move(session_id)),
      stream_number_(stream_number),
      stub_(v1::SessionService::NewStub(channel)),
      stream_(stub_->Session(Prepared(context_))) {}

SessionStream::~SessionStream() { context_.TryCancel(); }

v1::Event::Attached SessionStream::Attach(const std::vector<HeldArgs>& held) {
  v1::Operation operation = NewOperation();
  v1::Operation::Attach& attach = *operation.mutable_attach();
  attach.set_session_id(session_id_);
  attach.set_stream_number(stream_number_);
  for (const HeldArgs& lease : held) {
    v1::Operation::HeldLease& proto = *attach.add_leases();
    proto.set_key(lease.key);
    proto.set_lease_id(lease.lease_id);
  }
  Send(operation);
  return Await(operation.id()).attached();
}

std::uint64_t SessionStream::Acquire(const AcquireArgs& args, bool report_queue) {
  v1::Operation operation = NewOperation();
  *operation.mutable_acquire()->mutable_request() = ToRequest(args);
  operation.mutable_acquire()->set_report_queue(report_queue);
  Send(operation);
  return operation.id();
}

std::uint64_t SessionStream::Release(const std::string& key, const std::string& lease_id) {
  v1::Operation operation = NewOperation();
  operation.mutable_release()->set_key(key);
  operation.mutable_release()->set_lease_id(lease_id);
  Send(operation);
  return operation.id();
}

std::uint64_t SessionStream::Renew(const std::string& key, const std::string& lease_id,
                                   std::optional<std::chrono::nanoseconds> expire) {
  v1::Operation operation = NewOperation();
  v1::RenewRequest& renew = *operation.mutable_renew();
  renew.set_key(key);
  renew.set_lease_id(lease_id);
  if (expire.has_value()) *renew.mutable_expire() = ToProto(*expire);
  Send(operation);
  return operation.id();
}

std::uint64_t SessionStream::RenewAll() {
  v1::Operation operation = NewOperation();
  operation.mutable_renew_all();
  Send(operation);
  return operation.id();
}

std::uint64_t SessionStream::Detach(const std::string& key, const std::string& lease_id) {
  v1::Operation operation = NewOperation();
  operation.mutable_detach()->set_key(key);
  operation.mutable_detach()->set_lease_id(lease_id);
  Send(operation);
  return operation.id();
}

v1::Operation SessionStream::NewOperation() {
  v1::Operation operation;
  operation.set_id(++last_id_);
  return operation;
}

bool SessionStream::Send(const v1::SessionRequest& request) { return stream_->Write(request); }

bool SessionStream::Send(const v1::Operation& operation) {
  v1::SessionRequest request;
  *request.add_operations() = operation;
  return Send(request);
}

bool SessionStream::Acknowledge() {
  v1::SessionRequest request;
  request.set_received(number_);
  return Send(request);
}

v1::Event SessionStream::Await(std::uint64_t id) {
  const auto answers = [id](const v1::Event& event) {
    return event.id() == id && !event.has_queued();
  };
  do {
    const auto found = std::find_if(unread_.begin(), unread_.end(), answers);
    if (found == unread_.end()) continue;
    v1::Event event = std::move(*found);
    unread_.erase(found);
    return event;
  } while (ReadMessage());
  return {};
}

std::optional<v1::Event> SessionStream::Next() {
  while (unread_.empty()) {
    if (!ReadMessage()) return std::nullopt;
  }
  v1::Event event = std::move(unread_.front());
  unread_.pop_front();
  return event;
}

std::optional<v1::SessionResponse> SessionStream::NextMessage() {
  v1::SessionResponse message;
  if (!stream_->Read(&message)) return std::nullopt;
  number_ = message.number();
  return message;
}

bool SessionStream::ReadMessage() {
  std::optional<v1::SessionResponse> message = NextMessage();
  if (!message.has_value()) return false;
  for (v1::Event& event : *message->mutable_events()) unread_.push_back(std::move(event));
  return true;
}

CallStatus SessionStream::End() {
  while (NextMessage().has_value()) {
  }
  return Decode(stream_->Finish());
}

CallStatus FailureOf(const v1::Event& event) {
  const google::rpc::Status& failed = event.failed();
  return Decode(grpc::Status(static_cast<grpc::StatusCode>(failed.code()), failed.message(),
                             failed.SerializeAsString()));
}

}  // namespace holdfast
