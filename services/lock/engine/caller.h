// Who sent a command, and how it is told of what comes of it.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_CALLER_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_CALLER_H_

#include <cstdint>

#include "services/lock/engine/command.h"

namespace holdfast {

struct Session;

// A plain value. As long as it is kept, the stream of its session is open.
struct Caller {
  CallId call{};
  Session* session = nullptr;  // Null: a call of its own.
  std::uint64_t operation = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_CALLER_H_
