#include "tests/support/history/history_text.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/status.h"

namespace holdfast::history {
namespace {

constexpr std::pair<Reason, std::string_view> kReasons[] = {
    {Reason::kLockHeld, "LOCK_HELD"},
    {Reason::kWaitTimeout, "WAIT_TIMEOUT"},
    {Reason::kLeaseExpired, "LEASE_EXPIRED"},
    {Reason::kLeaseForced, "LEASE_FORCED"},
    {Reason::kLeaseEnded, "LEASE_ENDED"},
    {Reason::kLeaseNotFound, "LEASE_NOT_FOUND"},
    {Reason::kLeaseWaiting, "LEASE_WAITING"},
    {Reason::kLockNotHeld, "LOCK_NOT_HELD"},
    {Reason::kLeaseMismatch, "LEASE_MISMATCH"},
    {Reason::kLimitExceeded, "LIMIT_EXCEEDED"},
    {Reason::kInvalid, "INVALID"},
    {Reason::kUnavailable, "UNAVAILABLE"},
};

// The names of What's alternatives, in their order.
constexpr std::string_view kNames[] = {
    "AcquireCalled", "RenewCalled",   "ReleaseCalled",   "ForceReleaseCalled",
    "GetCalled",     "Queued",        "Granted",         "Renewed",
    "Released",      "Forced",        "Shown",           "Refused",
    "Unanswered",    "Lost",          "Written",         "ServerStarted",
    "ServerStopped", "ClientStopped", "ClientContinued", "Quiet"};
static_assert(std::size(kNames) == std::variant_size_v<What>);

// Calls field(name, member) for every field: the one list of them, for writing and reading.
template <typename F>
void VisitFields(AcquireCalled& what, F field) {
  field("key", what.key);
  field("lease_id", what.lease_id);
  field("expire", what.expire);
  field("timeout", what.timeout);
  field("max_hold", what.max_hold);
}
template <typename F>
void VisitFields(RenewCalled& what, F field) {
  field("key", what.key);
  field("lease_id", what.lease_id);
  field("expire", what.expire);
}
template <typename F>
void VisitFields(ReleaseCalled& what, F field) {
  field("key", what.key);
  field("lease_id", what.lease_id);
}
template <typename F>
void VisitFields(ForceReleaseCalled& what, F field) {
  field("key", what.key);
  field("fencing_token", what.fencing_token);
}
template <typename F>
void VisitFields(GetCalled& what, F field) {
  field("key", what.key);
}
template <typename F>
void VisitFields(Queued& what, F field) {
  field("queue_sequence", what.queue_sequence);
  field("position", what.position);
}
template <typename F>
void VisitFields(Granted& what, F field) {
  field("fencing_token", what.fencing_token);
  field("valid_until", what.valid_until);
}
template <typename F>
void VisitFields(Renewed& what, F field) {
  field("fencing_token", what.fencing_token);
  field("valid_until", what.valid_until);
}
template <typename F>
void VisitFields(Released& /*what*/, F /*field*/) {}
template <typename F>
void VisitFields(Forced& what, F field) {
  field("fencing_token", what.fencing_token);
}
template <typename F>
void VisitFields(Shown& what, F field) {
  field("fencing_token", what.fencing_token);
  field("queue_length", what.queue_length);
}
template <typename F>
void VisitFields(Refused& what, F field) {
  field("reason", what.reason);
}
template <typename F>
void VisitFields(Unanswered& /*what*/, F /*field*/) {}
template <typename F>
void VisitFields(Lost& what, F field) {
  field("key", what.key);
  field("lease_id", what.lease_id);
}
template <typename F>
void VisitFields(Written& what, F field) {
  field("resource", what.resource);
  field("fencing_token", what.fencing_token);
  field("accepted", what.accepted);
}
template <typename F>
void VisitFields(ServerStarted& what, F field) {
  field("continued", what.continued);
}
template <typename F>
void VisitFields(ServerStopped& /*what*/, F /*field*/) {}
template <typename F>
void VisitFields(ClientStopped& /*what*/, F /*field*/) {}
template <typename F>
void VisitFields(ClientContinued& /*what*/, F /*field*/) {}
template <typename F>
void VisitFields(Quiet& what, F field) {
  field("leases", what.leases);
  field("waiters", what.waiters);
  field("open_calls", what.open_calls);
  field("timers", what.timers);
  field("watches", what.watches);
  field("file_descriptors", what.file_descriptors);
}

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._:/@").find(c) != std::string_view::npos;
}

// ---- Writing.

std::string Text(const std::string& value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : value) {
    if (IsPlain(c)) {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return text;
}
std::string Text(Duration value) {
  return value == kForever ? "forever" : std::to_string(value.count());
}
std::string Text(bool value) { return value ? "1" : "0"; }
std::string Text(std::uint64_t value) { return std::to_string(value); }
std::string Text(std::uint32_t value) { return std::to_string(value); }
std::string Text(std::int64_t value) { return std::to_string(value); }
std::string Text(Reason value) {
  for (const auto& [reason, name] : kReasons) {
    if (reason == value) return std::string(name);
  }
  return "?";
}

// ---- Reading.

template <typename T>
bool ReadNumber(std::string_view text, T& value) {
  const char* const end = text.data() + text.size();
  const auto [read_to, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && read_to == end;
}

bool Read(std::string_view text, std::string& value) {
  value.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (!IsPlain(text[i])) return false;
      value += text[i];
      continue;
    }
    unsigned byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text.size() - i < 3) return false;
    const auto [read_to, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc() || read_to != digits + 2) return false;
    value += static_cast<char>(byte);
    i += 2;
  }
  return true;
}
bool Read(std::string_view text, Duration& value) {
  if (text == "forever") {
    value = kForever;
    return true;
  }
  Duration::rep count{};
  if (!ReadNumber(text, count)) return false;
  value = Duration(count);
  return true;
}
bool Read(std::string_view text, bool& value) {
  value = text == "1";
  return text == "1" || text == "0";
}
bool Read(std::string_view text, std::uint64_t& value) { return ReadNumber(text, value); }
bool Read(std::string_view text, std::uint32_t& value) { return ReadNumber(text, value); }
bool Read(std::string_view text, std::int64_t& value) { return ReadNumber(text, value); }
bool Read(std::string_view text, Reason& value) {
  for (const auto& [reason, name] : kReasons) {
    if (name != text) continue;
    value = reason;
    return true;
  }
  return false;
}
template <typename T>
bool Read(std::string_view text, std::optional<T>& value) {
  return Read(text, value.emplace());
}

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

// Takes the next word off the line.
std::string_view TakeWord(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

absl::Status Wrong(std::string_view what, std::string_view line) {
  std::string message = "not an event of a history: ";
  message.append(what).append(" in \"").append(line).append("\"");
  return absl::InvalidArgumentError(message);
}

template <std::size_t kIndex = 0>
std::optional<What> WhatNamed(std::string_view name) {
  if constexpr (kIndex == std::variant_size_v<What>) {
    return std::nullopt;
  } else if (kNames[kIndex] == name) {
    return What(std::in_place_index<kIndex>);
  } else {
    return WhatNamed<kIndex + 1>(name);
  }
}

// Reads the fields in the order in which they are written.
template <typename T>
bool ReadFields(std::string_view line, T& what) {
  bool good = true;
  VisitFields(what, [&](std::string_view name, auto& member) {
    const bool is_here = line.size() > name.size() && line.substr(0, name.size()) == name &&
                         line[name.size()] == '=';
    if (!is_here) {
      good = good && IsOptional<std::decay_t<decltype(member)>>::value;
      return;
    }
    const std::string_view word = TakeWord(line);
    good = good && Read(word.substr(name.size() + 1), member);
  });
  return good && line.empty();
}

}  // namespace

std::string ToText(const Event& event) {
  std::string line = Text(event.time);
  line += ' ' + Text(event.client) + ' ' + Text(event.operation) + ' ';
  line += kNames[event.what.index()];
  const auto add = [&](std::string_view name, const auto& member) {
    if constexpr (IsOptional<std::decay_t<decltype(member)>>::value) {
      if (!member.has_value()) return;
      line.append(" ").append(name).append("=").append(Text(*member));
    } else {
      line.append(" ").append(name).append("=").append(Text(member));
    }
  };
  What what = event.what;
  std::visit([&](auto& of) { VisitFields(of, add); }, what);
  return line;
}

absl::StatusOr<Event> FromText(std::string_view line) {
  std::string_view rest = line;
  Event event;
  if (!Read(TakeWord(rest), event.time)) return Wrong("the time", line);
  if (!Read(TakeWord(rest), event.client)) return Wrong("the client", line);
  if (!Read(TakeWord(rest), event.operation)) return Wrong("the operation", line);
  std::optional<What> what = WhatNamed(TakeWord(rest));
  if (!what.has_value()) return Wrong("what happened", line);
  event.what = *std::move(what);
  if (!std::visit([&](auto& of) { return ReadFields(rest, of); }, event.what)) {
    return Wrong("a field", line);
  }
  return event;
}

std::string Explain(const History& history, const Violation& violation) {
  std::string text = Name(violation.invariant);
  text += ": " + violation.message + '\n';
  for (const std::size_t event : violation.events) {
    text += "  [" + std::to_string(event) + "] " + ToText(history[event]) + '\n';
  }
  return text;
}

}  // namespace holdfast::history
