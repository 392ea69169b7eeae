// What the tests of Watch share: a server, and someone who takes locks for watchers
// to see.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_TESTING_WATCH_FIXTURE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_TESTING_WATCH_FIXTURE_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/v1/lease_event.pb.h"
#include "services/lock/rpc/testing/test_server.h"
#include "tests/support/acquire_args.h"
#include "tests/support/stub_client.h"

namespace holdfast {

// Of `name`, on this key.
inline std::string LeaseId(const std::string& key, const std::string& name) {
  std::string id = Id(name + "." + key);
  std::replace(id.begin(), id.end(), '/', '_');
  return id;
}

// "GRANTED k"; "(end)" at the end of the stream.
inline std::string Text(const std::optional<v1::LeaseEvent>& event) {
  if (!event.has_value()) return "(end)";
  const std::string kind = v1::LeaseEvent::Kind_Name(event->kind());
  return event->key().empty() ? kind : kind + " " + event->key();
}

class WatchTest : public testing::Test {
 protected:
  void StartServer(const TestServer::Options& options = TestServer::Options()) {
    server_ = std::make_unique<TestServer>(options);
    client_ = NewClient();
  }

  std::unique_ptr<StubClient> NewClient() {
    return std::make_unique<StubClient>(server_->address());
  }

  // Takes the lock.
  void Hold(const std::string& key, const std::string& name = "holder",
            const std::vector<std::string>& tags = {}) {
    const auto held =
        client_->Acquire({.key = key, .lease_id = LeaseId(key, name), .tags = tags, .owner = name});
    ASSERT_TRUE(held.ok()) << held.status;
  }

  void Release(const std::string& key, const std::string& name = "holder") {
    const CallStatus status = client_->Release(key, LeaseId(key, name));
    ASSERT_TRUE(status.ok()) << status;
  }

  // Watches that the engine knows, after all that was asked before.
  std::size_t Watches() {
    client_->Get("k");
    return server_->engine().stats().watches;
  }

  std::unique_ptr<TestServer> server_;
  std::unique_ptr<StubClient> client_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_TESTING_WATCH_FIXTURE_H_
