// Where Bazel has put the programs that a test runs.

#ifndef HOLDFAST_TESTS_SUPPORT_RUNFILE_H_
#define HOLDFAST_TESTS_SUPPORT_RUNFILE_H_

#include <string>

namespace holdfast {

// The path of a `data` dependency, given its path in the repository.
std::string Runfile(const std::string& path);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_RUNFILE_H_
