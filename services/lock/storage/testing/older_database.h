// For tests: a data directory as an older version would have left it.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_OLDER_DATABASE_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_OLDER_DATABASE_H_

#include <string>

#include "services/lock/engine/lease.h"
#include "services/lock/engine/stored_records.h"

namespace holdfast {

// The disk's keys and values in format 2, which are those of format 1 where no expire
// was changed.
std::string OlderLeaseKey(const std::string& lease_id);
std::string OlderEndedKey(const std::string& lease_id);
std::string OlderLeaseValue(const LeaseRecord& lease);
std::string OlderEndedValue(EndCause cause);

// Makes the data directory at `path`, which is there, one of format 2 that holds
// `content`. Ends the process if it cannot. REQUIRES: nobody has it.
void MakeOlder(const std::string& path, const StoredRecords& content);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_OLDER_DATABASE_H_
