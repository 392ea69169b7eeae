#include "services/lock/main/check_rules.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/common/principal.h"
#include "services/lock/access/rules.h"

namespace holdfast {
namespace {

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

EarlyExit Wrong(std::string problem) {
  std::replace(problem.begin(), problem.end(), '\n', ' ');
  return {ExitCode::kUsage, absl::StrCat("holdfastd check-rules: ", problem, "\n")};
}

// "no" unless it may.
std::string KeyAnswers(const Rules& rules, const Principal& caller, const std::string& key) {
  const Rules::Rule* const deciding = rules.Deciding(caller, key);
  std::string text = deciding == nullptr
                         ? "no rule fits\n"
                         : absl::StrCat("line ", deciding->line, ": ", deciding->text, "\n");
  const std::shared_ptr<const Access> access = rules.For(caller);
  for (const Permission permission : kPermissions) {
    absl::StrAppend(&text, ToAbsl(NameOf(permission)), " ",
                    access->May(permission, key) ? "yes" : "no", "\n");
  }
  return text;
}

std::string QuotaAnswers(const Quota& quota) {
  std::string text;
  const auto add = [&](absl::string_view name, std::uint32_t limit) {
    if (limit != UINT32_MAX) absl::StrAppend(&text, "at most ", limit, " ", name, "\n");
  };
  add("leases", quota.leases);
  add("waiters", quota.waiters);
  add("sessions", quota.sessions);
  return text;
}

}  // namespace

EarlyExit CheckRules(int argc, const char* const* argv) {
  std::string file;
  std::string caller;
  std::optional<std::string> key;
  CLI::App app("Reads a file of rules, and says what they let somebody do.",
               "holdfastd check-rules");
  app.set_help_flag("--help", "Print this text and exit.");
  app.add_option("FILE", file, "As for holdfastd --rules.")->required();
  CLI::Option* const as = app.add_option("--as", caller, "A principal, such as uid:1000.");
  app.add_option("--key", key, "What it may do with this lock.")->needs(as);
  // CLI11 reports by exceptions, which end here.
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return {ExitCode::kOk, app.help()};
  } catch (const CLI::ParseError& error) {
    return Wrong(error.what());
  }
  const absl::StatusOr<Rules> rules = Rules::Load(file);
  if (!rules.ok()) return Wrong(std::string(rules.status().message()));
  if (as->count() == 0) return {ExitCode::kOk, absl::StrCat(file, ": ", rules->size(), " rules\n")};
  std::string text;
  const Principal principal(caller);
  if (key.has_value()) text = KeyAnswers(*rules, principal, *key);
  absl::StrAppend(&text, QuotaAnswers(rules->For(principal)->quota()));
  return {ExitCode::kOk, text};
}

}  // namespace holdfast
