// A folder for the sockets of a test. Bazel's own lies too deep: the path of a
// socket has at most 107 bytes.

#ifndef HOLDFAST_SERVICES_NET_TESTING_SCRATCH_FOLDER_H_
#define HOLDFAST_SERVICES_NET_TESTING_SCRATCH_FOLDER_H_

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace holdfast {

// Thread-compatible.
class ScratchFolder {
 public:
  // Ends the process if the folder cannot be made.
  ScratchFolder() {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_ = "/tmp/hf-rpc-XXXXXX";
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_TESTING_SCRATCH_FOLDER_H_
