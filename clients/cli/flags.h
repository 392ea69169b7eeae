// Every command and its flags, as the command line and its completion know them.

#ifndef HOLDFAST_CLIENTS_CLI_FLAGS_H_
#define HOLDFAST_CLIENTS_CLI_FLAGS_H_

#include <CLI/App.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/cli/command_line.h"
#include "clients/cli/options.h"

namespace holdfast::cli {

// Each command writes into its own options while it is being read. Thread-compatible.
class Flags {
 public:
  // `default_address` as for ParseCommandLine.
  explicit Flags(const std::string& default_address);
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;

  CLI::App& app() { return app_; }

  // Every command.
  const std::vector<CLI::App*>& commands() const { return commands_; }

  // nullptr: there is no command of that name.
  const CLI::App* Find(const std::string& name) const;

  // What the command that was parsed is to do, or what is wrong with it. `command` is
  // what `run` is to start.
  Invocation Result(std::vector<std::string> command);

 private:
  template <typename Options>
  CLI::App& AddCommand(const std::string& name, const std::string& description,
                       const std::string& examples, Options& options);
  void AddTaking();
  void AddLooking();
  void AddForcing();

  CLI::App app_;
  const std::string default_address_;
  std::vector<CLI::App*> commands_;
  std::vector<std::function<Invocation()>> results_;  // Of each command.

  RunOptions run_;
  AcquireOptions acquire_;
  bool forever_ = false;
  RenewOptions renew_;
  ReleaseOptions release_;
  ListOptions list_;
  ShowOptions show_;
  WatchOptions watch_;
  HealthOptions health_;
  ForceReleaseOptions force_release_;
  ReleaseByTagOptions release_by_tag_;
};

// The words behind a command's name, told apart as getopt does with `+`: what is not an
// option ends the options of `run` once there is a key, and all that follows is the
// command's own.
struct Words {
  std::vector<std::string> positionals;
  bool dashes = false;  // There was a `--`.

  // Which option the next word is the value of. Absent: none.
  const CLI::Option* awaiting = nullptr;

  // Of `run`: the index of the first word of the command, and of the first word that is
  // no flag of ours, which is the `--` before it if there is one.
  std::optional<std::size_t> command;
  std::optional<std::size_t> end_of_flags;
};
Words TellApart(const CLI::App& command, const std::vector<std::string>& words);

// What is wrong with the command line, as one line.
EarlyExit Wrong(const std::string& what, const std::string& command);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_FLAGS_H_
