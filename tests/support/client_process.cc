#include "tests/support/client_process.h"

#include <signal.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/runfile.h"

namespace holdfast {

ClientProcess::ClientProcess(const std::string& address) {
  absl::StatusOr<std::unique_ptr<ChildProcess>> child = ChildProcess::Start({
      .argv = {Runfile("tests/support/lock_client"), address},
      .talk = true,
  });
  if (!child.ok()) {
    std::cerr << "lock_client: " << child.status() << '\n';
    std::abort();
  }
  child_ = *std::move(child);
}

void ClientProcess::WriteLine(const std::string& command) { child_->WriteLine(command); }

std::string ClientProcess::ReadLine() { return child_->ReadLine(kWaitLimit).value_or("(silence)"); }

std::string ClientProcess::ReadOutcome() {
  std::string line = ReadLine();
  while (line.starts_with("queued ")) line = ReadLine();
  return line;
}

std::uint64_t ClientProcess::ReadToken() {
  const std::string granted = "granted ";
  const std::string line = ReadOutcome();
  return line.starts_with(granted) ? std::stoull(line.substr(granted.size())) : 0;
}

void ClientProcess::Kill9() {
  child_->Signal(SIGKILL);
  child_->WaitForExit(kWaitLimit);
}

void ClientProcess::Stop() {
  child_->Signal(SIGSTOP);
  Eventually([this] { return IsStopped(child_->pid()); });
}

void ClientProcess::Continue() { child_->Signal(SIGCONT); }

}  // namespace holdfast
