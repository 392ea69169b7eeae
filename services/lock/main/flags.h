// The command line of holdfastd. Each flag may also come from the environment or from a
// file (flag_sources.h).

#ifndef HOLDFAST_SERVICES_LOCK_MAIN_FLAGS_H_
#define HOLDFAST_SERVICES_LOCK_MAIN_FLAGS_H_

#include <string>
#include <variant>
#include <vector>

#include "services/common/exit_code.h"
#include "services/common/log.h"
#include "services/lock/engine/limits.h"
#include "services/lock/rpc/rpc_limits.h"
#include "services/lock/storage/rocksdb_store.h"
#include "services/net/connection_limits.h"
#include "services/net/listen_address.h"

namespace holdfast {

// What to do: serve, or what maintenance.h has.
enum class Task { kServe, kBackup, kVerify, kDump, kRestore };

struct Flags {
  Task task = Task::kServe;
  std::string directory;  // What the task is to make or to read.

  std::string data_dir;
  std::vector<ListenAddress> listen;
  bool listen_is_default = true;  // Nobody has asked for it.
  Durability durability = Durability::kSync;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kLogfmt;
  Limits limits;
  RpcLimits rpc_limits;
  ConnectionLimits connection_limits;
  std::string rules;  // The file. Empty: there are no rules.
};

// There is nothing to run: print `text`, on standard output if `code` is kOk and
// otherwise on standard error, and exit.
struct EarlyExit {
  ExitCode code{};
  std::string text;  // Ends with a line feed. One line if it is an error.
};

std::variant<Flags, EarlyExit> ParseFlags(int argc, const char* const* argv);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_MAIN_FLAGS_H_
