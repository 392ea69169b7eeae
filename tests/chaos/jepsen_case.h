// The case that made lock services known for losing data: clients that are paused for
// longer than their leases, around a register that the lock is to guard.
//
// Five clients append unique values to one register: acquire, read, add a value, look
// whether the lease is still valid, write, release. Every five seconds the one that
// holds the lock is stopped (SIGSTOP) for longer than its lease lasts, at whatever
// point it has come to. Where that is between its look at the lease and its write, it
// goes on to write back what it had read long before, over all that the others have
// appended meanwhile. How much of that stays lost depends on who is at work just then:
// a holder who has read before that write puts it all back with his own. So a lock
// that somebody holds all the time hides what a lock that is mostly free loses, and
// how long the clients rest is to be chosen.
//
// Two such groups run side by side, on locks and registers of their own. The register
// of the first takes every write. That of the second checks the fencing token of every
// read and write. A value is lost if its write was acknowledged and it is not in the
// register at the end.

#ifndef HOLDFAST_TESTS_CHAOS_JEPSEN_CASE_H_
#define HOLDFAST_TESTS_CHAOS_JEPSEN_CASE_H_

#include <chrono>
#include <cstdint>
#include <iosfwd>

#include "tests/chaos/jepsen_spans.h"

namespace holdfast::chaos {

struct JepsenOutcome {
  std::uint64_t acknowledged = 0;  // Writes,
  std::uint64_t lost = 0;          // and those of them that are not in the register.
  std::uint64_t refused = 0;       // Reads and writes, for their token.
  int pauses = 0;                  // Of a client that held the lock,
  int past_lease = 0;              // and that another had got when it went on.
};

struct JepsenReport {
  JepsenOutcome lease_checked;  // By the clients; the register takes every write.
  JepsenOutcome token_checked;  // By the register.
};

struct JepsenOptions {
  // After that, clients finish what they are at.
  std::chrono::seconds time{120};
  // Of each client between two turns, on the average.
  std::chrono::milliseconds rest{250};
  std::uint64_t seed = 1;
};

// Ends the process if the server or a client cannot be started. Use it on the main
// thread alone (see ChildProcess).
JepsenReport RunJepsenCase(const JepsenOptions& options);

// A small table.
std::ostream& operator<<(std::ostream& out, const JepsenReport& report);

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_JEPSEN_CASE_H_
