#include "services/lock/main/flag_sources.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

[[noreturn]] void Refuse(const std::string& where, const std::string& why) {
  throw CLI::ValidationError(where, why);
}

void Set(CLI::Option& option, const std::vector<std::string>& values, const std::string& where) {
  try {
    for (const std::string& value : values) option.add_result(value);
    option.run_callback();
  } catch (const CLI::ParseError& error) {
    Refuse(where, error.what());
  }
}

bool MayRepeat(const CLI::Option& option) {
  return option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// nullptr: no such flag, or none that belongs into a file.
CLI::Option* FindConfigurable(CLI::App& app, const std::string& name) {
  CLI::Option* const option = name.empty() ? nullptr : app.get_option_no_throw("--" + name);
  return option != nullptr && option->get_configurable() ? option : nullptr;
}

std::string Strip(std::string text) {
  absl::StripAsciiWhitespace(&text);
  return text;
}

}  // namespace

std::string VariableOf(std::string flag) {
  for (char& c : flag) c = c == '-' ? '_' : absl::ascii_toupper(static_cast<unsigned char>(c));
  return "HOLDFAST_" + flag;
}

void SetFromEnvironment(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    const bool asks = option == app.get_help_ptr() || option == app.get_version_ptr();
    if (asks || option->get_lnames().empty() || option->count() > 0) continue;
    const std::string variable = VariableOf(option->get_lnames().front());
    const char* const value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0') continue;
    Set(*option, MayRepeat(*option) ? Words(value) : std::vector<std::string>{value}, variable);
  }
}

void SetFromFile(CLI::App& app, const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  std::map<CLI::Option*, std::vector<std::string>> values;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    line = Strip(line);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t equals = line.find('=');
    const std::string where = absl::StrCat(path, ":", number);
    if (equals == std::string::npos) Refuse(where, "expected `name = value`");
    const std::string name = Strip(line.substr(0, equals));
    CLI::Option* const option = FindConfigurable(app, name);
    if (option == nullptr) Refuse(where, "there is no flag \"" + name + "\"");
    values[option].push_back(Strip(line.substr(equals + 1)));
  }
  if (!file.eof()) Refuse(path, errno == 0 ? "cannot be read" : std::strerror(errno));
  for (CLI::Option* option : app.get_options()) {
    const auto found = values.find(option);
    if (found != values.end() && option->count() == 0) Set(*option, found->second, path);
  }
}

}  // namespace holdfast
