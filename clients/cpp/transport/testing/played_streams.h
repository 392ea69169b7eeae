// The streams of sessions to a PlayedServer, each of which the test reads and writes itself,
// as the server.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_PLAYED_STREAMS_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_PLAYED_STREAMS_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/testing/played_server.h"
#include "common/mutex.h"
#include "holdfast/v1/session.pb.h"

namespace holdfast::core {

// Thread-compatible.
class PlayedStream {
 public:
  explicit PlayedStream(PlayedSessionService::SessionStream& io) : io_(io) {}

  // Nothing: the client has ended the stream.
  std::optional<v1::SessionRequest> Read() {
    v1::SessionRequest request;
    if (!io_.Read(&request)) return std::nullopt;
    return request;
  }

  // In one message.
  void Say(const std::vector<v1::Event>& events) {
    v1::SessionResponse response;
    response.set_number(++number_);
    for (const v1::Event& event : events) *response.add_events() = event;
    io_.Write(response);
  }

  // Of the message that was said last.
  std::uint64_t number() const { return number_; }

  // Nothing else may be called then. Called once.
  void End(const grpc::Status& status) { end_.Set(status); }

  // For PlayedStreams.
  grpc::Status AwaitEnd() { return end_.Wait(); }

 private:
  PlayedSessionService::SessionStream& io_;
  std::uint64_t number_ = 0;
  Handover<grpc::Status> end_;
};

// Thread-safe. Must go before `server` does, and after everything that opens streams.
class PlayedStreams {
 public:
  explicit PlayedStreams(PlayedServer& server) {
    server.sessions.on_session = [this](PlayedSessionService::SessionStream& io) {
      const auto stream = std::make_shared<PlayedStream>(io);
      {
        MutexLock lock(mutex_);
        opened_.push_back(stream);
        changed_.NotifyAll();
      }
      return stream->AwaitEnd();
    };
  }

  // The next stream that a client has opened, or will.
  std::shared_ptr<PlayedStream> Next() {
    MutexLock lock(mutex_);
    while (opened_.empty()) changed_.Wait(mutex_);
    auto stream = opened_.front();
    opened_.pop_front();
    return stream;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::shared_ptr<PlayedStream>> opened_ GUARDED_BY(mutex_);
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_PLAYED_STREAMS_H_
