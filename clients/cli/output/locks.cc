#include "clients/cli/output/locks.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/output/span.h"
#include "clients/cli/output/text.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::cli {

Table::Table(std::vector<std::string> header, std::string indent)
    : rows_{std::move(header)}, indent_(std::move(indent)) {}

void Table::Add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = cell.empty() ? "-" : Printable(cell);
  rows_.push_back(std::move(row));
}

std::string Table::Render() const {
  if (empty()) return "";
  std::vector<int> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    text += indent_;
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      // The last column's width may be anything; padding it would only wrap lines.
      if (i + 1 < row.size()) text.append(widths[i] - DisplayWidth(row[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string JoinTags(const google::protobuf::RepeatedPtrField<std::string>& tags) {
  return absl::StrJoin(tags, ",");
}

std::string ExpiryOf(const v1::Holder& holder) {
  if (!holder.has_remaining()) return "when released";
  return "in " + FormatSpan(core::FromProto(holder.remaining()));
}

std::string DescribePlace(std::string_view key, std::uint64_t position,
                          std::optional<std::string_view> holder) {
  // 1st, 22nd, 113th.
  const bool teen = position % 100 / 10 == 1;
  const std::uint64_t last = teen ? 0 : position % 10;
  const char* const suffix = last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th";
  std::string place = "waiting for " + std::string(key) + ", " + std::to_string(position) + suffix;
  if (!holder.has_value()) return place + " in line";
  return place + " behind " + (holder->empty() ? "an unnamed holder" : std::string(*holder));
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

std::string ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string line;
  // It fails for messages of unknown types alone; there are none in the API.
  if (!google::protobuf::util::MessageToJsonString(message, &line, options).ok()) line = "{}";
  return line + "\n";
}

}  // namespace holdfast::cli
