// A proxy of bytes that breaks connections: between clients and a server, on Unix
// sockets, with no notion of what it carries.
//
// Each connection gets a fate from the seed. Most are cut after a random time: both
// ends at once, or one end first, so that a client can be gone while the server has
// not noticed, and the other way round. Some pass on every chunk late. Some swallow
// what the server says from some moment on, and are cut only later: requests are
// carried out whose answers never come.

#ifndef HOLDFAST_TESTS_CHAOS_CUTTING_PROXY_H_
#define HOLDFAST_TESTS_CHAOS_CUTTING_PROXY_H_

#include <cstdint>
#include <list>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "common/file_descriptor.h"
#include "common/mutex.h"
#include "tests/support/temp_dir.h"

namespace holdfast::chaos {

// Serves on a thread of its own until the object goes. Thread-safe.
class CuttingProxy {
 public:
  // `server` is the server's address, unix:/path. Ends the process if the proxy's own
  // socket cannot be made.
  CuttingProxy(const std::string& server, std::uint64_t seed);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  std::string address() const { return "unix:" + folder_.path() + "/proxy"; }

  // From now on it cuts nothing any more, and passes everything on at once.
  void BecomeHarmless() EXCLUDES(mutex_);

  struct Figures {
    std::uint64_t connections = 0;
    std::uint64_t cut = 0;
    std::uint64_t swallowed_bytes = 0;
  };
  Figures figures() const EXCLUDES(mutex_);

 private:
  class Connection;

  void Run() EXCLUDES(mutex_);
  // Takes in who has come. The server may not be there: then the client is sent away.
  void Accept() EXCLUDES(mutex_);

  const std::string server_path_;
  const TempDir folder_;
  const FileDescriptor listener_;
  const FileDescriptor wake_;  // An eventfd: something has changed.

  // The proxy's thread alone.
  std::mt19937_64 random_;
  std::list<std::unique_ptr<Connection>> connections_;

  mutable Mutex mutex_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool harmless_ GUARDED_BY(mutex_) = false;
  Figures figures_ GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_CUTTING_PROXY_H_
