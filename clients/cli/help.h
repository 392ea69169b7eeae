// What --help says beside the options: it teaches by examples.

#ifndef HOLDFAST_CLIENTS_CLI_HELP_H_
#define HOLDFAST_CLIENTS_CLI_HELP_H_

namespace holdfast::cli {

inline constexpr char kDescription[] =
    "holdfast: locks with leases, from the shell.\n\n"
    "A lock is a name. Whoever takes it has it alone, until it is given back or its lease\n"
    "expires. Those who come later wait in line.\n";

inline constexpr char kExamples[] =
    "Examples:\n"
    "  holdfast run nightly-backup ./backup.sh   one at a time, on all hosts\n"
    "  holdfast run -n deploy ./deploy.sh        or not at all\n"
    "  holdfast ls                               who holds what\n"
    "  holdfast show deploy                      and who waits for it\n"
    "\n"
    "The server is the one at --address, at $HOLDFAST_ADDRESS, or at 127.0.0.1:7650.\n"
    "`holdfast COMMAND --help` tells more.\n"
    "\n"
    "Exit codes:\n"
    "  0    done; of `run`: the command has ended with 0\n"
    "  113  the command line, or something on it, is wrong\n"
    "  114  refused or failed, for another reason than those below\n"
    "  115  no answer from the server\n"
    "  116  not acquired: somebody else holds the lock (see -E of `run` and `acquire`)\n"
    "  117  the lease was lost, or has ended before\n"
    "  118  nobody holds the lock that was to be released by force\n"
    "  126  `run`: the command cannot be executed    127  it was not found\n"
    "  and of `run`: whatever the command ends with; 128+N if signal N ended it\n";

inline constexpr char kRunDescription[] =
    "Takes a lock, runs a command, gives the lock back.\n\n"
    "The lease is renewed while the command runs. If that does not succeed in time, the\n"
    "command and all that it has started are ended (SIGTERM, then SIGKILL) before anybody\n"
    "else can have the lock. The command finds HOLDFAST_KEY and HOLDFAST_TOKEN in its\n"
    "environment: hand the token to whatever it writes to, which should refuse a smaller\n"
    "one than the largest it has seen.\n";

inline constexpr char kRunExamples[] =
    "Examples:\n"
    "  holdfast run nightly-backup ./backup.sh --full\n"
    "  holdfast run -w 60 --tag eu deploy ./deploy.sh\n"
    "  holdfast run -n -E 0 report make report           somebody else is at it: fine\n"
    "\n"
    "A DURATION is seconds, or has units: 10, 0.5, 500ms, 1h30m. Options stand before the\n"
    "command; all that follows it is its own.\n"
    "\n"
    "--expire says how long others wait if this host dies; and a quarter of it is what the\n"
    "command has, to end by itself, when the server has not been reached for long enough.\n"
    "What the command leaves running in the background is ended with it, unless it has\n"
    "made itself independent by setsid.\n";

inline constexpr char kAcquireDescription[] =
    "Takes a lock and leaves it held: for scripts that cannot use `run`.\n\n"
    "Prints the lease id and the fencing token, with a space between. The lease id is a\n"
    "secret: whoever knows it can end the lease. Nobody renews it but you.\n";

inline constexpr char kAcquireExamples[] =
    "Example:\n"
    "  taken=$(holdfast acquire deploy --expire 10m -w 60) || exit\n"
    "  read -r lease token <<< \"$taken\"\n"
    "  ./prepare.sh\n"
    "  holdfast renew deploy \"$lease\" || exit\n"
    "  ./deploy.sh --token \"$token\"\n"
    "  holdfast release deploy \"$lease\"\n";

inline constexpr char kRenewDescription[] =
    "Makes a lease last from now on, for as long as it was to last at first or for\n"
    "--expire. Exit code 117: it has ended, and somebody else may have the lock.\n";

inline constexpr char kRenewExamples[] =
    "Examples:\n"
    "  holdfast renew deploy \"$lease\" || exit           as long again as it was to last\n"
    "  holdfast renew deploy \"$lease\" --expire 1h       another hour from now\n"
    "\n"
    "$lease is the first word that `holdfast acquire` has printed.\n";

inline constexpr char kReleaseDescription[] =
    "Gives a lock back. Exit code 117: the lease had ended before, and somebody else may\n"
    "have had the lock meanwhile. Releasing once more is no error.\n";

inline constexpr char kReleaseExamples[] =
    "Examples:\n"
    "  holdfast release deploy \"$lease\"\n"
    "  trap 'holdfast release deploy \"$lease\"' EXIT    however the script ends\n"
    "\n"
    "$lease is the first word that `holdfast acquire` has printed.\n";

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
    "Tells what happens to leases: granted, released, expired, forced. Begins with those\n"
    "that are held, and goes on until it is interrupted.\n";

inline constexpr char kWatchExamples[] =
    "Examples:\n"
    "  holdfast watch --prefix reports/\n"
    "  holdfast watch --json | jq -r 'select(.kind == \"EXPIRED\") | .owner'\n";

inline constexpr char kForceReleaseDescription[] =
    "Ends the lease that is on a lock, whoever holds it, and shows whose it was.\n\n"
    "Its holder learns of it at its next renewal; what it does until then, only the\n"
    "fencing token can stop. For a holder that is known to be dead.\n";

inline constexpr char kForceReleaseExamples[] =
    "Examples:\n"
    "  holdfast force-release deploy\n"
    "  holdfast force-release deploy --token 4711        that lease, or none\n";

inline constexpr char kReleaseByTagDescription[] =
    "Ends all leases that carry all of the tags, and shows whose they were.\n";

inline constexpr char kReleaseByTagExamples[] =
    "Examples:\n"
    "  holdfast release-by-tag host-web3 --dry-run       what would it hit?\n"
    "  holdfast release-by-tag host-web3 --max-token 4711\n"
    "  holdfast release-by-tag nightly eu                leases with both tags\n";

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_HELP_H_
