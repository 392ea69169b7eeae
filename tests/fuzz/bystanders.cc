#include "tests/fuzz/bystanders.h"

#include <chrono>
#include <sstream>
#include <utility>

#include "tests/support/acquire_args.h"
#include "tests/support/eventually.h"

namespace holdfast::fuzz {
namespace {

// All of them fight for this lock; each has another one for itself.
constexpr char kShared[] = "bystanders/shared";

}  // namespace

Bystanders::Bystanders(const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) {
    clients_.push_back(std::make_unique<StubClient>(address));
  }
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    threads_.emplace_back([this, i] { Run(i); });
  }
}

void Bystanders::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

std::vector<std::string> Bystanders::troubles() const {
  MutexLock lock(mutex_);
  return troubles_;
}

void Bystanders::Run(std::size_t index) {
  StubClient& client = *clients_[index];
  const std::string name = "bystander-" + std::to_string(index);
  const std::string own = "bystanders/" + std::to_string(index);
  for (int round = 0; !stop_; ++round) {
    if (!TakeTurn(client, round % 2 == 0 ? kShared : own, Id(name, round))) return;
    ++rounds_;
  }
}

bool Bystanders::TakeTurn(StubClient& client, const std::string& key, const std::string& lease_id) {
  const auto complain = [&](const std::string& what, const CallStatus& status) {
    std::ostringstream text;
    text << what << " " << key << ": " << status;
    MutexLock lock(mutex_);
    troubles_.push_back(text.str());
    return false;
  };
  const auto lease = client.Acquire(
      {.key = key, .lease_id = lease_id, .expire = std::chrono::minutes(1), .timeout = kWaitLimit});
  if (!lease.ok()) return complain("acquire", lease.status);
  if (key == kShared) {
    MutexLock lock(mutex_);
    const std::uint64_t before = std::exchange(last_shared_token_, lease.response.fencing_token());
    if (before >= last_shared_token_) troubles_.push_back("a token did not rise");
  }
  const auto renewed = client.Renew(key, lease_id);
  if (!renewed.ok()) return complain("renew", renewed.status);
  const CallStatus released = client.Release(key, lease_id);
  return released.ok() || complain("release", released);
}

}  // namespace holdfast::fuzz
