// The server program; what else it can do is in maintenance.h.
//
// The order of its start: the data directory is taken first, so that a second
// server on it fails before it touches an address; then the addresses, so that
// clients are told to try again while the records load; then the records, on a thread
// of their own, because a signal does not wait for them. The order of its end:
// health says so, waiting calls are answered, connections close, and the last commits
// are on the disk.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "common/file_descriptor.h"
#include "common/version.h"
#include "services/common/clock.h"
#include "services/common/exit_code.h"
#include "services/common/log.h"
#include "services/common/spare_memory.h"
#include "services/lock/access/rules.h"
#include "services/lock/access/rules_in_force.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/main/check_rules.h"
#include "services/lock/main/flags.h"
#include "services/lock/main/maintenance.h"
#include "services/lock/main/process_setup.h"
#include "services/lock/main/report.h"
#include "services/lock/main/service_manager.h"
#include "services/lock/rpc/grpc_server.h"
#include "services/lock/storage/ballast.h"
#include "services/lock/storage/data_directory.h"
#include "services/lock/storage/rocksdb_store.h"
#include "services/net/inherited_sockets.h"

namespace holdfast {
namespace {

struct CommandLine {
  int argc = 0;
  const char* const* argv = nullptr;
};

// After a write that failed nobody knows what is on the disk, and trying again
// could succeed without having written what was lost. So the process ends here
// and now, without telling anybody anything that is not durable; the next one
// reads what the disk really holds.
[[noreturn]] void OnStorageFailure(const absl::Status& status) {
  LogError("cannot write; stopping at once", status);
  std::_Exit(ToInt(ExitCode::kIoError));
}

absl::Status Load(std::unique_ptr<DataDirectory> directory, const Flags& flags,
                  LockEngine& engine) {
  auto store = RocksDbStore::Open(std::move(directory), {.durability = flags.durability,
                                                         .on_background_error = OnStorageFailure});
  if (!store.ok()) return store.status();
  KeepBallast(flags.data_dir);
  return engine.Start(*std::move(store));
}

// `signal_number`: the one that has come while the records loaded, or 0.
void ServeUntilStopped(GrpcServer& server, LockEngine& engine, int signal_number,
                       const std::function<void()>& on_hang_up) {
  server.SetServing(true);
  Log(LogLevel::kInfo, "serving",
      {{"addresses", absl::StrJoin(server.addresses(), ",")},
       {"leases", std::uint64_t{engine.stats().leases}},
       {"version", kVersion}});
  TellServiceManager("READY=1\nSTATUS=serving");
  while (signal_number == 0) signal_number = WaitForStopSignal(on_hang_up);
  TellServiceManager("STOPPING=1");
  Log(LogLevel::kInfo, "stopping", {{"signal", signal_number}});
  server.SetServing(false);
  engine.Drain();
  server.Shutdown();
  engine.Stop();
  Log(LogLevel::kInfo, "stopped");
}

// gRPC joins its threads when its last user goes. One of them may be in a poll of ten
// seconds, after a connection was cut that it wanted to write to. By now everybody has been
// told and the store is closed, so the process need not wait for that.
void EndGrpc(std::unique_ptr<GrpcServer> server) {
  constexpr std::chrono::milliseconds kPatience(500);
  std::future<void> ended = std::async(std::launch::async, [&] { server.reset(); });
  if (ended.wait_for(kPatience) != std::future_status::ready) std::_Exit(ToInt(ExitCode::kOk));
}

// A load cannot be interrupted, and may take as long as the disk does. But nobody has
// been told anything yet, so the process may end within it: to the data that is the
// same as a crash, which may come at any point of a load.
[[noreturn]] void StopWhileLoading(GrpcServer& server, int signal_number) {
  TellServiceManager("STOPPING=1");
  Log(LogLevel::kInfo, "stopping while loading records", {{"signal", signal_number}});
  server.Shutdown();
  Log(LogLevel::kInfo, "stopped");
  std::_Exit(ToInt(ExitCode::kOk));
}

// What a SIGHUP changes: the rules, and the level from which on things are logged, by the
// flags as they would be if the server started now. If either is wrong nothing is changed.
void ReadAgain(const CommandLine& command_line, const Flags& flags, RulesInForce& rules) {
  const auto parsed = ParseFlags(command_line.argc, command_line.argv);
  if (const auto* wrong = std::get_if<EarlyExit>(&parsed)) {
    Log(LogLevel::kError, "cannot read the flags again; nothing is changed",
        {{"signal", "SIGHUP"}, {"error", wrong->text}});
    return;
  }
  if (!flags.rules.empty()) {
    absl::StatusOr<Rules> read = Rules::Load(flags.rules);
    if (!read.ok()) {
      LogError("cannot read the rules again; nothing is changed", read.status());
      return;
    }
    const std::uint64_t count = read->size();
    rules.Replace(*std::move(read));
    Log(LogLevel::kInfo, "read the rules again", {{"file", flags.rules}, {"rules", count}});
  }
  SetLogLevel(std::get<Flags>(parsed).log_level);
  Log(LogLevel::kInfo, "read what can change while serving", {{"signal", "SIGHUP"}});
}

// `inherited`: takes the place of the default of --listen.
absl::StatusOr<std::unique_ptr<GrpcServer>> StartServer(const Flags& flags, LockEngine& engine,
                                                        const RulesInForce& rules,
                                                        std::vector<FileDescriptor> inherited) {
  GrpcServer::Options options{.listen = flags.listen,
                              .limits = flags.rpc_limits,
                              .connections = flags.connection_limits,
                              .rules = &rules};
  if (flags.listen_is_default && !inherited.empty()) options.listen.clear();
  for (const ListenAddress& address : options.listen) {
    if (address.is_local()) continue;
    Log(LogLevel::kWarning, "other hosts may connect, without encryption or authentication",
        {{"address", address.text}});
  }
  return GrpcServer::Start(engine, options, std::move(inherited));
}

ExitCode Run(const Flags& flags, const CommandLine& command_line,
             std::vector<FileDescriptor> inherited) {
  RulesInForce rules;
  if (!flags.rules.empty()) {
    absl::StatusOr<Rules> read = Rules::Load(flags.rules);
    if (!read.ok()) {
      LogError("cannot read the rules", read.status());
      return ExitCode::kUsage;
    }
    rules.Replace(*std::move(read));
  }
  const auto on_hang_up = [&] { ReadAgain(command_line, flags, rules); };
  auto directory = DataDirectory::Open(flags.data_dir);
  if (!directory.ok()) {
    LogError("cannot open the data directory", directory.status());
    return ExitCodeFor(directory.status());
  }
  const SpareMemoryReturner spare_memory;
  LockEngine engine(flags.limits, SystemClock(), OnStorageFailure);
  auto server = StartServer(flags, engine, rules, std::move(inherited));
  if (!server.ok()) {
    LogError("cannot serve", server.status());
    return ExitCode::kAddressUnavailable;
  }
  absl::Status loaded;
  TellServiceManager("STATUS=loading records");
  std::thread loader([&] {
    loaded = Load(*std::move(directory), flags, engine);
    WakeWaiter();
  });
  const int signal_number = WaitForStopSignal(on_hang_up);
  if (signal_number != 0 && engine.AbandonStart()) StopWhileLoading(**server, signal_number);
  loader.join();
  if (!loaded.ok()) {
    LogError("cannot load the records", loaded);
    return ExitCodeFor(loaded);
  }
  ServeUntilStopped(**server, engine, signal_number, on_hang_up);
  EndGrpc(*std::move(server));
  return ExitCode::kOk;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == holdfast::kCheckRules) {
    const holdfast::EarlyExit checked = holdfast::CheckRules(argc - 1, argv + 1);
    std::fputs(checked.text.c_str(), checked.code == holdfast::ExitCode::kOk ? stdout : stderr);
    return holdfast::ToInt(checked.code);
  }
  const auto parsed = holdfast::ParseFlags(argc, argv);
  if (const auto* early = std::get_if<holdfast::EarlyExit>(&parsed)) {
    std::fputs(early->text.c_str(), early->code == holdfast::ExitCode::kOk ? stdout : stderr);
    return holdfast::ToInt(early->code);
  }
  const auto& flags = std::get<holdfast::Flags>(parsed);
  holdfast::SetLogLevel(flags.log_level);
  holdfast::SetLogFormat(flags.log_format);
  if (flags.task != holdfast::Task::kServe) return holdfast::ToInt(holdfast::Maintain(flags));
  holdfast::SetUpProcess();
  holdfast::RouteLibraryLogs();
  auto inherited = holdfast::TakeInheritedSockets();
  if (!inherited.ok()) {
    holdfast::LogError("cannot serve", inherited.status());
    return holdfast::ToInt(holdfast::ExitCode::kAddressUnavailable);
  }
  return holdfast::ToInt(holdfast::Run(flags, {argc, argv}, *std::move(inherited)));
}
