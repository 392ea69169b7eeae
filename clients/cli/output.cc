#include "clients/cli/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "clients/cli/report.h"

namespace holdfast::cli {

bool Print(std::string_view text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) Complain(std::string("standard output: ") + std::strerror(errno));
  return written;
}

}  // namespace holdfast::cli
