// When what must happen to a command whose lease is not being renewed.
//
//     grant            renewal            check   SIGTERM    SIGKILL   deadline
//       ├───────────────────┼───────────────┼───────┼───────────┼─┼───────┤
//     expire left:  1      2/3             1/2     1/4       1/10 1/20    0
//                                                               backstop
//
// The client library begins to renew when two thirds of the lease are left, and tries
// again and again. A quarter is left when the command is asked to end: enough renewals
// have failed by then, and there is time to end properly. A tenth before the deadline
// it is killed, which leaves the kernel time to do so; the watchdog's own kill comes
// after that, in case the keeper has not acted.

#ifndef HOLDFAST_CLIENTS_CLI_RUN_TIMETABLE_H_
#define HOLDFAST_CLIENTS_CLI_RUN_TIMETABLE_H_

#include "holdfast/time.h"

namespace holdfast::cli {

// How long the kernel is given to end what was killed: a tenth of the lease, and never
// more than two seconds. Also how long a command may take to end when its lease has
// gone already.
Duration KillLead(Duration expire);

// How long a command may take to end when the lease is not in danger.
Duration EndGrace(Duration expire);

// How long what a command has left behind may go on by itself: what it has written to
// a pipe may still be on its way to a log.
Duration LingerTime(Duration expire);

struct Timetable {
  MonotonicTime check_at;     // Has it been renewed, as it should have been?
  MonotonicTime term_at;      // SIGTERM.
  MonotonicTime kill_at;      // SIGKILL.
  MonotonicTime backstop_at;  // SIGKILL by the watchdog.
};

// `deadline` is the holder's conservative one.
Timetable MakeTimetable(Duration expire, MonotonicTime deadline);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_RUN_TIMETABLE_H_
