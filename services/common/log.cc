#include "services/common/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>

#include "services/common/clock.h"
#include "services/common/text.h"

namespace holdfast {
namespace {

std::atomic<LogLevel> minimum_level{LogLevel::kInfo};
std::atomic<LogFormat> log_format{LogFormat::kLogfmt};

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

bool NeedsQuotes(std::string_view value) {
  if (value.empty()) return true;
  while (!value.empty()) {
    const char c = value.front();
    if (IsControl(c) || c == ' ' || c == '"' || c == '=' || c == '\\') return true;
    const std::size_t bytes = CharacterBytes(value);
    if (bytes == 0) return true;
    value.remove_prefix(bytes);
  }
  return false;
}

void AppendQuoted(std::string_view value, std::string& line) {
  line += '"';
  while (!value.empty()) {
    const char c = value.front();
    const std::size_t bytes = CharacterBytes(value);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (bytes == 0 || IsControl(c)) {
      AppendHex("\\x", c, line);
    } else {
      line += value.substr(0, bytes);
    }
    value.remove_prefix(bytes == 0 ? 1 : bytes);
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

LogLevel GetLogLevel() { return minimum_level.load(std::memory_order_relaxed); }

void SetLogFormat(LogFormat format) { log_format.store(format, std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (level < minimum_level.load(std::memory_order_relaxed)) return;
  const std::string time = FormatTime(SystemClock().Read().wall);
  const std::string line = log_format.load(std::memory_order_relaxed) == LogFormat::kJson
                               ? FormatJsonLine(level, time, message, fields)
                               : FormatLogLine(level, time, message, fields);
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

std::string FormatJsonLine(LogLevel level, std::string_view time, std::string_view message,
                           std::initializer_list<LogField> fields) {
  std::string line = "{\"level\":";
  AppendJsonString(Name(level), line);
  line += ",\"time\":";
  AppendJsonString(time, line);
  line += ",\"msg\":";
  AppendJsonString(message, line);
  for (const LogField& field : fields) {
    line += ',';
    AppendJsonString(field.key, line);
    line += ':';
    if (field.is_number) {
      line += field.value;
    } else {
      AppendJsonString(field.value, line);
    }
  }
  line += "}\n";
  return line;
}

}  // namespace holdfast
