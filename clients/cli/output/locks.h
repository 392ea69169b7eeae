// How locks and those who hold them are shown, in whichever command: in tables to people,
// and as JSON to programs.

#ifndef HOLDFAST_CLIENTS_CLI_OUTPUT_LOCKS_H_
#define HOLDFAST_CLIENTS_CLI_OUTPUT_LOCKS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/message.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "holdfast/v1/lease.pb.h"

namespace holdfast::cli {

// Makes every cell printable (see text.h), so that none of them needs care elsewhere.
// Thread-compatible.
class Table {
 public:
  // Each row begins with `indent`.
  explicit Table(std::vector<std::string> header, std::string indent = "");

  // REQUIRES: as many cells as the header has.
  void Add(std::vector<std::string> row);

  bool empty() const { return rows_.size() == 1; }

  // With a line feed behind each row; an empty cell is shown as "-". Nothing at all if
  // there are no rows but the header.
  std::string Render() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::string indent_;
};

// `eu,nightly`. Not printable yet.
std::string JoinTags(const google::protobuf::RepeatedPtrField<std::string>& tags);

// `in 25.3s`, or `when released`.
std::string ExpiryOf(const v1::Holder& holder);

// `waiting for deploy, 2nd behind make@build3:81234`. `holder` is who holds the lock, empty
// if that has no name; absent if nobody does. Not printable yet.
std::string DescribePlace(std::string_view key, std::uint64_t position,
                          std::optional<std::string_view> holder);

// KEY HOLDER TOKEN HELD EXPIRES WAITING TAGS: a row for each lease on a lock, and one
// with nobody in it for a lock that is only waited for.
Table LockTable();
void AddRows(const v1::Lock& lock, Table& table);

// KEY HOLDER TOKEN HELD TAGS: a row for each lease, as it was before it was ended.
Table EndedTable();
void AddEnded(const v1::Lock& lock, Table& table);

// One line: a message of the API as protobuf's own rules have it, with the names of
// the .proto files. So there is nothing to keep in step, and whatever reads protobuf
// reads this. Fields that are not set are there with their defaults, except for those
// whose absence means something, such as `expire`.
std::string ToJsonLine(const google::protobuf::Message& message);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_OUTPUT_LOCKS_H_
