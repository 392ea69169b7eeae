#include "clients/cli/locks.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/span.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::cli {

std::string JoinTags(const google::protobuf::RepeatedPtrField<std::string>& tags) {
  return absl::StrJoin(tags, ",");
}

std::string ExpiryOf(const v1::Holder& holder) {
  if (!holder.has_remaining()) return "when released";
  return "in " + FormatSpan(core::FromProto(holder.remaining()));
}

Table LockTable() {
  return Table({"KEY", "HOLDER", "TOKEN", "HELD", "EXPIRES", "WAITING", "TAGS"});
}

void AddRows(const v1::Lock& lock, Table& table) {
  const std::string waiting = absl::StrCat(lock.queue_length());
  for (const v1::Holder& holder : lock.holders()) {
    table.Add({lock.key(), holder.owner(), absl::StrCat(holder.fencing_token()),
               FormatSpan(core::FromProto(holder.held_for())), ExpiryOf(holder), waiting,
               JoinTags(holder.tags())});
  }
  if (lock.holders().empty()) table.Add({lock.key(), "", "", "", "", waiting, ""});
}

Table EndedTable() { return Table({"KEY", "HOLDER", "TOKEN", "HELD", "TAGS"}); }

void AddEnded(const v1::Lock& lock, Table& table) {
  for (const v1::Holder& holder : lock.holders()) {
    table.Add({lock.key(), holder.owner(), absl::StrCat(holder.fencing_token()),
               FormatSpan(core::FromProto(holder.held_for())), JoinTags(holder.tags())});
  }
}

}  // namespace holdfast::cli
