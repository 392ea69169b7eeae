#include "tests/faults/load.h"

#include <algorithm>
#include <utility>

#include "gtest/gtest.h"
#include "tests/support/ask.h"
#include "tests/support/call_status.h"

namespace holdfast {
namespace {

bool IsHeld(StubClient& client, const Told::Lease& lease) {
  const auto answer =
      client.Acquire({.key = lease.key, .lease_id = lease.lease_id, .tags = lease.tags});
  return answer.ok() && answer.response.fencing_token() == lease.token;
}

bool HasEnded(StubClient& client, const Told::Lease& lease) {
  const auto answer = client.Acquire({.key = lease.key, .lease_id = lease.lease_id});
  return answer.status.reason == "LEASE_ENDED";
}

}  // namespace

void UseUntilItFails(StubClient& client, const std::string& name,
                     const std::vector<std::string>& tags, const std::atomic<bool>& stop,
                     Told& told) {
  for (int i = 0; !stop; ++i) {
    Told::Lease lease{
        .key = name + "-key-" + std::to_string(i), .lease_id = Id(name, i), .tags = tags};
    const auto granted =
        client.Acquire({.key = lease.key, .lease_id = lease.lease_id, .tags = lease.tags});
    if (!granted.ok()) {
      told.uncertain.push_back(lease);
      return;
    }
    lease.token = granted.response.fencing_token();
    told.highest_token = std::max(told.highest_token, lease.token);
    if (i % 2 == 0 || stop) {
      told.held.push_back(lease);
      continue;
    }
    if (!client.Release(lease.key, lease.lease_id).ok()) {
      told.uncertain.push_back(lease);
      return;
    }
    told.released.push_back(lease);
  }
}

std::size_t CountLost(StubClient& client, const Told& told, bool may_be_lost) {
  std::size_t lost = 0;
  for (const Told::Lease& lease : told.held) {
    if (IsHeld(client, lease)) continue;
    ++lost;
    if (!may_be_lost) ADD_FAILURE() << "the grant of " << lease.lease_id << " was lost";
  }
  for (const Told::Lease& lease : told.released) {
    if (HasEnded(client, lease)) continue;
    ++lost;
    if (!may_be_lost) ADD_FAILURE() << "the release of " << lease.lease_id << " was lost";
  }
  // A release that failed was of a lease that had been acknowledged.
  for (const Told::Lease& lease : told.uncertain) {
    if (lease.token == 0 || IsHeld(client, lease) || HasEnded(client, lease)) continue;
    ++lost;
    if (!may_be_lost) ADD_FAILURE() << "the grant of " << lease.lease_id << " was lost";
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
      UseUntilItFails(client, client_name, tags, stop_, told);
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
