// What holdfastd does instead of serving: backups of a data directory, and what is made of
// them. A server may use the directory meanwhile.

#ifndef HOLDFAST_SERVICES_LOCK_MAIN_MAINTENANCE_H_
#define HOLDFAST_SERVICES_LOCK_MAIN_MAINTENANCE_H_

#include "services/common/exit_code.h"
#include "services/lock/main/flags.h"

namespace holdfast {

// Prints what it has done to standard output, and an error to the log.
// REQUIRES: flags.task is not kServe.
ExitCode Maintain(const Flags& flags);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_MAIN_MAINTENANCE_H_
