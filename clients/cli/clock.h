// The only place of the command line where a thread is put to sleep.

#ifndef HOLDFAST_CLIENTS_CLI_CLOCK_H_
#define HOLDFAST_CLIENTS_CLI_CLOCK_H_

#include "holdfast/time.h"

namespace holdfast::cli {

void Pause(Duration span);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_CLOCK_H_
