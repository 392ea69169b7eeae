// Between the watchdog and the keeper.
//
// What is said once, and must be heard in order, are messages. What holds until
// something newer holds is in memory that both share: messages would pile up while the
// watchdog is stopped, and tell it old news when it goes on.

#ifndef HOLDFAST_CLIENTS_CLI_RUN_LINK_H_
#define HOLDFAST_CLIENTS_CLI_RUN_LINK_H_

#include <sys/types.h>

#include <atomic>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "common/file_descriptor.h"
#include "holdfast/time.h"

namespace holdfast::cli {

struct Message {
  enum class Kind : int {
    kSignal,   // To the keeper: `signal` has come for the command.
    kStarted,  // To the watchdog: the command runs; look at the shared state.
    kStopped,  // To the watchdog: the command has stopped, as job control wants it.
  };
  Kind kind{};
  int signal = 0;
};

// One end. Thread-compatible.
class Link {
 public:
  // RESOURCE_EXHAUSTED: no file descriptors are to be had.
  static absl::StatusOr<std::pair<Link, Link>> CreatePair();

  // Readable when something is to be heard, or the other end has gone.
  int fd() const { return fd_.get(); }

  // Never blocks. To an end that has gone, or does not listen, it is lost.
  void Send(const Message& message) const;

  struct Heard {
    std::optional<Message> message;
    bool closed = false;  // The other end has gone, and all its messages were heard.
  };
  // The next message, if there is one. Never blocks.
  Heard Receive() const;

 private:
  explicit Link(FileDescriptor fd) : fd_(std::move(fd)) {}

  FileDescriptor fd_;
};

// Thread-safe, and between processes too.
class SharedState {
 public:
  // One that this process and those forked from it share. Stays for as long as they do.
  //
  // RESOURCE_EXHAUSTED: no memory is to be had.
  static absl::StatusOr<SharedState*> Create();

  // When the watchdog has to kill, unless this is moved on. max(): not at all.
  MonotonicTime backstop() const { return MonotonicTime(Duration(backstop_.load())); }
  void set_backstop(MonotonicTime when) { backstop_ = when.time_since_epoch().count(); }

  // The command's process group; 0: it has not been started.
  pid_t group() const { return group_.load(); }
  void set_group(pid_t group) { group_ = group; }

 private:
  SharedState() = default;

  // A lock inside of an atomic would not work between processes.
  static_assert(std::atomic<Duration::rep>::is_always_lock_free);
  static_assert(std::atomic<pid_t>::is_always_lock_free);

  std::atomic<Duration::rep> backstop_{MonotonicTime::max().time_since_epoch().count()};
  std::atomic<pid_t> group_{0};
};

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_RUN_LINK_H_
