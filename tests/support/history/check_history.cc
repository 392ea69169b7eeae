#include "tests/support/history/check_history.h"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/support/history/checker.h"
#include "tests/support/history/history_file.h"
#include "tests/support/history/history_text.h"
#include "tests/support/history/linearizability.h"

namespace holdfast::history {
namespace {

constexpr std::string_view kUsage =
    R"(usage: check_history [OPTION...] FILE...

Merges the recorded histories by time, and checks that they keep the invariants of a lock
service. Exit code: 0 if they do, 1 if not, 2 if they cannot be read.

  --network=MS         how long a message is on its way, at most, and until a broken
                       connection is noticed (default: 100)
  --grant-within=MS    how soon a free lock is granted to who waits (default: 100)
  --no-liveness        do not check how soon
  --requests-repeat    the network may deliver a request twice
  --answers-lost       the network may lose an answer and keep the connection
  --unfenced=RESOURCE  this one ignores fencing tokens; may be repeated
  --leases-stay=N      so many leases are meant to be there at the end
)";

struct Options {
  Rules rules;
  std::vector<std::string> files;
  bool help = false;
};

// The text behind "--name=", if the argument is that one.
std::optional<std::string> ValueOf(std::string_view argument, std::string_view name) {
  if (argument.substr(0, name.size()) != name) return std::nullopt;
  return std::string(argument.substr(name.size()));
}

template <typename T>
bool ReadNumber(const std::string& text, T& number) {
  const char* const end = text.data() + text.size();
  const auto [read_to, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && read_to == end && number >= 0;
}

bool ReadMilliseconds(const std::string& text, Duration& duration) {
  std::int32_t count = 0;
  if (!ReadNumber(text, count)) return false;
  duration = std::chrono::milliseconds(count);
  return true;
}

// False: the argument is wrong.
bool Take(const std::string& argument, Options& options) {
  Rules& rules = options.rules;
  if (argument == "--help") {
    options.help = true;
  } else if (argument == "--no-liveness") {
    rules.liveness_from = kForever;
  } else if (argument == "--requests-repeat") {
    rules.requests_may_repeat = true;
  } else if (argument == "--answers-lost") {
    rules.answers_may_be_lost = true;
  } else if (const auto network = ValueOf(argument, "--network=")) {
    return ReadMilliseconds(*network, rules.network);
  } else if (const auto within = ValueOf(argument, "--grant-within=")) {
    return ReadMilliseconds(*within, rules.grant_within);
  } else if (const auto stay = ValueOf(argument, "--leases-stay=")) {
    return ReadNumber(*stay, rules.leases_that_stay);
  } else if (const auto resource = ValueOf(argument, "--unfenced=")) {
    rules.unfenced.insert(*resource);
  } else if (argument.substr(0, 2) == "--") {
    return false;
  } else {
    options.files.push_back(argument);
  }
  return true;
}

std::size_t CallsIn(const History& history) {
  std::size_t calls = 0;
  for (const Event& event : history) {
    if (std::holds_alternative<AcquireCalled>(event.what) ||
        std::holds_alternative<RenewCalled>(event.what) ||
        std::holds_alternative<ReleaseCalled>(event.what) ||
        std::holds_alternative<ForceReleaseCalled>(event.what) ||
        std::holds_alternative<GetCalled>(event.what)) {
      ++calls;
    }
  }
  return calls;
}

}  // namespace

int CheckHistory(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  Options options;
  options.rules.network = std::chrono::milliseconds(100);
  for (const std::string& argument : arguments) {
    if (Take(argument, options)) continue;
    err << "check_history: what does " << argument << " mean?\n\n" << kUsage;
    return 2;
  }
  if (options.help) {
    out << kUsage;
    return 0;
  }
  if (options.files.empty()) {
    err << kUsage;
    return 2;
  }
  const absl::StatusOr<History> history = ReadHistory(options.files);
  if (!history.ok()) {
    err << "check_history: " << history.status().message() << '\n';
    return 2;
  }
  std::vector<Violation> violations = Check(*history, options.rules);
  SearchResult search;
  if (violations.empty()) {
    search = CheckLinearizable(*history, options.rules);
    violations = search.violations;
  }
  for (const Violation& violation : violations) out << Explain(*history, violation) << '\n';
  out << history->size() << " events, " << CallsIn(*history) << " calls: ";
  if (!violations.empty()) {
    out << violations.size() << (violations.size() == 1 ? " violation\n" : " violations\n");
    return 1;
  }
  out << "all is well. Searched for an order of the calls of " << search.keys_checked
      << " keys; of " << search.keys_left_out + search.keys_given_up
      << " there are too many for that.\n";
  return 0;
}

}  // namespace holdfast::history
