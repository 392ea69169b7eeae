#include "services/common/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>

#include "services/common/clock.h"

namespace holdfast {
namespace {

std::atomic<LogLevel> minimum_level{LogLevel::kInfo};

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool NeedsQuotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    if (IsControl(c) || c == ' ' || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

void AppendQuoted(std::string_view value, std::string& line) {
  static constexpr std::string_view kHexDigits = "0123456789abcdef";
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (IsControl(c)) {
      const auto byte = static_cast<unsigned char>(c);
      line += "\\x";
      line += kHexDigits[byte >> 4];
      line += kHexDigits[byte & 0xf];
    } else {
      line += c;
    }
  }
  line += '"';
}

std::string FormatTime(WallTime wall) {
  const std::int64_t milliseconds = static_cast<std::int64_t>(wall) / 1'000'000;
  const std::time_t seconds = milliseconds / 1'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, sizeof("2026-01-31T12:00:00")> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  // The leading 1 keeps the zeros behind it, and is cut off.
  const std::string fraction = std::to_string(1'000 + milliseconds % 1'000).substr(1);
  return std::string(date.data()) + "." + fraction + "Z";
}

}  // namespace

void SetLogLevel(LogLevel level) { minimum_level.store(level, std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (level < minimum_level.load(std::memory_order_relaxed)) return;
  const std::string line =
      FormatLogLine(level, FormatTime(SystemClock().Read().wall), message, fields);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = write(STDERR_FILENO, rest.data(), rest.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return;  // There is nobody to tell.
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string FormatLogLine(LogLevel level, std::string_view time, std::string_view message,
                          std::initializer_list<LogField> fields) {
  std::string line = "level=";
  line += Name(level);
  line += " time=";
  line += time;
  line += " msg=";
  AppendQuoted(message, line);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (NeedsQuotes(field.value)) {
      AppendQuoted(field.value, line);
    } else {
      line += field.value;
    }
  }
  line += '\n';
  return line;
}

}  // namespace holdfast
