#include "clients/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "clients/cli/flags.h"

namespace holdfast::cli {
namespace {

// How many letters have to be left out, put in or exchanged to make one of the other.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t exchanged = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({exchanged, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

// Far enough for a slip of the finger; what is further off is another word.
constexpr std::size_t kMaxDistance = 2;

EarlyExit UnknownCommand(const Flags& flags, const std::string& name) {
  std::string nearest;
  std::size_t least = std::min(kMaxDistance, name.size() - 1) + 1;
  for (const CLI::App* command : flags.commands()) {
    const std::size_t distance = Distance(name, command->get_name());
    if (distance >= least) continue;
    least = distance;
    nearest = command->get_name();
  }
  std::string what = "unknown command \"" + name + "\"";
  if (!nearest.empty()) what += "; did you mean \"" + nearest + "\"?";
  return Wrong(what, "");
}

// REQUIRES: called once for `flags`.
Invocation Parse(Flags& flags, int argc, const char* const* argv,
                 std::vector<std::string> command) {
  CLI::App& app = flags.app();
  // CLI11 reports by exceptions, which end here.
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return EarlyExit{ExitCode::kOk, app.help()};
  } catch (const CLI::CallForVersion& version) {
    return EarlyExit{ExitCode::kOk, std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    const std::vector<CLI::App*> named = app.get_subcommands();
    return Wrong(error.what(), named.empty() ? "" : named.front()->get_name());
  }
  return flags.Result(std::move(command));
}

}  // namespace

Invocation ParseCommandLine(int argc, const char* const* argv, const std::string& default_address) {
  Flags flags(default_address);
  CLI::App& app = flags.app();
  if (argc < 2) return EarlyExit{ExitCode::kUsage, app.help()};
  const std::string name = argv[1];
  if (name == kCompleteCommand) {
    return CompleteOptions{.words = {argv + 2, argv + argc}, .default_address = default_address};
  }
  if (name.starts_with('-')) return Parse(flags, argc, argv, {});
  const CLI::App* const command = flags.Find(name);
  if (command == nullptr) return UnknownCommand(flags, name);
  const std::vector<std::string> words(argv + 2, argv + argc);
  const Words apart = TellApart(*command, words);
  if (!apart.command.has_value()) {
    Invocation invocation = Parse(flags, argc, argv, {});
    if (auto* by_tag = std::get_if<ReleaseByTagOptions>(&invocation)) {
      by_tag->tags = apart.positionals;  // CLI11 takes `[a,b]` for a list of two.
    }
    return invocation;
  }
  return Parse(flags, static_cast<int>(2 + *apart.end_of_flags), argv,
               {argv + 2 + *apart.command, argv + argc});
}

}  // namespace holdfast::cli
