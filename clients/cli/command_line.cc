#include "clients/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "clients/cli/help.h"
#include "clients/cli/output/span.h"
#include "clients/cli/output/text.h"
#include "common/version.h"

namespace holdfast::cli {
namespace {

// The API's limits.
constexpr Duration kMaxSpan = std::chrono::hours(24) * 366;
constexpr Duration kMinExpire = std::chrono::milliseconds(1);

// Enough for an answer; and whoever wants to look for a server for longer than this
// has a loop.
constexpr Duration kMinServerTimeout = std::chrono::milliseconds(100);
constexpr Duration kMaxServerTimeout = std::chrono::hours(1);

// CLI11 knows nothing of what follows `--`.
class Formatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, name);
    if (app->get_name() == "run") usage.insert(usage.find_last_not_of('\n') + 1, " -- COMMAND...");
    return usage;
  }
};

std::string CheckText(const std::string& text) { return IsUtf8(text) ? "" : "must be UTF-8"; }

CLI::Option* AddText(CLI::App& app, const std::string& name, std::string& text,
                     const std::string& help) {
  return app.add_option(name, text, help)->check(CheckText)->type_name("TEXT");
}

void AddKey(CLI::App& app, std::string& key) {
  AddText(app, "KEY", key, "The name of the lock")->required()->type_name("");
}

void AddLeaseId(CLI::App& app, std::string& lease_id) {
  AddText(app, "LEASE_ID", lease_id, "What `acquire` has printed")->required()->type_name("");
}

void AddTags(CLI::App& app, std::vector<std::string>& tags, const std::string& help) {
  app.add_option("--tag", tags, help)->expected(1)->take_all()->check(CheckText)->type_name("TAG");
}

// `take` is given the span, which lies between `least` and `most`.
template <typename Take>
CLI::Option* AddSpan(CLI::App& app, const std::string& name, Duration least, Duration most,
                     Take take, const std::string& help) {
  const auto check = [least, most](const std::string& text) -> std::string {
    const absl::StatusOr<Duration> span = ParseSpan(text);
    if (!span.ok()) return std::string(span.status().message());
    if (*span >= least && *span <= most) return "";
    return "must be from " + FormatSpan(least) + " to " + FormatSpan(most);
  };
  return app
      .add_option_function<std::string>(
          name, [take](const std::string& text) { take(*ParseSpan(text)); }, help)
      ->check(check)
      ->type_name("DURATION");
}

void AddServer(CLI::App& app, ServerOptions& server) {
  app.add_option("--address", server.address, "unix:/path or host:port")
      ->type_name("ADDRESS")
      ->capture_default_str();
  AddSpan(
      app, "--server-timeout", kMinServerTimeout, kMaxServerTimeout,
      [&server](Duration span) { server.patience = span; },
      "How long to look for a server that does not answer")
      ->default_str("5s");
}

void AddJson(CLI::App& app, bool& json) {
  app.add_flag("--json", json, "Print JSON: one object a line, as in the API's protos");
}

void AddSelect(CLI::App& app, SelectOptions& select) {
  AddText(app, "--prefix", select.prefix, "Only locks whose keys begin with it");
  AddTags(app, select.tags, "Only leases with this tag, and with all others that are given");
}

void AddTake(CLI::App& app, TakeOptions& take) {
  AddKey(app, take.key);
  AddSpan(
      app, "--timeout", Duration::zero(), kMaxSpan, [&take](Duration span) { take.timeout = span; },
      "How long to wait for the lock; 0s: not at all. Otherwise as long as it takes");
  AddTags(app, take.tags, "A label on the lease; may be repeated");
  AddText(app, "--owner", take.owner, "Who takes the lock, for others to read");
}

// The commands as they are being read: each of them writes into its own options, and
// the one that was named is the result.
class Parser {
 public:
  explicit Parser(const std::string& default_address);

  // REQUIRES: called once. `command` is what stood behind `--`.
  Invocation Parse(int argc, const char* const* argv, std::vector<std::string> command);

  std::string Help() const { return app_.help(); }

 private:
  template <typename Options>
  CLI::App& AddCommand(const std::string& name, const std::string& description,
                       const std::string& examples, Options& options);
  void AddTaking();
  void AddLooking();
  void AddForcing();

  CLI::App app_{kDescription, "holdfast"};
  const std::string default_address_;
  std::vector<std::pair<CLI::App*, std::function<Invocation()>>> commands_;

  RunOptions run_;
  AcquireOptions acquire_;
  bool forever_ = false;
  RenewOptions renew_;
  ReleaseOptions release_;
  ListOptions list_;
  ShowOptions show_;
  WatchOptions watch_;
  ForceReleaseOptions force_release_;
  ReleaseByTagOptions release_by_tag_;
};

Parser::Parser(const std::string& default_address) : default_address_(default_address) {
  app_.formatter(std::make_shared<Formatter>());
  app_.get_formatter()->column_width(32);
  app_.footer(kExamples);
  app_.set_version_flag("--version", std::string("holdfast ") + kVersion);
  app_.require_subcommand(1);
  AddTaking();
  AddLooking();
  AddForcing();
}

template <typename Options>
CLI::App& Parser::AddCommand(const std::string& name, const std::string& description,
                             const std::string& examples, Options& options) {
  CLI::App& app = *app_.add_subcommand(name, description);
  app.footer(examples);
  if (!default_address_.empty()) options.server.address = default_address_;
  AddServer(app, options.server);
  if constexpr (requires { options.json; }) AddJson(app, options.json);
  commands_.emplace_back(&app, [&options] { return Invocation(options); });
  return app;
}

void Parser::AddTaking() {
  CLI::App& run = AddCommand("run", kRunDescription, kRunExamples, run_);
  AddTake(run, run_.take);
  AddSpan(
      run, "--expire", kMinRunExpire, kMaxSpan, [this](Duration span) { run_.expire = span; },
      "How long the lease lasts without a renewal")
      ->default_str("30s");

  CLI::App& acquire = AddCommand("acquire", kAcquireDescription, kAcquireExamples, acquire_);
  AddTake(acquire, acquire_.take);
  CLI::Option* const expire = AddSpan(
      acquire, "--expire", kMinExpire, kMaxSpan, [this](Duration span) { acquire_.expire = span; },
      "How long the lease lasts");
  acquire.add_flag("--forever", forever_, "The lease lasts until it is released: by you alone")
      ->excludes(expire);

  CLI::App& renew = AddCommand("renew", kRenewDescription, kRenewExamples, renew_);
  AddKey(renew, renew_.key);
  AddLeaseId(renew, renew_.lease_id);
  AddSpan(
      renew, "--expire", kMinExpire, kMaxSpan, [this](Duration span) { renew_.expire = span; },
      "How long it is to last from now on");

  CLI::App& release = AddCommand("release", kReleaseDescription, kReleaseExamples, release_);
  AddKey(release, release_.key);
  AddLeaseId(release, release_.lease_id);
}

void Parser::AddLooking() {
  CLI::App& list = AddCommand("ls", kLsDescription, kLsExamples, list_);
  AddSelect(list, list_.select);

  CLI::App& show = AddCommand("show", kShowDescription, kShowExamples, show_);
  AddKey(show, show_.key);

  CLI::App& watch = AddCommand("watch", kWatchDescription, kWatchExamples, watch_);
  AddSelect(watch, watch_.select);
}

void Parser::AddForcing() {
  CLI::App& force =
      AddCommand("force-release", kForceReleaseDescription, kForceReleaseExamples, force_release_);
  AddKey(force, force_release_.key);
  force.add_option("--token", force_release_.token, "Only the lease with this fencing token")
      ->type_name("TOKEN");

  CLI::App& by_tag = AddCommand("release-by-tag", kReleaseByTagDescription, kReleaseByTagExamples,
                                release_by_tag_);
  by_tag.add_option("TAG", release_by_tag_.tags, "The leases carry all of them")
      ->required()
      ->check(CheckText)
      ->type_name("");
  by_tag.add_flag("--dry-run", release_by_tag_.dry_run, "End nothing, only show");
  by_tag
      .add_option("--max-token", release_by_tag_.max_token,
                  "Spare leases with a larger fencing token: they were granted later")
      ->type_name("TOKEN");
}

EarlyExit Wrong(const std::string& what, const std::string& command) {
  std::string line = "holdfast: " + what;
  std::replace(line.begin(), line.end(), '\n', ' ');
  const std::string where = command.empty() ? "holdfast" : "holdfast " + command;
  return {ExitCode::kUsage, PrintableMessage(line + " (see " + where + " --help)") + "\n"};
}

Invocation Parser::Parse(int argc, const char* const* argv, std::vector<std::string> command) {
  const auto named = [this]() -> std::string {
    const std::vector<CLI::App*> named_apps = app_.get_subcommands();
    return named_apps.empty() ? "" : named_apps.front()->get_name();
  };
  // CLI11 reports by exceptions, which end here.
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return EarlyExit{ExitCode::kOk, app_.help()};
  } catch (const CLI::CallForVersion& version) {
    return EarlyExit{ExitCode::kOk, std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return Wrong(error.what(), named());
  }
  if (named() == "run" && command.empty()) {
    return Wrong("the command to run goes behind --, as in: holdfast run KEY -- COMMAND", "run");
  }
  if (named() == "acquire" && !acquire_.expire.has_value() && !forever_) {
    return Wrong("--expire is required, for nobody renews the lease; or --forever", "acquire");
  }
  run_.command = std::move(command);
  for (const auto& [app, result] : commands_) {
    if (app->parsed()) return result();
  }
  return Wrong("a command is required", "");
}

}  // namespace

Invocation ParseCommandLine(int argc, const char* const* argv, const std::string& default_address) {
  Parser parser(default_address);
  if (argc < 2) return EarlyExit{ExitCode::kUsage, parser.Help()};
  // What stands behind the first `--` of `run` is the command's own, whatever it looks
  // like.
  std::vector<std::string> command;
  const char* const* end = argv + argc;
  if (std::string_view(argv[1]) == "run") {
    const char* const* const dashes =
        std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
    if (dashes != end) {
      command.assign(dashes + 1, end);
      end = dashes;
    }
  }
  return parser.Parse(static_cast<int>(end - argv), argv, std::move(command));
}

}  // namespace holdfast::cli
