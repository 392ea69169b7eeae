// Clients that use a server until it fails, and remember what they were told, to ask
// for it again afterwards.

#ifndef HOLDFAST_TESTS_FAULTS_LOAD_H_
#define HOLDFAST_TESTS_FAULTS_LOAD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/stub_client.h"

namespace holdfast {

// What one client was told.
struct Told {
  struct Lease {
    std::string key;
    std::string lease_id;
    std::vector<std::string> tags;
    std::uint64_t token = 0;
  };
  std::vector<Lease> held;      // Granted, and their release was not asked for.
  std::vector<Lease> released;  // Their release was acknowledged.
  // The last call was about this one: it failed, or it was answered too late to count.
  // It may have been done or not. No token: it was to be granted.
  std::vector<Lease> uncertain;
  std::uint64_t highest_token = 0;

  std::size_t calls_acknowledged() const {
    // A release that failed was of a lease that had been granted.
    const bool granted = !uncertain.empty() && uncertain.back().token != 0;
    return held.size() + 2 * released.size() + (granted ? 1 : 0);
  }
};

// Takes locks and releases every other one, one call at a time, until a call fails or
// `stop` is set. An answer that comes after that does not count. `name` makes the keys
// and lease ids its own.
void UseUntilItFails(StubClient& client, const std::string& name,
                     const std::vector<std::string>& tags, const std::atomic<bool>& stop,
                     Told& told);

// What a server does not know any more of what `told` says; each adds a failure to the
// test unless `may_be_lost`. Returns how many. Asks for every lease again.
std::size_t CountLost(StubClient& client, const Told& told, bool may_be_lost);

// Several such clients, each with a thread and a connection of its own.
class Load {
 public:
  // Begins at once.
  Load(const std::string& address, const std::string& name, int clients,
       const std::vector<std::string>& tags);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // How many clients have had an answer by now, and use the server since.
  int connected() const { return connected_; }

  // From now on no answer counts. The clients go on.
  void IgnoreAnswers() { late_ = true; }

  // From now on, moreover, no call is begun. A client that waits for a connection still
  // does.
  void Stop() {
    stop_ = true;
    late_ = true;
  }

  // Waits for the end of each client's last call.
  void Join();

  // REQUIRES: joined.
  const std::vector<std::unique_ptr<Told>>& told() const { return told_; }

 private:
  std::atomic<int> connected_{0};
  std::atomic<bool> late_{false};
  std::atomic<bool> stop_{false};
  std::vector<std::unique_ptr<Told>> told_;
  std::vector<std::thread> threads_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_FAULTS_LOAD_H_
