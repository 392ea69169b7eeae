// How holdfast ends, as its caller sees it. Shown in --help and in docs/cli.md.
//
// `holdfast run` passes on whatever its command ends with, so its own codes must be
// ones that commands hardly ever use. Below 64 programs number their errors as they
// like; 64 to 78 belong to sysexits.h; 99, 100 and 111 to older tools, 120 to Python,
// 123 to 127 to xargs, timeout, env and the shells; from 128 on they are signals, and
// from 200 on those of service managers. 113 to 119 is what next to nobody uses.

#ifndef HOLDFAST_CLIENTS_CLI_EXIT_CODE_H_
#define HOLDFAST_CLIENTS_CLI_EXIT_CODE_H_

namespace holdfast::cli {

enum class ExitCode : int {
  kOk = 0,
  kUsage = 113,        // The command line, or something on it, is wrong.
  kFailed = 114,       // The server refused, or this machine did, for another reason.
  kUnreachable = 115,  // No answer from a server.
  kNotAcquired = 116,  // Somebody else holds the lock.
  kLost = 117,         // The lease ended before it was given back.
  kNotHeld = 118,      // There is no such lease to end by force.
  kNotServing = 119,   // The server answers, but it is starting or stopping.

  // Of `run`, as shells have them.
  kCannotExecute = 126,
  kCommandNotFound = 127,
};

constexpr int ToInt(ExitCode code) { return static_cast<int>(code); }

// Of a program that a signal has ended, as shells have it.
constexpr int ExitCodeOfSignal(int signal) { return 128 + signal; }

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_EXIT_CODE_H_
