#include "services/lock/main/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/time/time.h"
#include "common/version.h"
#include "services/lock/main/flag_sources.h"

namespace holdfast {
namespace {

// Every valid request fits into the minimum. gRPC's own limit is a multiple of this,
// and with the maximum it still fits into an int.
constexpr std::uint32_t kMinMessageBytes = 4'096;
constexpr std::uint32_t kMaxMessageBytes = 64 * 1024 * 1024;

// A page of a snapshot must fit.
constexpr std::uint32_t kMinWatchBacklog = 1'000;

constexpr absl::Duration kMinReattachWindow = absl::Milliseconds(1);
constexpr absl::Duration kMaxReattachWindow = absl::Hours(1);

constexpr char kDescription[] =
    "holdfastd: a durable lock service over gRPC.\n\n"
    "One server uses one data directory. Stop it with SIGTERM or SIGINT: waiting\n"
    "calls end with UNAVAILABLE and can be retried, and leases outlive the server.\n";

constexpr char kFooter[] =
    "Each flag may be an environment variable too, --data-dir for instance\n"
    "HOLDFAST_DATA_DIR, or a line `data-dir = DIR` of the file that --config names. The\n"
    "command line wins over the environment, and that over the file. HOLDFAST_LISTEN\n"
    "may have several addresses, separated by spaces.\n"
    "\n"
    "Exit codes:\n"
    "  0   stopped by a signal\n"
    "  64  invalid flag\n"
    "  65  the data directory or backup is damaged, of a newer format, or none\n"
    "  69  cannot listen on an address\n"
    "  73  another server is using the data directory\n"
    "  74  I/O error; everything acknowledged is safe\n";

// What CLI11 writes into. The text forms become Flags once all is parsed.
struct RawFlags {
  Task task = Task::kServe;
  std::string directory;
  std::string data_dir = "holdfast-data";
  std::vector<std::string> listen = {"127.0.0.1:7650"};
  std::string durability = "sync";
  std::string log_level = "info";
  std::string log_format = "logfmt";
  std::string config;
  std::string rules;
  std::string reattach_window = "5s";
  Limits limits;
  RpcLimits rpc_limits;
  ConnectionLimits connection_limits;
};

bool ParseReattachWindow(const std::string& text, absl::Duration& window) {
  return absl::ParseDuration(text, &window) && window >= kMinReattachWindow &&
         window <= kMaxReattachWindow;
}

std::string CheckReattachWindow(const std::string& text) {
  absl::Duration window;
  if (ParseReattachWindow(text, window)) return "";
  return "must be a duration from 1ms to 1h, such as 500ms or 5s";
}

std::string CheckAddress(const std::string& text) {
  const auto address = ParseListenAddress(text);
  return address.ok() ? "" : std::string(address.status().message());
}

// CLI11 would show the range next to each flag; the texts mention it where it matters.
CLI::Validator Within(std::uint32_t least, std::uint32_t most) {
  return CLI::Range(least, most).description("");
}

CLI::Validator OneOf(const std::vector<std::string>& values) {
  return CLI::IsMember(values).description("");
}

void AddLimit(CLI::App& app, const std::string& flag, std::uint32_t& value,
              const std::string& help) {
  app.add_option(flag, value, help)
      ->check(Within(1, std::numeric_limits<std::uint32_t>::max()))
      ->type_name("N")
      ->capture_default_str();
}

void AddLimits(CLI::App& app, RawFlags& raw) {
  Limits& limits = raw.limits;
  AddLimit(app, "--max-leases", limits.max_leases, "Leases held at the same time.");
  AddLimit(app, "--max-waiters-per-key", limits.max_waiters_per_key, "Waiters for one lock.");
  AddLimit(app, "--max-waiters", limits.max_waiters, "Waiters for all locks together.");
  AddLimit(app, "--max-ended-ids", limits.max_ended_ids,
           "Ended lease_ids that are remembered. Beyond this, the\n"
           "oldest are forgotten before their five minutes are over.");
  AddLimit(app, "--max-pending-commands", limits.max_pending_commands,
           "Requests waiting to be processed.");
  AddLimit(app, "--max-open-waits", limits.max_open_waits,
           "Calls waiting at the same time: Wait, and Acquire with a\n"
           "timeout.");
  AddLimit(app, "--max-watches", raw.rpc_limits.max_watches, "Watch calls open at the same time.");
  app.add_option("--max-watch-backlog", raw.rpc_limits.max_watch_backlog,
                 "How many events a Watch call may fall behind before it is\n"
                 "ended; at least 1000.")
      ->check(Within(kMinWatchBacklog, std::numeric_limits<std::uint32_t>::max()))
      ->type_name("N")
      ->capture_default_str();
  AddLimit(app, "--max-sessions", limits.max_sessions,
           "Sessions known at the same time: with a stream, or without\n"
           "one for no longer than --reattach-window.");
  AddLimit(app, "--max-session-operations", raw.rpc_limits.max_session_operations,
           "Operations of one session that have no answer yet.");
  app.add_option("--max-message-bytes", raw.rpc_limits.max_message_bytes,
                 "Maximum size of a request, or of a session's message, from\n"
                 "4096 to 67108864 bytes.")
      ->check(Within(kMinMessageBytes, kMaxMessageBytes))
      ->type_name("BYTES")
      ->capture_default_str();
}

void AddConnectionLimits(CLI::App& app, ConnectionLimits& limits) {
  AddLimit(app, "--max-connections", limits.max_connections,
           "Connections open at the same time; fewer if there are not so\n"
           "many file descriptors.");
  AddLimit(app, "--max-connections-per-peer", limits.max_connections_per_peer,
           "Those of one user on Unix sockets, or of one address. A\n"
           "quarter of all is left to others in any case.");
  AddLimit(app, "--max-calls", limits.max_calls,
           "Calls open at the same time, those among them whose requests\n"
           "have not come; about 20 kB each.");
  AddLimit(app, "--max-calls-per-peer", limits.max_calls_per_peer,
           "Those of one peer. A quarter of all is left to others in\n"
           "any case.");
  AddLimit(app, "--max-calls-per-connection", limits.max_calls_per_connection,
           "Those of one connection; it is closed at the next one.");
  AddLimit(app, "--max-resets-per-second", limits.max_resets_per_second,
           "Calls that a connection may take back within a second of\n"
           "their beginning; twice as many at once. It is closed at\n"
           "the next one.");
  app.add_option("--max-memory-for-requests", limits.max_memory_for_requests,
                 "Bytes of requests that have not come in full, of all\n"
                 "connections together. Beyond it the connection with the\n"
                 "most of them is closed.")
      ->check(Within(1024 * 1024, std::numeric_limits<std::uint32_t>::max()))
      ->type_name("BYTES")
      ->capture_default_str();
}

void AddFlags(CLI::App& app, RawFlags& raw) {
  app.set_help_flag("--help", "Print this text and exit.");
  app.set_version_flag("--version", std::string("holdfastd ") + kVersion,
                       "Print the version and exit.");
  app.add_option("--data-dir", raw.data_dir,
                 "Where the locks are stored. Created if it is missing and\n"
                 "its parent exists.")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--listen", raw.listen,
                 "unix:/path or host:port; repeatable. The host is an IPv4\n"
                 "address, an IPv6 address in brackets, or localhost. Port\n"
                 "0 picks a free port, which is logged. Anyone who can\n"
                 "connect can take and list locks, unless there are --rules.\n"
                 "Only this user can connect to a Unix socket, unless\n"
                 ",mode=0660 or ,group=NAME after the path admits others.\n"
                 ",principal=NAME says who they all are.")
      ->expected(1)
      ->take_all()
      ->check(CheckAddress)
      ->type_name("ADDRESS")
      ->default_str(raw.listen.front());
  app.add_option("--durability", raw.durability,
                 "What an acknowledged grant or release survives. sync: a\n"
                 "power loss. process: only the death of the process, which\n"
                 "is faster.")
      ->check(OneOf({"sync", "process"}))
      ->type_name("sync|process")
      ->capture_default_str();
  app.add_option("--reattach-window", raw.reattach_window,
                 "How long a waiter with a broken connection keeps its\n"
                 "place, and an undelivered grant is kept for its client:\n"
                 "1ms to 1h, with a unit, such as 500ms or 5s.")
      ->check(CheckReattachWindow)
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option("--rules", raw.rules,
                 "A file that says who may do what; what it does not allow\n"
                 "is refused. Read again on SIGHUP. Without it, anyone who\n"
                 "can connect may do everything. See holdfastd check-rules.")
      ->type_name("FILE");
  AddLimits(app, raw);
  AddConnectionLimits(app, raw.connection_limits);
  app.add_option("--log-level", raw.log_level, "Minimum level that is logged, to standard error.")
      ->check(OneOf({"debug", "info", "warning", "error"}))
      ->type_name("debug|info|warning|error")
      ->capture_default_str();
  app.add_option("--log-format", raw.log_format, "How it is logged: key=value, or JSON.")
      ->check(OneOf({"logfmt", "json"}))
      ->type_name("logfmt|json")
      ->capture_default_str();
  app.add_option("--config", raw.config,
                 "A file of flags, `name = value` in each line. What begins\n"
                 "with # is a comment.")
      ->configurable(false)
      ->type_name("FILE");
}

void AddTask(CLI::App& app, RawFlags& raw, Task task, const std::string& name,
             const std::string& description) {
  CLI::App* const command = app.add_subcommand(name, description);
  command->fallthrough();  // The flags may stand behind it too.
  command->add_option("DIR", raw.directory)->required()->type_name("");
  command->callback([&raw, task] { raw.task = task; });
}

void AddTasks(CLI::App& app, RawFlags& raw) {
  app.require_subcommand(0, 1);
  AddTask(app, raw, Task::kBackup, "backup",
          "Copies what is in --data-dir to the new folder DIR, while a server uses it or not.");
  AddTask(app, raw, Task::kVerify, "verify",
          "Reads a backup, or a data directory, from end to end.");
  AddTask(app, raw, Task::kDump, "dump",
          "Prints what is in a backup or a data directory, as JSON, one object a line.\n"
          "It has lease_ids in it, which are secrets.");
  AddTask(app, raw, Task::kRestore, "restore",
          "Makes the new data directory --data-dir of the backup DIR. Its tokens begin far\n"
          "above all that were granted after the backup.");
}

LogLevel ToLogLevel(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  return LogLevel::kInfo;
}

// REQUIRES: `raw` has passed the checks.
Flags ToFlags(RawFlags raw) {
  Flags flags{
      .task = raw.task,
      .directory = std::move(raw.directory),
      .data_dir = std::move(raw.data_dir),
      .durability = raw.durability == "sync" ? Durability::kSync : Durability::kProcess,
      .log_level = ToLogLevel(raw.log_level),
      .log_format = raw.log_format == "json" ? LogFormat::kJson : LogFormat::kLogfmt,
      .limits = raw.limits,
      .rpc_limits = raw.rpc_limits,
      .connection_limits = raw.connection_limits,
      .rules = std::move(raw.rules),
  };
  // The engine counts the calls that wait, and the layer above it the streams, which may
  // be open for a moment longer.
  flags.rpc_limits.max_open_waits = flags.limits.max_open_waits;
  flags.rpc_limits.max_sessions = flags.limits.max_sessions;
  for (const std::string& text : raw.listen) {
    flags.listen.push_back(*ParseListenAddress(text));
  }
  absl::Duration window;
  ParseReattachWindow(raw.reattach_window, window);
  flags.limits.reattach_window = absl::ToChronoNanoseconds(window);
  return flags;
}

}  // namespace

std::variant<Flags, EarlyExit> ParseFlags(int argc, const char* const* argv) {
  RawFlags raw;
  CLI::App app(kDescription, "holdfastd");
  app.footer(kFooter);
  app.get_formatter()->column_width(34);
  AddFlags(app, raw);
  AddTasks(app, raw);
  // CLI11 reports by exceptions, which end here.
  try {
    app.parse(argc, argv);
    SetFromEnvironment(app);
    if (!raw.config.empty()) SetFromFile(app, raw.config);
  } catch (const CLI::CallForHelp&) {
    return EarlyExit{ExitCode::kOk, app.help()};
  } catch (const CLI::CallForVersion& version) {
    return EarlyExit{ExitCode::kOk, std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    std::string line = std::string("holdfastd: ") + error.what() + " (see holdfastd --help)";
    std::replace(line.begin(), line.end(), '\n', ' ');
    return EarlyExit{ExitCode::kUsage, line + "\n"};
  }
  Flags flags = ToFlags(std::move(raw));
  flags.listen_is_default = app.count("--listen") == 0;
  return flags;
}

}  // namespace holdfast
