#include "clients/cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

#include "clients/cli/flags.h"

namespace holdfast::cli {
namespace {

// `Takes a lock, runs a command, gives the lock back`.
std::string FirstSentence(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.substr(0, text.find(". "));
}

void AddCommands(const Flags& flags, const std::string& written, Candidates& candidates) {
  for (const CLI::App* command : flags.commands()) {
    if (!command->get_name().starts_with(written)) continue;
    candidates.words.push_back({command->get_name(), FirstSentence(command->get_description())});
  }
}

// Those of a command, or those that stand before one.
void AddFlags(const CLI::App& app, const std::string& written, Candidates& candidates) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (!("--" + name).starts_with(written)) continue;
      candidates.words.push_back({"--" + name, FirstSentence(option->get_description())});
    }
  }
}

bool WantsKey(const CLI::App& app) { return app.get_option_no_throw("KEY") != nullptr; }

// The address that the words name, or the default.
std::string AddressIn(const std::vector<std::string>& words, const std::string& otherwise) {
  constexpr std::string_view kFlag = "--address";
  std::string address = otherwise.empty() ? ServerOptions().address : otherwise;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == kFlag && i + 1 < words.size()) address = words[i + 1];
    if (words[i].starts_with(std::string(kFlag) + "=")) address = words[i].substr(kFlag.size() + 1);
  }
  return address;
}

}  // namespace

Candidates FindCandidates(const CompleteOptions& options) {
  Flags flags(options.default_address);
  Candidates candidates;
  if (options.words.empty()) return candidates;
  std::vector<std::string> before(options.words.begin(), options.words.end() - 1);
  const std::string& written = options.words.back();
  if (before.empty()) {
    if (written.starts_with('-')) AddFlags(flags.app(), written, candidates);
    AddCommands(flags, written, candidates);
    return candidates;
  }
  const CLI::App* const command = flags.Find(before.front());
  if (command == nullptr) return candidates;
  before.erase(before.begin());
  candidates.address = AddressIn(before, options.default_address);

  const Words apart = TellApart(*command, before);
  if (apart.command.has_value()) {
    candidates.command = 1 + *apart.command;
  } else if (apart.awaiting != nullptr) {
    candidates.keys = apart.awaiting->check_lname("prefix");
  } else if (written.starts_with('-') && !apart.dashes) {
    AddFlags(*command, written, candidates);
  } else if (apart.positionals.empty()) {
    candidates.keys = WantsKey(*command);
  } else if (apart.positionals.size() == 1 && command->get_name() == "run") {
    candidates.command = options.words.size() - 1;
  }
  return candidates;
}

}  // namespace holdfast::cli
