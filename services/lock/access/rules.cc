#include "services/lock/access/rules.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace holdfast {
namespace {

// A file beyond this is something else.
constexpr std::size_t kMaxFileBytes = 4 * 1024 * 1024;

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// One word of a line. `quoted`: it was put in quotes, and they are gone.
struct Word {
  std::string text{};
  bool quoted = false;
};

absl::Status Wrong(const std::string& problem) { return absl::InvalidArgumentError(problem); }

// Takes a word in quotes off the beginning of `rest`.
absl::StatusOr<Word> TakeQuoted(std::string_view& rest) {
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
  if (end >= rest.size()) return Wrong("a quote is not closed");
  Word word{.quoted = true};
  std::string problem;
  if (!absl::CUnescape(ToAbsl(rest.substr(1, end - 1)), &word.text, &problem)) {
    return Wrong(absl::StrCat("within the quotes: ", problem));
  }
  rest.remove_prefix(end + 1);
  if (!rest.empty() && !IsBlank(rest.front())) return Wrong("a space is missing behind a quote");
  return word;
}

// Up to a #, which begins a word.
absl::StatusOr<std::vector<Word>> WordsOf(std::string_view rest, std::size_t& used) {
  const char* const begin = rest.data();
  std::vector<Word> words;
  while (true) {
    used = static_cast<std::size_t>(rest.data() - begin);
    while (!rest.empty() && IsBlank(rest.front())) rest.remove_prefix(1);
    if (rest.empty() || rest.front() == '#') return words;
    if (rest.front() == '"') {
      absl::StatusOr<Word> word = TakeQuoted(rest);
      if (!word.ok()) return word.status();
      words.push_back(*std::move(word));
      continue;
    }
    std::size_t end = 0;
    while (end < rest.size() && !IsBlank(rest[end])) ++end;
    words.push_back({.text = std::string(rest.substr(0, end))});
    rest.remove_prefix(end);
  }
}

absl::StatusOr<std::string> CallerOf(const Word& word) {
  const std::size_t star = word.text.find('*');
  if (star != std::string::npos && star + 1 != word.text.size()) {
    return Wrong("a * may only be the last character of a principal");
  }
  if (word.quoted || !Principal::IsName(word.text)) {
    return Wrong("a principal has 1 to 256 printable characters, and no space");
  }
  return word.text;
}

absl::StatusOr<std::string> KeyPrefixOf(const Word& word) {
  if (word.quoted) return word.text;
  if (word.text == "*") return std::string();
  if (word.text.find('*') != std::string::npos) {
    return Wrong(
        absl::StrCat("a key is named by how it begins, without a *; if a * is in it, "
                     "put it in quotes: ",
                     word.text));
  }
  if (word.text.find('"') != std::string::npos) return Wrong("a quote within a key");
  return word.text;
}

std::optional<Permission> PermissionOf(std::string_view name) {
  for (const Permission permission : kPermissions) {
    if (NameOf(permission) == name) return permission;
  }
  return std::nullopt;
}

absl::StatusOr<Permissions> PermissionsOf(const Word& word) {
  if (word.text == "all") return Permissions::All();
  Permissions may;
  for (const absl::string_view name : absl::StrSplit(word.text, ',')) {
    const std::optional<Permission> permission = PermissionOf(ToStd(name));
    if (!permission.has_value()) {
      return Wrong(
          absl::StrCat("expected acquire, inspect, watch and admin, with commas and no "
                       "spaces between them, or all; not \"",
                       name, "\""));
    }
    may.Add(*permission);
  }
  if (may.Has(Permission::kWatch) && !may.Has(Permission::kInspect)) {
    return Wrong("watch shows what inspect does, so it needs inspect");
  }
  return may;
}

absl::Status SetQuota(const Word& word, Quota& quota) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(word.text, absl::MaxSplits('=', 1));
  std::uint32_t number = 0;
  if (!absl::SimpleAtoi(parts.second, &number)) {
    return Wrong(
        absl::StrCat("expected leases=N, waiters=N or sessions=N, not \"", word.text, "\""));
  }
  std::uint32_t* const place = parts.first == "leases"     ? &quota.leases
                               : parts.first == "waiters"  ? &quota.waiters
                               : parts.first == "sessions" ? &quota.sessions
                                                           : nullptr;
  if (place == nullptr) {
    return Wrong(absl::StrCat("there is no quota for \"", parts.first, "\""));
  }
  *place = number;
  return absl::OkStatus();
}

bool Fits(std::string_view pattern, const std::string& caller) {
  if (!pattern.ends_with('*')) return pattern == caller;
  return caller.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

class Rules::Parser {
 public:
  absl::Status ParseLine(std::string_view line, int number) {
    std::size_t used = 0;
    absl::StatusOr<std::vector<Word>> words = WordsOf(line, used);
    if (!words.ok()) return words.status();
    if (words->empty()) return absl::OkStatus();
    const std::string kind = words->front().text;
    if (kind == "quota") return ParseQuota(*words);
    const std::size_t expected = kind == "allow" ? 4 : 3;
    if (kind != "allow" && kind != "deny") {
      return Wrong(absl::StrCat("expected allow, deny or quota, not \"", kind, "\""));
    }
    if (words->size() != expected) {
      return Wrong(kind == "allow" ? "expected: allow PRINCIPAL KEYS PERMISSIONS"
                                   : "expected: deny PRINCIPAL KEYS");
    }
    absl::StatusOr<std::string> caller = CallerOf((*words)[1]);
    if (!caller.ok()) return caller.status();
    absl::StatusOr<std::string> prefix = KeyPrefixOf((*words)[2]);
    if (!prefix.ok()) return prefix.status();
    Rule rule{.line = number,
              .text = std::string(line.substr(0, used)),
              .caller = *std::move(caller),
              .key_prefix = *std::move(prefix)};
    if (kind == "allow") {
      absl::StatusOr<Permissions> may = PermissionsOf((*words)[3]);
      if (!may.ok()) return may.status();
      rule.may = *may;
    }
    rules_.rules_.push_back(std::move(rule));
    return absl::OkStatus();
  }

  Rules Take() { return std::move(rules_); }

 private:
  absl::Status ParseQuota(const std::vector<Word>& words) {
    if (words.size() < 3) {
      return Wrong("expected: quota PRINCIPAL leases=N waiters=N sessions=N, or some of them");
    }
    absl::StatusOr<std::string> caller = CallerOf(words[1]);
    if (!caller.ok()) return caller.status();
    QuotaRule rule{.caller = *std::move(caller), .quota = {}};
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (absl::Status status = SetQuota(words[i], rule.quota); !status.ok()) return status;
    }
    rules_.quotas_.push_back(std::move(rule));
    return absl::OkStatus();
  }

  Rules rules_;
};

absl::StatusOr<Rules> Rules::Parse(std::string_view text) {
  Parser parser;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(ToAbsl(text), '\n')) {
    const absl::Status status = parser.ParseLine(ToStd(line), ++number);
    if (!status.ok()) return Wrong(absl::StrCat("line ", number, ": ", status.message()));
  }
  return parser.Take();
}

absl::StatusOr<Rules> Rules::Load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A folder can be opened, and only reading tells.
  if (!file.is_open() || file.bad()) {
    return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno == 0 ? EIO : errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) {
    return Wrong(absl::StrCat(path, ": has more than ", kMaxFileBytes, " bytes"));
  }
  absl::StatusOr<Rules> rules = Parse(text);
  if (!rules.ok()) return Wrong(absl::StrCat(path, ", ", rules.status().message()));
  return rules;
}

std::shared_ptr<const Access> Rules::For(const Principal& caller) const {
  std::vector<Access::Grant> grants;
  for (const Rule& rule : rules_) {
    if (!Fits(rule.caller, caller.name())) continue;
    grants.push_back({.key_prefix = rule.key_prefix, .may = rule.may});
  }
  Quota quota;
  for (const QuotaRule& rule : quotas_) {
    if (!Fits(rule.caller, caller.name())) continue;
    quota = rule.quota;
    break;
  }
  return std::make_shared<const Access>(std::move(grants), quota);
}

const Rules::Rule* Rules::Deciding(const Principal& caller, std::string_view key) const {
  for (const Rule& rule : rules_) {
    if (Fits(rule.caller, caller.name()) && key.starts_with(rule.key_prefix)) return &rule;
  }
  return nullptr;
}

}  // namespace holdfast
