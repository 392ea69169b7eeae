// Brings the records of a database of format 1 or 2 to today's format.
//
// Every record is read before the first one is written anew, so that a database that
// cannot be raised stays as it is. Then records are replaced in commits of a few at a
// time, each synced. In between there are records of both kinds, each lease_id with
// one of them; whoever is cut short there goes on from where it was. FORMAT says
// `raising` meanwhile, so that nobody else reads them.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_RAISE_RECORDS_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_RAISE_RECORDS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "rocksdb/db.h"

namespace holdfast {

// Whether all records can be read, and no lease_id has two. Changes nothing. DATA_LOSS:
// not so; the message names the record.
absl::Status CheckBeforeRaise(rocksdb::DB& db);

// Replaces all records of older formats; there may be none left. A commit takes some
// `commit_size` bytes. After an error nothing must be written to the database.
// REQUIRES: CheckBeforeRaise was OK, and nobody else writes.
absl::Status RaiseRecords(rocksdb::DB& db, std::size_t commit_size);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_RAISE_RECORDS_H_
