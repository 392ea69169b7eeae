// How locks and those who hold them are shown to people, in whichever command.

#ifndef HOLDFAST_CLIENTS_CLI_LOCKS_H_
#define HOLDFAST_CLIENTS_CLI_LOCKS_H_

#include <string>

#include "clients/cli/table.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "holdfast/v1/lease.pb.h"

namespace holdfast::cli {

// `eu,nightly`. Not printable yet.
std::string JoinTags(const google::protobuf::RepeatedPtrField<std::string>& tags);

// `in 25.3s`, or `when released`.
std::string ExpiryOf(const v1::Holder& holder);

// KEY HOLDER TOKEN HELD EXPIRES WAITING TAGS: a row for each lease on a lock, and one
// with nobody in it for a lock that is only waited for.
Table LockTable();
void AddRows(const v1::Lock& lock, Table& table);

// KEY HOLDER TOKEN HELD TAGS: a row for each lease, as it was before it was ended.
Table EndedTable();
void AddEnded(const v1::Lock& lock, Table& table);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_LOCKS_H_
