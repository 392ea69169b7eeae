// What each command is told on the command line. Plain values, thread-compatible.

#ifndef HOLDFAST_CLIENTS_CLI_OPTIONS_H_
#define HOLDFAST_CLIENTS_CLI_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clients/cli/exit_code.h"
#include "holdfast/time.h"

namespace holdfast::cli {

struct ServerOptions {
  std::string address = "127.0.0.1:7650";  // `unix:/path` or `host:port`.

  // How long to look for a server that does not answer.
  Duration patience = std::chrono::seconds(5);
};

// How a lock is to be taken.
struct TakeOptions {
  std::string key;
  Duration timeout = kForever;
  std::vector<std::string> tags;
  std::string owner;  // Empty: made up from the program and the process.

  // What to end with when somebody else has held the lock for the whole of `timeout`.
  int not_acquired_code = ToInt(ExitCode::kNotAcquired);

  // Nothing is said about waiting, nor about that.
  bool quiet = false;
};

// Shorter leases would leave no time to end a command properly (run/timetable.h).
inline constexpr Duration kMinRunExpire = std::chrono::seconds(1);

struct RunOptions {
  ServerOptions server;
  TakeOptions take;
  Duration expire = std::chrono::seconds(30);
  std::vector<std::string> command;  // Not empty.
};

struct AcquireOptions {
  ServerOptions server;
  TakeOptions take;
  std::optional<Duration> expire;  // Absent: until released.
  bool json = false;
};

struct RenewOptions {
  ServerOptions server;
  std::string key;
  std::string lease_id;
  std::optional<Duration> expire;  // Absent: as before.
  bool json = false;
};

struct ReleaseOptions {
  ServerOptions server;
  std::string key;
  std::string lease_id;
};

// Which locks `ls` and `watch` are about.
struct SelectOptions {
  std::string prefix;
  std::vector<std::string> tags;
};

struct ListOptions {
  ServerOptions server;
  SelectOptions select;
  bool json = false;
};

struct ShowOptions {
  ServerOptions server;
  std::string key;
  bool json = false;
};

struct WatchOptions {
  ServerOptions server;
  SelectOptions select;
  bool json = false;
};

struct HealthOptions {
  ServerOptions server;
  bool json = false;
};

struct ForceReleaseOptions {
  ServerOptions server;
  std::string key;
  std::uint64_t token = 0;  // 0: of whoever holds the lock.
  bool json = false;
};

// For the shell that completes a command line on behalf of its user.
struct CompleteOptions {
  // Those of the command line behind the program's name; the last is being written, and
  // may be empty.
  std::vector<std::string> words;
  std::string default_address;  // Empty: the default of ServerOptions.
};

struct ReleaseByTagOptions {
  ServerOptions server;
  std::vector<std::string> tags;  // Not empty.
  bool dry_run = false;
  std::uint64_t max_token = 0;  // 0: no limit but the moment of the call.
  bool json = false;
};

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_OPTIONS_H_
