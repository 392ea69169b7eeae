// A network between clients and a server that does what the test says, when it says it:
// connections are cut, refused, or go silent in one direction.
//
//   SteeredProxy proxy(server.address());
//   const auto client = *Client::Create(proxy.address());
//   proxy.Hold(SteeredProxy::kToClient);   // Requests arrive, answers do not.
//
// It passes on bytes and knows nothing of what they mean. What is held back is kept,
// also when its sender has gone, and passed on later; what is cut is lost.

#ifndef HOLDFAST_TESTS_SUPPORT_STEERED_PROXY_H_
#define HOLDFAST_TESTS_SUPPORT_STEERED_PROXY_H_

#include <array>
#include <cstddef>
#include <list>
#include <string>
#include <thread>

#include "common/file_descriptor.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "tests/support/temp_dir.h"

namespace holdfast {

// Thread-safe. Serves on a thread of its own until the object goes.
class SteeredProxy {
 public:
  enum Direction { kToServer, kToClient };

  // `server` is unix:/path; it need not be there yet. Ends the process if the proxy's
  // own socket cannot be made.
  explicit SteeredProxy(const std::string& server);
  ~SteeredProxy();
  SteeredProxy(const SteeredProxy&) = delete;
  SteeredProxy& operator=(const SteeredProxy&) = delete;

  std::string address() const { return "unix:" + folder_.path() + "/proxy"; }

  // Breaks every connection that there is, at both ends, before it returns.
  void Cut() EXCLUDES(mutex_);

  // From now on those who connect are sent away at once, until Admit.
  void Refuse() EXCLUDES(mutex_);
  void Admit() EXCLUDES(mutex_);

  // From now on nothing gets through in that direction, until Pass.
  void Hold(Direction direction) EXCLUDES(mutex_);
  void Pass(Direction direction) EXCLUDES(mutex_);

  // How much waits for Pass.
  std::size_t bytes_held(Direction direction) const EXCLUDES(mutex_);

  // How many were let through to the server so far.
  int connections() const EXCLUDES(mutex_);

 private:
  // One direction of a connection: what `from` has said and `to` has not heard.
  struct Flow {
    int from = -1;
    int to = -1;
    std::string bytes{};
    bool ended = false;     // `from` says nothing more.
    bool ended_to = false;  // `to` has been told so.
  };
  struct Connection {
    FileDescriptor client;
    FileDescriptor server;
    std::array<Flow, 2> flows;  // By Direction.
    bool broken = false;
  };

  void Run() EXCLUDES(mutex_);
  void Accept() REQUIRES(mutex_);
  void Move(Connection& connection) REQUIRES(mutex_);
  void Wake() const;

  const std::string server_path_;
  const TempDir folder_;
  const FileDescriptor listener_;
  const FileDescriptor wake_;  // An eventfd: something has changed.

  mutable Mutex mutex_;
  std::list<Connection> open_ GUARDED_BY(mutex_);
  std::array<bool, 2> held_ GUARDED_BY(mutex_) = {};
  bool refusing_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  int connections_ GUARDED_BY(mutex_) = 0;

  std::thread thread_;  // The last member: it uses all others.
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_STEERED_PROXY_H_
