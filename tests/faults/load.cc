#include "tests/faults/load.h"

#include <algorithm>
#include <utility>

#include "gtest/gtest.h"
#include "tests/support/acquire_args.h"
#include "tests/support/call_status.h"

namespace holdfast {
namespace {

// What a server says of a lease when its client asks for it once more.
class Again {
 public:
  Again(StubClient& client, const Told::Lease& lease)
      : answer_(client.Acquire({.key = lease.key, .lease_id = lease.lease_id, .tags = lease.tags})),
        token_(lease.token) {}

  bool held() const { return answer_.ok() && answer_.response.fencing_token() == token_; }
  bool ended() const { return answer_.status.reason == "LEASE_ENDED"; }

  // Counts as a failure of the test that `what` was lost.
  void Report(const std::string& what) const {
    ADD_FAILURE() << what << " was lost: it had token " << token_ << ", and asked again it got "
                  << answer_.status << " and token " << answer_.response.fencing_token();
  }

 private:
  const Answer<v1::Lease> answer_;
  const std::uint64_t token_;
};

}  // namespace

void UseUntilItFails(StubClient& client, const std::string& name,
                     const std::vector<std::string>& tags, const std::atomic<bool>& stop,
                     Told& told) {
  for (int i = 0; !stop; ++i) {
    Told::Lease lease{
        .key = name + "-key-" + std::to_string(i), .lease_id = Id(name, i), .tags = tags};
    const auto granted =
        client.Acquire({.key = lease.key, .lease_id = lease.lease_id, .tags = lease.tags});
    if (!granted.ok() || stop) {
      told.uncertain.push_back(lease);
      return;
    }
    lease.token = granted.response.fencing_token();
    told.highest_token = std::max(told.highest_token, lease.token);
    if (i % 2 == 0) {
      told.held.push_back(lease);
      continue;
    }
    if (!client.Release(lease.key, lease.lease_id).ok() || stop) {
      told.uncertain.push_back(lease);
      return;
    }
    told.released.push_back(lease);
  }
}

std::size_t CountLost(StubClient& client, const Told& told, bool may_be_lost) {
  std::size_t lost = 0;
  const auto lose = [&](const Again& again, const std::string& what) {
    ++lost;
    if (!may_be_lost) again.Report(what);
  };
  for (const Told::Lease& lease : told.held) {
    const Again again(client, lease);
    if (!again.held()) lose(again, "the grant of " + lease.lease_id);
  }
  for (const Told::Lease& lease : told.released) {
    const Again again(client, lease);
    if (!again.ended()) lose(again, "the release of " + lease.lease_id);
  }
  // A release that failed was of a lease that had been acknowledged.
  for (const Told::Lease& lease : told.uncertain) {
    if (lease.token == 0) continue;
    const Again again(client, lease);
    if (!again.held() && !again.ended()) lose(again, "the grant of " + lease.lease_id);
  }
  return lost;
}

Load::Load(const std::string& address, const std::string& name, int clients,
           const std::vector<std::string>& tags) {
  for (int i = 0; i < clients; ++i) told_.push_back(std::make_unique<Told>());
  for (int i = 0; i < clients; ++i) {
    threads_.emplace_back([this, address, tags, client_name = name + "-" + std::to_string(i),
                           &told = *told_[static_cast<std::size_t>(i)]] {
      StubClient client(address);
      client.Get("is it there");
      ++connected_;
      UseUntilItFails(client, client_name, tags, late_, told);
      Told too_late;
      if (late_) UseUntilItFails(client, client_name + "-late", tags, stop_, too_late);
    });
  }
}

Load::~Load() {
  Stop();
  Join();
}

void Load::Join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace holdfast
