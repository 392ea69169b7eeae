// What could come next on a command line that somebody is writing.
//
// The shells' scripts in completions/ know nothing of commands and flags: they ask
// `holdfast __complete WORD...`, which prints a line for each word that fits, with what it
// means behind a tab. A line that begins with a tab has the index of the word where the
// command line of another program begins: that of `run`.

#ifndef HOLDFAST_CLIENTS_CLI_COMPLETION_H_
#define HOLDFAST_CLIENTS_CLI_COMPLETION_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "clients/cli/options.h"

namespace holdfast::cli {

struct Candidate {
  std::string word;
  std::string meaning;  // One line; may be empty.
};

struct Candidates {
  std::vector<Candidate> words;

  // Keys of locks fit as well: those that begin with the last word, at this server.
  bool keys = false;
  std::string address;

  // The other program's command line begins at this word.
  std::optional<std::size_t> command;
};

Candidates FindCandidates(const CompleteOptions& options);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_COMPLETION_H_
