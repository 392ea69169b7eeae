// Structured log lines on stderr, one event a line:
//
//     level=info time=2026-01-31T12:00:00.123Z msg="serving" address=unix:/run/h.sock
//
// A value with a space, a quote, an equals sign, a control character or bytes that
// are no UTF-8 is quoted and escaped, so that one event is always one line of text.
// Or, for those who collect logs by machine, as JSON with the same names:
//
//     {"level":"info","time":"2026-01-31T12:00:00.123Z","msg":"serving","leases":12}
//
// Thread-safe; a line is written by one write(2) and so never mixed with another.

#ifndef HOLDFAST_SERVICES_COMMON_LOG_H_
#define HOLDFAST_SERVICES_COMMON_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace holdfast {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kLogfmt, kJson };

// One key=value of a log line. Keys are plain words.
struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, std::int64_t v)
      : key(k), value(std::to_string(v)), is_number(true) {}
  LogField(std::string_view k, std::uint64_t v)
      : key(k), value(std::to_string(v)), is_number(true) {}
  LogField(std::string_view k, int v) : key(k), value(std::to_string(v)), is_number(true) {}

  std::string_view key;
  std::string value;
  bool is_number = false;
};

// Lines below this level are dropped. The default is kInfo. Set it before the
// first thread starts.
void SetLogLevel(LogLevel level);
LogLevel GetLogLevel();

// The default is kLogfmt. As for the level.
void SetLogFormat(LogFormat format);

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

// The line that Log would write, with its line feed. `time` is RFC 3339.
std::string FormatLogLine(LogLevel level, std::string_view time, std::string_view message,
                          std::initializer_list<LogField> fields);
std::string FormatJsonLine(LogLevel level, std::string_view time, std::string_view message,
                           std::initializer_list<LogField> fields);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_COMMON_LOG_H_
