// How holdfastd ends, as its parent process sees it. The numbers are those of
// the BSD sysexits convention where it has one that fits. Shown in --help.

#ifndef HOLDFAST_SERVICES_COMMON_EXIT_CODE_H_
#define HOLDFAST_SERVICES_COMMON_EXIT_CODE_H_

namespace holdfast {

enum class ExitCode : int {
  kOk = 0,
  kUsage = 64,               // A flag is wrong.
  kBadData = 65,             // The data is damaged, or of a newer format.
  kAddressUnavailable = 69,  // An address cannot be listened on.
  kDataInUse = 73,           // Another server has the data directory.
  kIoError = 74,             // The disk failed; what was acknowledged is safe.
};

constexpr int ToInt(ExitCode code) { return static_cast<int>(code); }

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_COMMON_EXIT_CODE_H_
