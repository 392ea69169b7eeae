#include "services/lock/main/maintenance.h"

#include <cstdio>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "services/common/text.h"
#include "services/lock/main/report.h"
#include "services/lock/storage/backup.h"

namespace holdfast {
namespace {

std::string Summary(const StoredRecords& records) {
  return absl::StrCat(records.leases.size(), " leases, ", records.ended.size(),
                      " ended ids, no token above ", records.reserved_tokens.value_or(0));
}

std::string Json(std::string_view text) {
  std::string json;
  AppendJsonString(text, json);
  return json;
}

std::string Seconds(Duration span) {
  return absl::StrCat(std::chrono::duration<double>(span).count());
}

std::string_view NameOf(EndCause cause) {
  switch (cause) {
    case EndCause::kReleased:
      return "RELEASED";
    case EndCause::kExpired:
      return "EXPIRED";
    case EndCause::kForced:
      return "FORCED";
    case EndCause::kCancelled:
      return "CANCELLED";
    case EndCause::kTimedOut:
      return "TIMED_OUT";
  }
  return "UNKNOWN";
}

// 64-bit numbers are strings, as in the API's JSON.
std::string LineOf(const LeaseRecord& lease) {
  const LeaseSpec& spec = lease.spec;
  std::string tags;
  for (const std::string& tag : spec.tags)
    absl::StrAppend(&tags, tags.empty() ? "" : ",", Json(tag));
  std::string line = absl::StrCat("{\"kind\":\"lease\",\"key\":", Json(spec.key),
                                  ",\"lease_id\":", Json(spec.lease_id), ",\"fencing_token\":\"",
                                  lease.fencing_token, "\",\"owner\":", Json(spec.owner),
                                  ",\"tags\":[", tags, "]");
  if (spec.expire.has_value())
    absl::StrAppend(&line, ",\"expire\":\"", Seconds(*spec.expire), "s\"");
  if (spec.max_hold.has_value()) {
    absl::StrAppend(&line, ",\"max_hold\":\"", Seconds(*spec.max_hold), "s\"");
  }
  return absl::StrCat(line, ",\"bound\":", spec.bound ? "true" : "false", ",\"granted_at_ns\":\"",
                      static_cast<std::int64_t>(lease.granted_at), "\"}\n");
}

std::string LineOf(const std::string& lease_id, EndCause cause) {
  const std::string_view name = NameOf(cause);
  return absl::StrCat("{\"kind\":\"ended\",\"lease_id\":", Json(lease_id),
                      ",\"cause\":", Json(name), "}\n");
}

// False: it could not be written.
bool Print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
}

bool PrintAll(const StoredRecords& records) {
  for (const auto& [lease_id, lease] : records.leases) {
    if (!Print(LineOf(lease))) return false;
  }
  for (const auto& [lease_id, cause] : records.ended) {
    if (!Print(LineOf(lease_id, cause))) return false;
  }
  return Print(absl::StrCat("{\"kind\":\"tokens\",\"reserved_through\":\"",
                            records.reserved_tokens.value_or(0), "\"}\n"));
}

ExitCode Failed(std::string_view what, const absl::Status& status) {
  LogError(what, status);
  return ExitCodeFor(status);
}

ExitCode Ended(bool printed) {
  if (printed && std::fflush(stdout) == 0) return ExitCode::kOk;
  return Failed("cannot print", absl::InternalError("standard output cannot be written"));
}

ExitCode MakeBackup(const Flags& flags) {
  const auto records = BackUp(flags.data_dir, flags.directory);
  if (!records.ok()) return Failed("cannot back up", records.status());
  return Ended(
      Print(absl::StrCat("backed up to ", flags.directory, ": ", Summary(*records), "\n")));
}

ExitCode Verify(const Flags& flags) {
  const auto records = ReadStored(flags.directory);
  if (!records.ok()) return Failed("cannot read", records.status());
  return Ended(Print(absl::StrCat(flags.directory, " is whole: ", Summary(*records), "\n")));
}

ExitCode Dump(const Flags& flags) {
  const auto records = ReadStored(flags.directory);
  if (!records.ok()) return Failed("cannot read", records.status());
  return Ended(PrintAll(*records));
}

ExitCode MakeFromBackup(const Flags& flags) {
  const auto mark = Restore(flags.directory, flags.data_dir);
  if (!mark.ok()) return Failed("cannot restore", mark.status());
  return Ended(Print(
      absl::StrCat("restored to ", flags.data_dir, ": its tokens will be above ", *mark, "\n")));
}

}  // namespace

ExitCode Maintain(const Flags& flags) {
  switch (flags.task) {
    case Task::kBackup:
      return MakeBackup(flags);
    case Task::kVerify:
      return Verify(flags);
    case Task::kDump:
      return Dump(flags);
    case Task::kRestore:
      return MakeFromBackup(flags);
    case Task::kServe:
      break;
  }
  return ExitCode::kUsage;
}

}  // namespace holdfast
