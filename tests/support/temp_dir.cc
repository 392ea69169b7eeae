#include "tests/support/temp_dir.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace holdfast {

TempDir::TempDir() : path_("/tmp/hf-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) {
    std::perror("mkdtemp /tmp/hf-XXXXXX");
    std::abort();
  }
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace holdfast
