// A listening Unix socket that speaks as little HTTP/2 as a test needs, to see what a client
// does about a server that is not as it should be.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_RAW_LISTENER_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_RAW_LISTENER_H_

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "common/file_descriptor.h"

namespace holdfast::core {

// Thread-safe. Serves on a thread of its own until the object goes.
class RawListener {
 public:
  enum class Manner {
    kCloses,   // Each connection at once.
    kSilent,   // Says nothing.
    kRefuses,  // Greets, and tells each call that it goes away without having looked at it.
  };

  // Ends the process if the socket cannot be made.
  RawListener(const std::string& path, Manner manner);
  ~RawListener();
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;

  // How many connections were made so far, and how many calls were begun over them.
  int connections() const { return connections_; }
  int calls() const { return calls_; }

 private:
  void Run();
  void Refuse(int connection);

  const Manner manner_;
  const FileDescriptor listener_;
  std::atomic<int> connections_{0};
  std::atomic<int> calls_{0};
  std::vector<FileDescriptor> silent_;  // Of the thread alone.
  std::thread thread_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_RAW_LISTENER_H_
