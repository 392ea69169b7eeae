// The texts of --help besides the options. They teach by example.

#ifndef HOLDFAST_CLIENTS_CLI_HELP_H_
#define HOLDFAST_CLIENTS_CLI_HELP_H_

namespace holdfast::cli {

inline constexpr char kDescription[] =
    "holdfast: locks with leases, from the shell.\n\n"
    "A lock is a name. One holder at a time has it, until it is released or its lease\n"
    "expires. Others wait in line.\n";

inline constexpr char kExamples[] =
    "Examples:\n"
    "  holdfast run nightly-backup ./backup.sh   one at a time, across all hosts\n"
    "  holdfast run -n deploy ./deploy.sh        only if nobody else holds it\n"
    "  holdfast ls                               who holds what\n"
    "  holdfast show deploy                      and who waits for it\n"
    "\n"
    "The server is at --address, $HOLDFAST_ADDRESS or 127.0.0.1:7650.\n"
    "See also `holdfast COMMAND --help`.\n"
    "\n"
    "Exit codes:\n"
    "  0    success; of `run`: the command exited with 0\n"
    "  113  the command line is invalid\n"
    "  114  refused or failed, for a reason not listed below\n"
    "  115  no answer from the server\n"
    "  116  not acquired: somebody else holds the lock (see -E of `run` and `acquire`)\n"
    "  117  the lease was lost, or had already ended\n"
    "  118  nobody holds the lock to be released by force\n"
    "  119  `health`: the server answers, but does not serve: it is starting or stopping\n"
    "  126  `run`: the command cannot be executed    127  the command was not found\n"
    "  `run` otherwise exits as the command does; 128+N if signal N ended it\n";

inline constexpr char kRunDescription[] =
    "Takes a lock, runs a command, and releases the lock.\n\n"
    "The lease is renewed while the command runs. If that fails for too long, the command\n"
    "and all its children are ended (SIGTERM, then SIGKILL) before anybody else can have\n"
    "the lock. The command's environment has HOLDFAST_KEY and HOLDFAST_TOKEN: pass the\n"
    "token to whatever the command writes to, which should reject a token smaller than\n"
    "the largest it has seen.\n";

inline constexpr char kRunExamples[] =
    "Examples:\n"
    "  holdfast run nightly-backup ./backup.sh --full\n"
    "  holdfast run -w 60 --tag eu deploy ./deploy.sh\n"
    "  holdfast run -n -E 0 report make report           succeed if it is held\n"
    "\n"
    "A DURATION is in seconds, or has units: 10, 0.5, 500ms, 1h30m. Options come before\n"
    "the command; everything after it belongs to the command.\n"
    "\n"
    "--expire is how long others wait if this host dies. If the server is unreachable for\n"
    "too long, the command gets SIGTERM with a quarter of it left. Background processes\n"
    "of the command are ended with it, unless they have detached themselves (setsid).\n";

inline constexpr char kAcquireDescription[] =
    "Takes a lock and leaves it held: for scripts that cannot use `run`.\n\n"
    "Prints the lease_id and the fencing token, separated by a space. The lease_id is a\n"
    "secret: anyone who knows it can end the lease. Only you renew the lease.\n";

inline constexpr char kAcquireExamples[] =
    "Example:\n"
    "  taken=$(holdfast acquire deploy --expire 10m -w 60) || exit\n"
    "  read -r lease token <<< \"$taken\"\n"
    "  ./prepare.sh\n"
    "  holdfast renew deploy \"$lease\" || exit\n"
    "  ./deploy.sh --token \"$token\"\n"
    "  holdfast release deploy \"$lease\"\n";

inline constexpr char kRenewDescription[] =
    "Renews a lease: it lasts its current expire, or --expire, from now. A renewal never\n"
    "shortens it. Exit code 117: it has ended, and somebody else may have the lock.\n";

inline constexpr char kRenewExamples[] =
    "Examples:\n"
    "  holdfast renew deploy \"$lease\" || exit           its expire again from now\n"
    "  holdfast renew deploy \"$lease\" --expire 1h       another hour from now\n"
    "\n"
    "$lease is the first word that `holdfast acquire` prints.\n";

inline constexpr char kReleaseDescription[] =
    "Releases a lock. Exit code 117: the lease had already ended, and somebody else may\n"
    "have had the lock since. Releasing again is not an error.\n";

inline constexpr char kReleaseExamples[] =
    "Examples:\n"
    "  holdfast release deploy \"$lease\"\n"
    "  trap 'holdfast release deploy \"$lease\"' EXIT    however the script ends\n"
    "\n"
    "$lease is the first word that `holdfast acquire` prints.\n";

inline constexpr char kLsDescription[] = "Lists the locks that are held or waited for.\n";

inline constexpr char kLsExamples[] =
    "Examples:\n"
    "  holdfast ls --prefix reports/\n"
    "  holdfast ls --tag eu --tag nightly                leases with both tags\n"
    "  holdfast ls --json | jq -r 'select(.queue_length > 5) | .key'\n";

inline constexpr char kShowDescription[] = "Shows a lock: who holds it, and who waits for it.\n";

inline constexpr char kShowExamples[] =
    "Examples:\n"
    "  holdfast show deploy\n"
    "  holdfast show deploy --json | jq -r '.waiters[].owner'\n";

inline constexpr char kWatchDescription[] =
    "Reports what happens to leases: granted, released, expired, forced. Starts with those\n"
    "that are held, and continues until interrupted.\n";

inline constexpr char kWatchExamples[] =
    "Examples:\n"
    "  holdfast watch --prefix reports/\n"
    "  holdfast watch --json | jq -r 'select(.kind == \"EXPIRED\") | .owner'\n";

inline constexpr char kHealthDescription[] =
    "Asks whether the server serves. Exit code 0: it does. 119: it answers, but is starting\n"
    "or stopping. 115: no answer.\n";

inline constexpr char kHealthExamples[] =
    "Examples:\n"
    "  holdfast health --server-timeout 1                for a health check or a probe\n"
    "  until holdfast health; do sleep 1; done           wait until it serves\n";

inline constexpr char kForceReleaseDescription[] =
    "Ends the lease of a lock, whoever holds it, and shows whose it was.\n\n"
    "A holder with a session, such as run, learns of it at once, and any other at its next\n"
    "renewal; until then only the fencing token can stop it. Use this if the holder is known\n"
    "to be dead.\n";

inline constexpr char kForceReleaseExamples[] =
    "Examples:\n"
    "  holdfast force-release deploy\n"
    "  holdfast force-release deploy --token 4711        only the lease with this token\n";

inline constexpr char kReleaseByTagDescription[] =
    "Ends all leases that carry all of the tags, and shows whose they were.\n";

inline constexpr char kReleaseByTagExamples[] =
    "Examples:\n"
    "  holdfast release-by-tag host-web3 --dry-run       what would it end?\n"
    "  holdfast release-by-tag host-web3 --max-token 4711\n"
    "  holdfast release-by-tag nightly eu                leases with both tags\n";

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_HELP_H_
