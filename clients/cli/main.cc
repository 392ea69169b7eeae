// The program `holdfast`.

#include <grpc/support/log.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <variant>

#include "clients/cli/command_line.h"
#include "clients/cli/commands/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/run/run.h"

namespace holdfast::cli {
namespace {

struct Execute {
  int operator()(const EarlyExit& exit) const {
    std::fputs(exit.text.c_str(), exit.code == ExitCode::kOk ? stdout : stderr);
    return ToInt(exit.code);
  }
  int operator()(const RunOptions& options) const { return Run(options); }
  int operator()(const AcquireOptions& options) const { return Acquire(options); }
  int operator()(const RenewOptions& options) const { return Renew(options); }
  int operator()(const ReleaseOptions& options) const { return Release(options); }
  int operator()(const ListOptions& options) const { return List(options); }
  int operator()(const ShowOptions& options) const { return Show(options); }
  int operator()(const WatchOptions& options) const { return Watch(options); }
  int operator()(const HealthOptions& options) const { return Health(options); }
  int operator()(const ForceReleaseOptions& options) const { return ForceRelease(options); }
  int operator()(const ReleaseByTagOptions& options) const { return ReleaseByTag(options); }
  int operator()(const CompleteOptions& options) const { return Complete(options); }
};

}  // namespace
}  // namespace holdfast::cli

int main(int argc, char** argv) {
  // Its errors reach us as statuses; on standard error they would only puzzle people.
  gpr_set_log_function([](gpr_log_func_args*) {});
  const char* const address = std::getenv("HOLDFAST_ADDRESS");
  return std::visit(holdfast::cli::Execute(),
                    holdfast::cli::ParseCommandLine(argc, argv, address == nullptr ? "" : address));
}
