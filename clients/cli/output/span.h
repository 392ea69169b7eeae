// Spans of time and moments, as people write and read them.

#ifndef HOLDFAST_CLIENTS_CLI_OUTPUT_SPAN_H_
#define HOLDFAST_CLIENTS_CLI_OUTPUT_SPAN_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/timestamp.pb.h"
#include "holdfast/time.h"

namespace holdfast::cli {

// Reads `500ms`, `10s`, `1h30m`. A bare number is seconds, as in flock, timeout and sleep.
//
// INVALID_ARGUMENT: it is none of these.
absl::StatusOr<Duration> ParseSpan(std::string_view text);

// `350ms`, `29.5s`, `4m10s`, `3h05m`, `2d4h`: as much as one wants to know at a glance.
// Rounds down, so that what is left of a lease is never overstated.
std::string FormatSpan(Duration span);

// In the local time zone: `2024-05-02 14:03:07`.
std::string FormatMoment(const google::protobuf::Timestamp& moment);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_OUTPUT_SPAN_H_
