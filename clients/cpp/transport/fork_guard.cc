#include "clients/cpp/transport/fork_guard.h"

#include <grpc/grpc.h>
#include <poll.h>
#include <pthread.h>

#include <atomic>

namespace holdfast::core {
namespace {

// Written before a fork and in the child, which has one thread then.
std::atomic<bool> g_in_use_at_fork{false};
std::atomic<bool> g_inherited{false};

std::atomic<int> g_uses{0};
std::atomic<bool> g_settling{false};  // A use has ended, and no fork has waited since.
std::atomic<bool> g_others{false};    // gRPC was in use before the first of the present uses.

void BeforeFork() {
  constexpr int kMaxPauses = 2'000;  // Of a millisecond.
  // While others use it, it does not shut down, however long a fork waits.
  const bool wait = g_uses == 0 && g_settling.exchange(false) && !g_others;
  for (int i = 0; wait && i < kMaxPauses && grpc_is_initialized() != 0; ++i) poll(nullptr, 0, 1);
  g_in_use_at_fork = grpc_is_initialized() != 0;
}

void InChild() {
  if (g_in_use_at_fork) g_inherited = true;
}

}  // namespace

GrpcUse::GrpcUse() {
  // Looked at first: what is in use from here on may be so because of another GrpcUse. After
  // one that has just gone, gRPC may be in use still because of that, and tells nothing.
  const bool in_use = grpc_is_initialized() != 0;
  if (g_uses++ == 0 && !g_settling) g_others = in_use;
}

GrpcUse::~GrpcUse() {
  g_settling = true;  // Before the count, by which the constructor and a fork go first.
  --g_uses;
}

absl::Status CheckMayUseGrpc() {
  [[maybe_unused]] static const int registered = pthread_atfork(BeforeFork, nullptr, InChild);
  if (!g_inherited) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "this process was forked while a holdfast::Client, or something else that uses gRPC, was "
      "alive, and gRPC does not survive that: fork before it is created or after it is "
      "destroyed, or call exec in the child");
}

}  // namespace holdfast::core
