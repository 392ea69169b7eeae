#include "clients/cli/output/span.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace holdfast::cli {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// How many whole units fit in.
template <typename Unit>
std::int64_t Count(Duration span) {
  return std::chrono::floor<Unit>(span).count();
}

}  // namespace

absl::StatusOr<Duration> ParseSpan(std::string_view text) {
  const bool bare =
      !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
  absl::Duration span;
  if (!absl::ParseDuration(
          absl::StrCat(absl::string_view(text.data(), text.size()), bare ? "s" : ""), &span) ||
      span == absl::InfiniteDuration() || span == -absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\" is not a duration such as 10 (seconds), 500ms or 1h30m", text));
  }
  return absl::ToChronoNanoseconds(span);
}

std::string FormatSpan(Duration span) {
  // The least span has no opposite.
  if (span < Duration::zero()) return "-" + FormatSpan(-std::max(span, -Duration::max()));
  if (span < seconds(1)) return absl::StrFormat("%dms", Count<milliseconds>(span));
  if (span < minutes(1)) {
    const std::int64_t tenths = Count<milliseconds>(span) / 100;
    return absl::StrFormat("%d.%ds", tenths / 10, tenths % 10);
  }
  if (span < hours(1)) {
    return absl::StrFormat("%dm%02ds", Count<minutes>(span), Count<seconds>(span % minutes(1)));
  }
  if (span < days(1)) {
    return absl::StrFormat("%dh%02dm", Count<hours>(span), Count<minutes>(span % hours(1)));
  }
  return absl::StrFormat("%dd%dh", Count<days>(span), Count<hours>(span % days(1)));
}

std::string FormatMoment(const google::protobuf::Timestamp& moment) {
  const absl::Time time =
      absl::FromUnixSeconds(moment.seconds()) + absl::Nanoseconds(moment.nanos());
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::LocalTimeZone());
}

}  // namespace holdfast::cli
