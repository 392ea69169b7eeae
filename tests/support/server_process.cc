#include "tests/support/server_process.h"

#include <signal.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/channel.h"
#include "tests/support/eventually.h"
#include "tests/support/health.h"
#include "tests/support/runfile.h"

namespace holdfast {

ServerProcess::ServerProcess(ServerOptions options)
    : options_(std::move(options)),
      data_dir_(options_.data_dir.empty() ? folder_.path() + "/data" : options_.data_dir) {}

absl::Status ServerProcess::Launch() {
  ChildOptions child{
      .argv = {Runfile("services/lock/main/holdfastd"), "--data-dir=" + data_dir_,
               "--listen=" + address()},
      .stderr_path = folder_.path() + "/log",
      .max_open_files = options_.max_open_files,
      .environment = options_.environment,
  };
  child.argv.insert(child.argv.end(), options_.flags.begin(), options_.flags.end());
  child.argv.insert(child.argv.begin(), options_.launcher.begin(), options_.launcher.end());
  absl::StatusOr<std::unique_ptr<ChildProcess>> started = ChildProcess::Start(child);
  if (!started.ok()) return started.status();
  child_ = *std::move(started);
  return absl::OkStatus();
}

absl::Status ServerProcess::Start() {
  if (absl::Status launched = Launch(); !launched.ok()) return launched;
  const auto channel = OwnChannel(address());
  bool serving = false;
  Eventually([&] {
    serving = AskHealth(channel, "", std::chrono::seconds(1)) == Health::kServing;
    return serving || child_->WaitForExit(std::chrono::milliseconds(0)).has_value();
  });
  if (serving) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("holdfastd does not serve; its log:\n", Log()));
}

void ServerProcess::Kill9() {
  child_->Signal(SIGKILL);
  child_->WaitForExit(kWaitLimit);
}

std::optional<ExitStatus> ServerProcess::Terminate(std::chrono::milliseconds limit) {
  child_->Signal(SIGTERM);
  return child_->WaitForExit(limit);
}

std::optional<ExitStatus> ServerProcess::WaitForExit(std::chrono::milliseconds limit) {
  return child_->WaitForExit(limit);
}

std::string ServerProcess::address() const { return "unix:" + folder_.path() + "/socket"; }

std::string ServerProcess::TcpAddress() const {
  // The Unix socket is the first of: addresses=unix:/path,127.0.0.1:12345 leases=...
  const std::string first = "addresses=" + address() + ",";
  std::string rest;
  // The line is written just after health says SERVING.
  Eventually([&] {
    const std::string log = Log();
    const std::size_t begin = log.rfind(first);
    if (begin != std::string::npos) rest = log.substr(begin + first.size());
    return rest.find('\n') != std::string::npos;
  });
  return rest.substr(0, rest.find(' '));
}

std::string ServerProcess::Log() const {
  std::ifstream file(folder_.path() + "/log");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace holdfast
