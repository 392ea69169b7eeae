#include "clients/cli/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>

#include "clients/cli/exit_code.h"
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

// CLI11 knows nothing of the command to run.
class Formatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, name);
    if (app->get_name() == "run")
      usage.insert(usage.find_last_not_of('\n') + 1, " [--] COMMAND...");
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
  AddText(app, "LEASE_ID", lease_id, "The lease_id that `acquire` printed")
      ->required()
      ->type_name("");
}

void AddTags(CLI::App& app, std::vector<std::string>& tags, const std::string& help) {
  app.add_option("--tag", tags, help)
      ->expected(1)
      ->allow_extra_args(false)  // With them CLI11 takes `[a,b]` for a list.
      ->take_all()
      ->check(CheckText)
      ->type_name("TAG");
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
      "How long to keep trying if the server does not answer")
      ->default_str("5s");
}

void AddJson(CLI::App& app, bool& json) {
  app.add_flag("--json", json, "Print JSON: one object per line, as in the API's protos");
}

void AddSelect(CLI::App& app, SelectOptions& select) {
  AddText(app, "--prefix", select.prefix, "Only locks whose keys start with this");
  AddTags(app, select.tags, "Only leases with this tag; repeat to require several");
}

void AddTake(CLI::App& app, TakeOptions& take) {
  AddKey(app, take.key);
  CLI::Option* const timeout = AddSpan(
      app, "-w,--timeout", Duration::zero(), kMaxSpan,
      [&take](Duration span) { take.timeout = span; },
      "How long to wait for the lock. The default is no limit");
  app.add_flag_callback(
         "-n,--nonblock", [&take] { take.timeout = Duration::zero(); },
         "Do not wait; same as --timeout 0")
      ->excludes(timeout);
  app.add_option("-E,--conflict-exit-code", take.not_acquired_code,
                 "Exit with CODE if the lock was not acquired in time")
      ->check(CLI::Range(0, 255).description(""))
      ->type_name("CODE")
      ->capture_default_str();
  app.add_flag("-q,--quiet", take.quiet,
               "Print nothing while waiting, or if the lock was not acquired");
  AddTags(app, take.tags, "A label on the lease; repeatable");
  AddText(app, "--owner", take.owner, "Who takes the lock, for people to read");
}

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// The option whose value is the word behind `word`, which begins with a dash. Absent: none,
// because there is no such option, it needs none, or has it in the same word.
const CLI::Option* AwaitsValue(const CLI::App& app, const std::string& word) {
  if (word.starts_with("--")) {
    const CLI::Option* const option = app.get_option_no_throw(word);
    return option != nullptr && TakesValue(*option) ? option : nullptr;
  }
  // Several flags of one letter, and at last perhaps an option and its value.
  for (std::size_t i = 1; i < word.size(); ++i) {
    const CLI::Option* const option = app.get_option_no_throw(std::string("-") + word[i]);
    if (option == nullptr) return nullptr;
    if (TakesValue(*option)) return i + 1 == word.size() ? option : nullptr;
  }
  return nullptr;
}

}  // namespace

Flags::Flags(const std::string& default_address)
    : app_(kDescription, "holdfast"), default_address_(default_address) {
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
CLI::App& Flags::AddCommand(const std::string& name, const std::string& description,
                            const std::string& examples, Options& options) {
  CLI::App& app = *app_.add_subcommand(name, description);
  app.footer(examples);
  if (!default_address_.empty()) options.server.address = default_address_;
  AddServer(app, options.server);
  if constexpr (requires { options.json; }) AddJson(app, options.json);
  commands_.push_back(&app);
  results_.emplace_back([&options] { return Invocation(options); });
  return app;
}

void Flags::AddTaking() {
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
  acquire.add_flag("--forever", forever_, "The lease lasts until it is released")->excludes(expire);

  CLI::App& renew = AddCommand("renew", kRenewDescription, kRenewExamples, renew_);
  AddKey(renew, renew_.key);
  AddLeaseId(renew, renew_.lease_id);
  AddSpan(
      renew, "--expire", kMinExpire, kMaxSpan, [this](Duration span) { renew_.expire = span; },
      "How long the lease lasts from now on");

  CLI::App& release = AddCommand("release", kReleaseDescription, kReleaseExamples, release_);
  AddKey(release, release_.key);
  AddLeaseId(release, release_.lease_id);
}

void Flags::AddLooking() {
  CLI::App& list = AddCommand("ls", kLsDescription, kLsExamples, list_);
  AddSelect(list, list_.select);

  CLI::App& show = AddCommand("show", kShowDescription, kShowExamples, show_);
  AddKey(show, show_.key);

  CLI::App& watch = AddCommand("watch", kWatchDescription, kWatchExamples, watch_);
  AddSelect(watch, watch_.select);

  AddCommand("health", kHealthDescription, kHealthExamples, health_);
}

void Flags::AddForcing() {
  CLI::App& force =
      AddCommand("force-release", kForceReleaseDescription, kForceReleaseExamples, force_release_);
  AddKey(force, force_release_.key);
  force.add_option("--token", force_release_.token, "Only the lease with this fencing token")
      ->type_name("TOKEN");

  CLI::App& by_tag = AddCommand("release-by-tag", kReleaseByTagDescription, kReleaseByTagExamples,
                                release_by_tag_);
  by_tag.add_option("TAG", release_by_tag_.tags, "Tags that a lease must all carry")
      ->required()
      ->check(CheckText)
      ->type_name("");
  by_tag.add_flag("--dry-run", release_by_tag_.dry_run, "Only show what would be ended");
  by_tag
      .add_option("--max-token", release_by_tag_.max_token,
                  "Spare leases with a larger fencing token, granted later")
      ->type_name("TOKEN");
}

const CLI::App* Flags::Find(const std::string& name) const {
  const auto found = std::find_if(commands_.begin(), commands_.end(),
                                  [&name](const CLI::App* app) { return app->get_name() == name; });
  return found == commands_.end() ? nullptr : *found;
}

Invocation Flags::Result(std::vector<std::string> command) {
  const std::string name = app_.get_subcommands().front()->get_name();
  if (name == "run" && command.empty()) {
    return Wrong("the command to run is missing: holdfast run KEY COMMAND", name);
  }
  if (name == "acquire" && !acquire_.expire.has_value() && !forever_) {
    return Wrong("--expire is required, because nobody renews the lease; or use --forever", name);
  }
  run_.command = std::move(command);
  const auto parsed = std::find(commands_.begin(), commands_.end(), app_.get_subcommands().front());
  return results_[static_cast<std::size_t>(parsed - commands_.begin())]();
}

Words TellApart(const CLI::App& command, const std::vector<std::string>& words) {
  const bool runs = command.get_name() == "run";
  Words apart;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (apart.awaiting != nullptr) {
      apart.awaiting = nullptr;
    } else if (apart.dashes || word.size() < 2 || word.front() != '-') {
      if (runs && apart.positionals.size() == 1) {
        // Dashes before the command are no part of it, even after others before the key.
        apart.command = word == "--" ? i + 1 : i;
        apart.end_of_flags = i;
        return apart;
      }
      apart.positionals.push_back(word);
    } else if (word == "--") {
      apart.dashes = true;
      if (runs && apart.positionals.size() == 1) {
        apart.command = i + 1;
        apart.end_of_flags = i;
        return apart;
      }
    } else {
      apart.awaiting = AwaitsValue(command, word);
    }
  }
  return apart;
}

EarlyExit Wrong(const std::string& what, const std::string& command) {
  std::string line = "holdfast: " + what;
  std::replace(line.begin(), line.end(), '\n', ' ');
  const std::string where = command.empty() ? "holdfast" : "holdfast " + command;
  return {ExitCode::kUsage, PrintableMessage(line + " (see " + where + " --help)") + "\n"};
}

}  // namespace holdfast::cli
