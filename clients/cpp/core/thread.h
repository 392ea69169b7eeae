// Threads of the library's own.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_THREAD_H_
#define HOLDFAST_CLIENTS_CPP_CORE_THREAD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace holdfast::core {

// A thread that runs `body`. It takes no signals: those are the program's own
// business. `name` has up to 15 characters.
//
// RESOURCE_EXHAUSTED: there can be no more threads.
absl::StatusOr<std::thread> StartThread(const std::string& name, std::function<void()> body);

// Names a thread among all that this process has ever had, unlike std::thread::id, which is
// given out again. 0 names none.
using ThreadNumber = std::uint64_t;
ThreadNumber ThisThread();

// Waits for `thread` to end, or lets go of it if it is the calling one.
void JoinOrDetach(std::thread& thread);

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_THREAD_H_
