// An arena for the protobuf message that a thread is busy with. Its first block belongs
// to the thread and is used again and again, so that a message of the usual size costs
// no allocation of its own.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_MESSAGE_ARENA_H_
#define HOLDFAST_SERVICES_LOCK_RPC_MESSAGE_ARENA_H_

#include <array>
#include <cstddef>
#include <memory>

#include "google/protobuf/arena.h"

namespace holdfast {

// A thread has at most one at a time, on its stack. Thread-compatible.
class MessageArena {
 public:
  MessageArena() : arena_(WithBlockOfThread()) {}

  template <typename Message>
  Message& Create() {
    return *google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  // Enough for a message of a session with a hundred operations.
  static constexpr std::size_t kBlockBytes = 64 * 1024;

  static google::protobuf::ArenaOptions WithBlockOfThread() {
    thread_local const auto block = std::make_unique<std::array<char, kBlockBytes>>();
    google::protobuf::ArenaOptions options;
    options.initial_block = block->data();
    options.initial_block_size = block->size();
    return options;
  }

  google::protobuf::Arena arena_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_MESSAGE_ARENA_H_
