// One thread that carries bytes between sockets and the protocols spoken over them:
// a client as light as the servers that it measures.
//
// Whatever is sent while the loop works off what has arrived goes out in one write a
// connection, so many operations on one connection are pipelined by themselves.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_SOCKET_LOOP_H_
#define HOLDFAST_TESTS_BENCH_LOAD_SOCKET_LOOP_H_

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"  // It would define again what common/mutex.h has.
#include "common/file_descriptor.h"
#include "common/mutex.h"
#include "tests/bench/load/driver.h"

namespace holdfast::bench {

class SocketLoop;

// A connection, and the protocol that is spoken over it. Requests are answered in
// the order in which they were sent.
class SocketConnection {
 public:
  SocketConnection() = default;
  SocketConnection(const SocketConnection&) = delete;
  SocketConnection& operator=(const SocketConnection&) = delete;
  virtual ~SocketConnection() = default;

  // Before the loop has it: connects to "unix:/path" or "IPv4:port", and asks one
  // thing. `complete` says whether the answer is all there; false: it never was.
  bool Connect(const std::string& address);
  bool Ask(std::string_view request, const std::function<bool(std::string_view)>& complete);

  // Sends a request whose answer is for `slot`. Thread-safe.
  void Send(Slot& slot, std::string_view request) EXCLUDES(mutex_);

 protected:
  // On the loop's thread: takes the complete answers at the front of what has
  // arrived and returns how many bytes that was.
  virtual std::size_t Consume(std::string_view arrived) = 0;

  // For Consume: whose answer comes next. Null: nobody asked.
  Slot* TakeNext() EXCLUDES(mutex_);

 private:
  friend class SocketLoop;

  // Writes what it can, and has the loop told when the rest can be.
  void Flush() EXCLUDES(mutex_);
  void FlushLocked() REQUIRES(mutex_);

  FileDescriptor socket_;
  SocketLoop* loop_ = nullptr;
  std::string arrived_;   // The loop's.
  bool in_line_ = false;  // The loop's: it flushes the connection before it waits.

  Mutex mutex_;
  std::string unsent_ GUARDED_BY(mutex_);
  bool awaits_room_ GUARDED_BY(mutex_) = false;
  std::deque<Slot*> asked_ GUARDED_BY(mutex_);
};

class SocketLoop {
 public:
  SocketLoop();
  // Ends the thread.
  ~SocketLoop();
  SocketLoop(const SocketLoop&) = delete;
  SocketLoop& operator=(const SocketLoop&) = delete;

  // The connection must outlive the loop. REQUIRES: connected; not after Start.
  void Add(SocketConnection& connection);
  void Start();

 private:
  friend class SocketConnection;

  void Run();
  void Read(SocketConnection& connection);
  void FlushAll();

  FileDescriptor epoll_;
  FileDescriptor wake_;
  std::atomic<bool> stopping_{false};
  std::vector<SocketConnection*> to_flush_;  // The thread's.
  std::string buffer_;                       // The thread's.
  std::thread thread_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_SOCKET_LOOP_H_
