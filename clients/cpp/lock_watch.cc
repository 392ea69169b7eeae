#include "holdfast/lock_watch.h"

#include <memory>
#include <utility>

#include "clients/cpp/core/watch_core.h"

namespace holdfast {

LockWatch::LockWatch(std::shared_ptr<core::WatchCore> core) : core_(std::move(core)) {}

LockWatch::~LockWatch() { End(); }

LockWatch& LockWatch::operator=(LockWatch&& other) noexcept {
  if (this == &other) return *this;
  End();
  core_ = std::move(other.core_);
  return *this;
}

void LockWatch::End() noexcept {
  if (core_ == nullptr) return;
  if (core_->InOwnProcess()) {
    core_->End();
  } else {
    // As a client in a forked child: see ~Client.
    new std::shared_ptr<core::WatchCore>(core_);  // NOLINT(bugprone-unused-raii)
  }
}

}  // namespace holdfast
