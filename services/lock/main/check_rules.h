// `holdfastd check-rules`: whether a file of rules can be read, and what they let somebody
// do, before a server is told to follow them.

#ifndef HOLDFAST_SERVICES_LOCK_MAIN_CHECK_RULES_H_
#define HOLDFAST_SERVICES_LOCK_MAIN_CHECK_RULES_H_

#include "services/lock/main/flags.h"

namespace holdfast {

inline constexpr char kCheckRules[] = "check-rules";

// `argv` begins with the name of the command. What to print, and the exit code: kUsage if
// the command line or the file is wrong, and kOk whatever the rules say.
EarlyExit CheckRules(int argc, const char* const* argv);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_MAIN_CHECK_RULES_H_
