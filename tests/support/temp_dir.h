// A folder that is removed with all its content when its object goes.
//
// It lies under /tmp and not under TEST_TMPDIR, because a Unix socket's path has
// at most 107 bytes and Bazel's folder alone is nearly that long.

#ifndef HOLDFAST_TESTS_SUPPORT_TEMP_DIR_H_
#define HOLDFAST_TESTS_SUPPORT_TEMP_DIR_H_

#include <string>

namespace holdfast {

// Thread-compatible.
class TempDir {
 public:
  // Ends the process if the folder cannot be made.
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_TEMP_DIR_H_
