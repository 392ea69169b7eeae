#include "tests/support/runfile.h"

#include <cstdlib>

namespace holdfast {

std::string Runfile(const std::string& path) {
  const char* root = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  // Started by hand, from the repository's root or from a runfiles folder.
  if (root == nullptr || workspace == nullptr) return path;
  return std::string(root) + "/" + workspace + "/" + path;
}

}  // namespace holdfast
